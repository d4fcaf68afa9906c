import Foundation
import NNCore
import NNData
import NNLayers
import NNModels
import TestSupport
import Testing

/// The official weights: what is known of them, and what a network does with them.
struct PretrainedWeightsTests {
  @Test(arguments: ModelFixture.names)
  func equalsTorchvisionsEntries(_ name: String) throws {
    let expected = ModelFixture(name).json["official_weights"]?.elements ?? []
    let weights = try modelWeights(name)
    #expect(weights.count == expected.count && !weights.isEmpty)
    for entry in weights {
      #expect(entry.architecture == name)
      let want = try #require(expected.first { $0["enum"]?.string?.hasSuffix(".\(entry.name)") == true })
      #expect(entry.fileName == want["file"]?.string)
      #expect(
        entry.url
          == want["address"]?.string
          ?? "\(want["url"]?.string ?? "https://download.pytorch.org/models")/\(entry.fileName)")
      #expect(entry.parameterCount == want["num_params"]?.int)
      let accuracy = want["acc1"]?.isNull == false ? want : nil
      #expect(entry.accuracy?.top1 == accuracy?["acc1"]?.double)
      #expect(entry.accuracy?.top5 == accuracy?["acc5"]?.double)
      #expect(entry.categories.count == want["classes"]?.int ?? (accuracy == nil ? 0 : 1000))
      #expect(entry.transforms.resize == want["resize"]?.int)
      #expect(entry.transforms.crop == want["crop"]?.int)
      #expect(entry.transforms.interpolation.rawValue == want["interpolation"]?.string)
      #expect(entry.minimumSize == want["min_size"]?.ints?.first)
      #expect(try officialWeights(name, entry.name) == entry)
    }
    #expect(weights.first == (try officialWeights(name)))
  }

  @Test func namesAreTorchvisions() throws {
    // The newer weights are the better ones, where there are two of a kind.
    let newer = ["resnet50", "mobilenet_v2", "efficientnet_b1", "wide_resnet50_2"]
    for name in newer { #expect(try officialWeights(name).name == .imagenet1kV2) }
    for name in ["vit_b_16", "vgg16", "resnet18"] { #expect(try officialWeights(name).name == .imagenet1kV1) }
    #expect(try officialWeights("resnet50") == resnet50.defaultWeights)
    #expect(
      try officialWeights("efficientnet_b1", "IMAGENET1K_V1")
        == efficientnet_b1.officialWeights(.imagenet1kV1))
    #expect(try officialWeights("regnet_y_128gf").name == .imagenet1kSwagE2EV1)
    #expect(resnet18.defaultWeights.checksum == .sha256Prefix("f37072fd"))
    #expect(mnasnet0_5.defaultWeights.checksum == .sha256Prefix("3ffadce67e"))
    #expect(alexnet.defaultWeights.checksum == .sha256Prefix("7be5be79"))
    #expect(PretrainedWeights.all.count == 187)
    #expect(Set(PretrainedWeights.all.map(\.fileName)).count == 187)
    let error = #expect(throws: WeightsError.self) { try officialWeights("resnet18", .imagenet1kV2) }
    #expect(error?.description == "resnet18 has no weights \"IMAGENET1K_V2\"; there are IMAGENET1K_V1")
    #expect(throws: ModelError.self) { try modelWeights("resnet19") }
  }

  @Test func preprocessesAsTorchvision() {
    let image = Image(width: 400, height: 300, channels: 3, pixels: (0..<360_000).map { UInt8($0 % 251) })
    let chain = Compose {
      Resize(232)
      CenterCrop(224)
      ToTensor()
      Normalize.imageNet
    }
    let transforms = resnet50.defaultWeights.transforms
    #expect(transforms(image).isEqual(to: chain(image)))
    #expect(efficientnet_b2.defaultWeights.transforms(image).shape == [3, 288, 288])
    #expect(
      transforms.description
        == "ImageClassification(crop: 224, resize: 232, bilinear, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])"
    )
  }

