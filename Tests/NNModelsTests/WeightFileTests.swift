import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// Weights from files.
struct WeightFileTests {
  /// The weights of Han's "Deep compression" SqueezeNet, of 58 % accuracy on ImageNet.
  @Test(arguments: ["pth", "safetensors"])
  func callsADogASamoyed(_ format: String) throws {
    guard let shared = sharedFolder else {
      print("callsADogASamoyed skipped: NN_SHARED_DIR does not name a folder with weights/ and images/")
      return
    }
    let network = squeezenet1_0().eval()
    try network.loadWeights(from: shared.path + "/weights/squeezenet1_0-deepcompressed.\(format)")
    let transform = Compose {
      Resize(256)
      CenterCrop(224)
      ToTensor()
      Normalize.imageNet
    }
    let image = transform(try Image(contentsOfFile: shared.path + "/images/dog.jpg"))
    let probabilities = noGrad { network(image.unsqueeze(0)).softmax(1) }.array(of: Double.self)
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? -1
    #expect(imagenetCategories[best] == "Samoyed")
    #expect((probabilities[best] * 1000).rounded() == 991)
  }

  /// The published weights of EfficientNet-Lite0 under timm's names: timm's logits in float64, whatever TensorFlow's
  /// padding makes of the size.
  @Test func seesAsTimmsEfficientNetLite() throws {
    guard let shared = sharedFolder else {
      print("seesAsTimmsEfficientNetLite skipped: NN_SHARED_DIR does not name a folder with weights/")
      return
    }
    let network = skipInit { tf_efficientnet_lite0() }.eval()
    try network.loadWeights(from: shared.path + "/weights/tf_efficientnet_lite0.safetensors")
    let entries = ModelFixture("tf_efficientnet_lite0_in1k").json["logits"]?.elements ?? []
    #expect(entries.count == 4)
    for entry in entries {
      let logits = noGrad { network(ModelFixture.input(entry["input"]?.ints ?? [])) }
      #expect(logitDifferences(logits, entry["rows"]?.elements ?? [], atol: 1e-4) == [])
    }

    let preset = tf_efficientnet_lite0.defaultWeights.transforms
    let image = preset(try Image(contentsOfFile: shared.path + "/images/dog.jpg"))
    let probabilities = noGrad { network(image.unsqueeze(0)).softmax(1) }.array(of: Double.self)
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? -1
    #expect(imagenetCategories[best] == "Samoyed")
    // As with Pillow's resampling; the photo is one that a pixel more or less to the side changes by 0.08.
    #expect(abs(probabilities[best] - 0.7533) <= 0.001)
  }

  /// What torchvision 0.24.1 gives in float64 with the formula weights of `ModelFixture` and
  /// `ResNet18_Weights.IMAGENET1K_V1.transforms()` on a photo of 1546x1213 pixels.
  @Test func seesAPhotoAsTorchvision() throws {
    guard let shared = sharedFolder else {
      print("seesAPhotoAsTorchvision skipped: NN_SHARED_DIR does not name a folder with images/")
      return
    }
    let network = skipInit { resnet18() }.eval()
    try network.loadStateDict(ModelFixture.weights(of: network, convGain: 1))
    let image = resnet18.defaultWeights.transforms(
      try Image(contentsOfFile: shared.path + "/images/dog.jpg"))
    #expect(abs(image.to(.float64).sum().item() - 47713.15177705698) <= 0.01)
    let logits = noGrad { network(image.unsqueeze(0)) }.array(of: Double.self)
    let first = [
      -33.4430611, 9.7611871, 57.2757285, 24.1358588, 0.012425667, -14.8799669, 0.862910081, 17.969207,
      -36.3128382,
      43.6631575,
    ]
    for (got, want) in zip(logits, first) { #expect(abs(got - want) <= 1e-4) }
    #expect(abs(logits.reduce(0) { $0 + $1 * $1 }.squareRoot() - 1088.20172213) <= 1e-3)
    #expect(logits.indices.max { logits[$0] < logits[$1] } == 214)
  }

  @Test func loadsWhatWasWritten() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/weights.safetensors"
      let (source, target) = (squeezenet1_1(classes: 3), squeezenet1_1(classes: 3))
      try source.stateDict().write(safetensors: file)
      try target.loadWeights(from: file)
      for (a, b) in zip(source.stateDict(), target.stateDict()) { #expect(a.value.isEqual(to: b.value)) }
      try source.stateDict().addingPrefix("module.").write(safetensors: file)
      try target.loadWeights(from: file, prefix: "module.")
    }
  }

  @Test func namesTheFileAndAllThatDiffers() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/weights.safetensors"
      let network = squeezenet1_1(classes: 3)
      let before = network.stateDict()
      var state = squeezenet1_1(classes: 2).stateDict()
      state["features.0.weight"] = nil
      state["features.99.weight"] = Tensor.zeros(1)
      try state.write(safetensors: file)
      let found =
        "1 missing (features.0.weight), 1 unexpected (features.99.weight), 2 mismatched "
        + "(classifier.1.weight: expected [3, 512, 1, 1], found [2, 512, 1, 1]; "
        + "classifier.1.bias: expected [3], found [2])"
      #expect(
        throws: FileError.malformed(file: file, expected: "the weights of SqueezeNet", found: found)
      ) {
        try network.loadWeights(from: file)
      }
      #expect(throws: FileError.self) { try network.loadWeights(from: folder.path + "/missing.pth") }
      for (a, b) in zip(before, network.stateDict()) { #expect(a.value.isEqual(to: b.value)) }
    }
  }

  @Test func looseLoadingReportsWhatDiffers() throws {
    try withTemporaryFolder { folder in
      let file = folder.path + "/weights.safetensors"
      var state = squeezenet1_1(classes: 3).stateDict()
      state["classifier.1.weight"] = nil
      try state.write(safetensors: file)
      let report = try squeezenet1_1(classes: 3).loadWeights(from: file, strict: false)
      #expect(report == StateDictReport(missing: ["classifier.1.weight"]))
    }
  }
}
