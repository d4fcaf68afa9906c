import Foundation
import NNCore
import NNExport
import NNFiles
import NNLayers
import TestSupport
import Testing

@Suite struct ExportTests {
  /// The structure of a small network, read back.
  @Test func writesTheGraph() throws {
    let net = SmallNet()
    net.blocks[1].freeze()
    let state = net.stateDict()
    try withTemporaryFolder { folder in
      let path = folder.path + "/net.onnx"
      try net.export(
        onnx: path, inputShape: [1, 3, 8, 6], inputName: "image", outputName: "logits",
        metadata: ["classes": "[\"a\", \"b\"]"])
      let file = try ONNXFile(path)
      #expect(file.opset == 18 && file.irVersion == 8 && file.name == "SmallNet")
      #expect(file.producer == ["swift-nn", libraryVersion])
      #expect(file.metadata == ["classes": "[\"a\", \"b\"]"])
      #expect(file.inputs == [.init(name: "image", elementType: 1, shape: ["batch", "3", "8", "6"])])
      #expect(file.outputs == [.init(name: "logits", elementType: 1, shape: ["batch", "10"])])
      #expect(
        file.nodes.map(\.name) == [
          "stem/Conv", "blocks.0.conv/Conv", "blocks.0.norm/BatchNormalization", "blocks.0/Relu",
          "blocks.0/Add", "blocks.1.conv/Conv", "blocks.1.norm/BatchNormalization", "blocks.1/Relu",
          "blocks.1/Add", "ReduceMean", "head/Gemm",
        ])
      #expect(
        file.nodes[1].inputs == ["stem/Conv", "blocks.0.conv.weight"]
          && file.nodes[1].integers["pads"] == [1, 1, 1, 1])
      #expect(file.nodes[10].inputs == ["ReduceMean", "head.weight", "head.bias"])
      for (key, value) in state
      where !key.hasPrefix("unused") && !key.hasSuffix("num_batches_tracked") {
        let constant = try #require(file.constants[key], "\(key) is missing")
        #expect(constant.elementType == 1 && constant.shape == value.shape)
        #expect(constant.bytes == value.array(of: Float.self).withUnsafeBytes { Data($0) })
      }
      // Without `unused` and the counters of batches, with the axes of the mean.
      #expect(file.constants.count == state.count - 4 + 1)
    }
    #expect(net.isTraining && !net.blocks[1].isTraining)
    for (key, value) in net.stateDict() { #expect(state[key]?.isEqual(to: value) == true) }
  }

  /// What the documentation shows.
  @Test func exportsAsDocumented() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/network.onnx"
      // The guide `Export`.
      let network = Sequential(
        Conv2d(3, 8, kernelSize: 3, padding: 1), ReLU(), AdaptiveAvgPool2d(1), Flatten(), Linear(8, 10))
      try network.export(onnx: path, inputShape: [1, 3, 32, 32], metadata: ["classes": "cat, dog, …"])
      // and in two steps
      var model = try ONNXModel(network, inputShape: [1, 3, 32, 32])
      model.metadata["classes"] = "cat, dog, …"
      try model.write(to: path + ".2")
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: path))
          == Data(contentsOf: URL(fileURLWithPath: path + ".2")))
      #expect(model.operators == ["Conv": 1, "Relu": 1, "GlobalAveragePool": 1, "Reshape": 1, "Gemm": 1])
    }
  }

  /// Whatever is not certain to be the same for every batch is refused, by name.
  @Test(arguments: Self.refused.indices)
  func refuses(place: Int) throws {
    let (message, function) = Self.refused[place]
    let network = Sequential(Sequential(Function(function)))
    let error = #expect(throws: ExportError.self) { try ONNXModel(network, inputShape: [1, 6]) }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.hasPrefix("ONNX export: \(message)"), "\(text)")
    #expect(!text.contains("\n"))
  }

  private static let refused: [(message: String, function: @Sendable (Tensor) -> Tensor)] = [
    ("erfinv in layer 0.0: ONNX has no such operator", { $0.erfinv() }),
    ("cumsum in layer 0.0: it is not one that is traced", { $0.cumsum(1) }),
    ("mean in layer 0.0: averages over the rows", { $0 - $0.mean() }),
    ("batchNorm in layer 0.0: it uses the statistics of the batch", { $0.batchNorm().output }),
    ("dropout in layer 0.0: it draws random numbers", { $0.dropout(p: 0.5) }),
    ("sum in layer 0.0: its values are read", { x in x.sum(1).array(of: Float.self)[0] > 0 ? x : -x }),
    ("mul in layer 0.0: it depends on the number of rows", { $0 * Double($0.shape[0]) }),
    ("add in layer 0.0: it depends on the number of rows, or changes", { $0 + Tensor.randn(6) }),
    ("cat in layer 0.0: it takes an operand", { cat([$0, Tensor.zeros($0.shape[0], 1)], axis: 1) }),
    ("reshape in layer 0.0: moves elements from row to row", { $0.reshape(-1, 2) }),
    ("result in the network: it does not depend on the input", { _ in Tensor.zeros(1, 2) }),
    (
      "adaptiveMaxPool2d in layer 0.0: 2x3 does not divide evenly into 2x2",
      { $0.reshape($0.shape[0], 1, 2, 3).adaptiveMaxPool2d(outputSize: 2) }
    ),
  ]

  @Test func tellsOfAFileThatCannotBeWritten() {
    #expect(throws: FileError.self) {
      try Linear(2, 2).export(onnx: "/nowhere/at/all.onnx", inputShape: [1, 2])
    }
  }
}