  /// torchvision drops GoogLeNet's heads, which are not trained in its file, and keeps Inception's.
  @Test func bothInceptionNetworksTakeTheirConventions() {
    let google = skipInit { googlenet() }
    google.didLoadOfficialWeights()
    #expect(google.transformInput && google.aux1 == nil && google.aux2 == nil)
    #expect(
      google.parameters().reduce(0) { $0 + $1.count } == googlenet.defaultWeights.parameterCount)
    let inception = skipInit { inception_v3() }
    inception.didLoadOfficialWeights()
    #expect(inception.transformInput && inception.AuxLogits != nil)
    #expect(
      inception.parameters().reduce(0) { $0 + $1.count } == inception_v3.defaultWeights.parameterCount)
  }

  /// What the library brings along is had as official weights are, without Internet.
  @Test func shapesNetBringsItsWeights() throws {
    let cache = WeightCache(folder: "/nowhere", isOffline: true)
    let network = try shapesnet(weights: .default, cache: cache).eval()
    let weights = shapesnet.defaultWeights
    #expect(network.parameters().reduce(0) { $0 + $1.count } == weights.parameterCount)
    #expect(network.classifier.outFeatures == weights.categories.count)
    let shapes = SyntheticShapes(.pretraining, train: false, count: 400)
    #expect(shapes.classes == weights.categories)
    let images = shapes.data.permute(0, 3, 1, 2).to(.float32) / 255
    let guesses = noGrad { network(images) }.argmax(1).array(of: Int.self)
    #expect(zip(guesses, shapes.targets).count { $0 == $1 } > 300)
    let other = try makeModel("shapesnet", weights: .default, classes: 3, cache: cache).eval()
    #expect(noGrad { other(Tensor.zeros(1, 3, 8, 8)) }.shape == [1, 3])
  }

  /// A network of images of one size is made for the size that is asked for.
  @Test func visionTransformersAreMadeForASize() {
    let networks = skipInit { (vit_b_16(classes: 2), vit_b_16(classes: 2, imageSize: 384)) }
    #expect(networks.0.imageSize == 224 && networks.1.imageSize == 384)
  }

  /// Keys of the official DenseNet files, and of ViT files from before torchvision 0.13.
  @Test func understandsOldKeys() throws {
    let dense = skipInit { densenet121(classes: 2) }
    let state = ModelFixture.weights(of: dense, convGain: 1)
    let old = try state.filter { !$0.key.hasSuffix("num_batches_tracked") }.renaming { key in
      guard key.contains("denselayer") else { return key }
      return ["norm1", "norm2", "conv1", "conv2"].reduce(key) { key, part in
        key.replacingOccurrences(of: ".\(part).", with: ".\(part.dropLast()).\(part.last ?? " ").")
      }
    }
    #expect(old["features.denseblock1.denselayer1.norm.1.weight"] != nil)
    try dense.loadStateDict(old)
    for (key, value) in dense.stateDict() { #expect(value.isEqual(to: try #require(state[key])), "\(key)") }

    let vit = VisionTransformer(
      imageSize: 4, patchSize: 2, layers: 2, attentionHeads: 2, width: 4, hidden: 8, classes: 3)
    let named = try vit.stateDict().renaming {
      $0.replacingOccurrences(of: "mlp.0.", with: "mlp.linear_1.")
        .replacingOccurrences(of: "mlp.3.", with: "mlp.linear_2.")
    }
    try vit.loadStateDict(named)
    // A file with both spellings is refused.
    var both = named
    both["encoder.layers.encoder_layer_0.mlp.0.bias"] = Tensor.zeros(8)
    let error = #expect(throws: StateError.self) { try vit.loadStateDict(both) }
    #expect(
      "\(error.map { "\($0)" } ?? "")".contains(
        "unexpected (encoder.layers.encoder_layer_0.mlp.linear_1.bias)"))
  }

  @Test func auxiliaryHeadsCountInTheLoss() {
    let outputs = skipInit { googlenet(classes: 2) }.train().outputs(Tensor.ones(2, 3, 64, 64))
    #expect(outputs.auxiliaryLogits.map(\.shape) == [[2, 2], [2, 2]])
    let loss = outputs.loss(auxiliaryWeight: 0.25) { ($0 * 0 + 2).mean() }
    #expect(loss.item() == 3)
  }

  @Test func thereAre1000Categories() {
    #expect(imagenetCategories.count == 1000)
    #expect(imagenetCategories[0] == "tench")
    #expect(imagenetCategories[258] == "Samoyed")
    #expect(imagenetCategories[999] == "toilet tissue")
  }
}
