import Foundation
import NNCore
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// `nn export` for trained runs and for weight files.
@Suite struct ExportCommandTests {
  private func export(_ arguments: [String]) throws -> Command {
    try Command([product("nn"), "export"] + arguments)
  }

  @Test func exportsARun() throws {
    try withTemporaryFolder { folder in
      let (run, path) = (folder.path + "/run", folder.path + "/shapes.onnx")
      let trained = try Command(
        [product("nn"), "train", "--output", run] + [
          "--limit-train", "64", "--batch-size", "32", "--epochs", "1", "--seed", "3",
        ])
      try #require(trained.status == 0, "\(trained.output)")
      let exported = try export([run, "--output", path])
      try #require(exported.status == 0, "\(exported.output)")
      #expect(exported.output.contains("shapesnet for images [batch, 3, 32, 32]"), "\(exported.output)")
      let file = try ONNXFile(path)
      #expect(file.inputs.map(\.shape) == [["batch", "3", "32", "32"]])
      #expect(file.outputs.map(\.shape) == [["batch", "10"]])
      let classes = try JSONDecoder().decode(
        [String].self, from: Data(try #require(file.metadata["classes"]).utf8))
      #expect(classes.count == 10 && Set(classes).count == 10)
      #expect(file.metadata["arch"] == "shapesnet" && file.metadata["image_size"] == "32")
      let weights = try StateDict(contentsOf: run + "/model.safetensors")
      for (key, value) in weights where !key.hasSuffix("num_batches_tracked") {
        #expect(file.constants[key]?.shape == value.shape, "\(key)")
      }

      // What the run's network computes is what a runtime gives.
      guard ONNXRuntime.isAvailable else { return }
      let network = ShapesNet(classes: 10)
      try network.loadStateDict(weights)
      network.eval()
      manualSeed(1)
      let x = Tensor.randn([4, 3, 32, 32])
      let failures = try ONNXRuntime.failures([(path, [(x, noGrad { network(x) })])])
      #expect(failures.isEmpty, "\(failures)")
    }
  }

  @Test func exportsAWeightFile() throws {
    try withTemporaryFolder { folder in
      let (weights, path) = (folder.path + "/weights.safetensors", folder.path + "/out.onnx")
      try makeModel("squeezenet1_1").stateDict().write(safetensors: weights)
      let arguments = ["--arch", "squeezenet1_1", "--weights", weights, "--output", path]
      let exported = try export(arguments + ["--image-size", "64"])
      try #require(exported.status == 0, "\(exported.output)")
      let file = try ONNXFile(path)
      #expect(file.inputs.map(\.shape) == [["batch", "3", "64", "64"]])
      #expect(file.metadata["mean"] == "[0.485,0.456,0.406]" && file.metadata["std"] == "[0.229,0.224,0.225]")
      #expect(file.metadata["classes"]?.hasPrefix("[\"tench\",\"goldfish\"") == true)

      let small = try export(arguments + ["--image-size", "8"])
      #expect(small.status == 1)
      #expect(small.output.contains("--image-size: squeezenet1_1 takes images from"), "\(small.output)")
      let other = try export(["--arch", "squeezenet1_0", "--weights", weights, "--output", path])
      #expect(other.status == 1 && other.output.contains("weights.safetensors: expected"), "\(other.output)")
      let nowhere = try export(
        ["--arch", "squeezenet1_1", "--weights", weights, "--output", folder.path + "/no/out.onnx"])
      #expect(nowhere.status == 1 && nowhere.output.contains("out.onnx: cannot be written"))
      for result in [small, other, nowhere] {
        #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
      }
    }
  }

  @Test(arguments: [
    (["--output", "a.onnx"], "expected a run, or --arch and --weights"),
    (["run", "--arch", "resnet18", "--output", "a.onnx"], "expected a run, or --arch and --weights"),
    (["--arch", "resnet18", "--output", "a.onnx"], "expected a run, or --arch and --weights"),
    (["run", "--output", "a.onnx", "--image-size", "0"], "--image-size: expected a number of at least 1"),
    (["run"], "--output"),
  ])
  func refusesWrongArguments(arguments: [String], message: String) throws {
    let result = try export(arguments)
    #expect(result.status == 64 && result.output.contains(message), "\(result.output)")
  }

  @Test func namesARunThatIsNotThere() throws {
    let result = try export(["/nowhere/run", "--output", "a.onnx"])
    #expect(result.status == 1 && result.output.contains("/nowhere/run"), "\(result.output)")
    #expect(result.output.split(separator: "\n").count == 1, "\(result.output)")
  }
}
