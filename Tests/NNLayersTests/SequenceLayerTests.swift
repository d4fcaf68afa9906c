import Foundation
import NNCore
import NNFiles
import NNLayers
import TestSupport
import Testing

/// Layers of sequences and volumes against PyTorch's and timm's: keys, results and gradients.
@Suite struct SequenceLayerTests {
  private static let folder = fixtureFolder.appendingPathComponent("sequences")
  private static let cases =
    (try? JSONValue(contentsOf: folder.appendingPathComponent("cases.json")))?.elements ?? []
  private static let tensors = try? StateDict(
    contentsOf: folder.appendingPathComponent("tensors.safetensors").path)

  @Test func fixturesAreThere() { #expect(Self.cases.count == 14 && Self.tensors != nil) }

  /// A layer, and how it is called.
  private func layer(
    _ kind: String, _ s: [String: JSONValue]
  ) throws -> (module: Module, call: (Tensor) -> [Tensor]) {
    func int(_ name: String, _ usual: Int? = nil) throws -> Int { try #require(s[name]?.int ?? usual) }
    func flag(_ name: String, _ usual: Bool = false) -> Bool { s[name]?.bool ?? usual }
    func encoder() throws -> TransformerEncoderLayer {
      TransformerEncoderLayer(
        try int("d_model"), heads: try int("nhead"), hidden: try int("dim_feedforward"), dropout: 0,
        activation: s["activation"]?.string == "gelu" ? { $0.gelu() } : { $0.relu() },
        epsilon: s["layer_norm_eps"]?.double ?? 1e-5, batchFirst: flag("batch_first"),
        normFirst: flag("norm_first"), bias: flag("bias", true))
    }
    switch kind {
    case "LSTM":
      let lstm = LSTM(
        try int("input_size"), try int("hidden_size"), layers: try int("num_layers", 1),
        bias: flag("bias", true), batchFirst: flag("batch_first"), bidirectional: flag("bidirectional"))
      return (
        lstm,
        {
          let (output, state) = lstm($0)
          return [output, state.hidden, state.cell]
        }
      )
    case "GRU":
      let gru = GRU(
        try int("input_size"), try int("hidden_size"), layers: try int("num_layers", 1),
        bias: flag("bias", true), batchFirst: flag("batch_first"), bidirectional: flag("bidirectional"))
      return (
        gru,
        {
          let (output, state) = gru($0)
          return [output, state]
        }
      )
    case "TransformerEncoderLayer":
      let layer = try encoder()
      return (layer, { [layer($0)] })
    case "TransformerEncoder":
      let parts = try (0..<2).map { _ in try encoder() }
      var rest = parts[...]
      let whole = TransformerEncoder(layers: 2, norm: LayerNorm(try int("d_model"))) { rest.removeFirst() }
      return (whole, { [whole($0)] })
    case "RMSNorm":
      let norm = RMSNorm(
        try #require(s["normalized_shape"]?.ints), epsilon: s["eps"]?.double,
        affine: flag("elementwise_affine", true))
      return (norm, { [norm($0)] })
    case "SwiGLU":
      let glu = SwiGLU(
        try int("in_features"), hidden: try int("hidden_features"), outputs: try int("out_features"))
      return (glu, { [glu($0)] })
    case "Conv3d":
      let conv = Conv3d(
        try int("in_channels"), try int("out_channels"), kernelSize: try #require(s["kernel_size"]?.ints),
        stride: s["stride"]?.ints ?? [1], padding: s["padding"]?.ints ?? [0],
        dilation: s["dilation"]?.ints ?? [1], groups: try int("groups", 1), bias: flag("bias", true))
      return (conv, { [conv($0)] })
    default: throw FixtureError("no layer \(kind)")
    }
  }

  @Test(arguments: 0..<14)
  func followsPyTorch(place: Int) throws {
    let entry = try #require(Self.cases.indices.contains(place) ? Self.cases[place] : nil)
    let tensors = try #require(Self.tensors)
    let name = try #require(entry["name"]?.string)
    func stored(_ key: String) throws -> Tensor { try #require(tensors["\(name)/\(key)"]).to(.float64) }
    let (module, call) = try layer(#require(entry["kind"]?.string), entry["settings"]?.entries ?? [:])
    module.to(.float64)
    let keys = try #require(entry["keys"]?.elements).compactMap(\.string)
    #expect(Array(module.stateDict().keys) == keys)
    try module.loadStateDict(StateDict(keys.map { (key: $0, value: try stored("state.\($0)")) }))
    let x = try stored("x").requiringGrad()
    let outputs = call(x)
    var total = Tensor(0.0)
    for (number, output) in outputs.enumerated() {
      let expected = try stored("out\(number)")
      #expect(
        output.isClose(to: expected, relativeTolerance: 2e-6, absoluteTolerance: 2e-6),
        "\(name) output \(number): \(output), expected \(expected)")
      total = total + (output * (try stored("seed\(number)"))).sum()
    }
    #expect(tensors["\(name)/out\(outputs.count)"] == nil)
    total.backward()
    for (key, gradient) in [("grad", x.grad)] + module.namedParameters().map({ ("grad.\($0)", $1.grad) }) {
      let expected = try stored(key)
      let isClose = try #require(gradient).isClose(
        to: expected, relativeTolerance: 1e-5, absoluteTolerance: 1e-5)
      #expect(isClose, "\(name) \(key)")
    }
  }

  /// In two parts with the state handed on: the same as in one go.
  @Test func statesAreHandedOn() {
    let x = Tensor.randn([6, 2, 3], generator: Generator(seed: 1))
    let parts = x.split(3)
    let lstm = LSTM(3, 4, layers: 2)
    let whole = lstm(x)
    let first = lstm(parts[0])
    let second = lstm(parts[1], state: first.state)
    #expect(cat([first.output, second.output]).isClose(to: whole.output))
    #expect(second.state.cell.isClose(to: whole.state.cell))
    let gru = GRU(3, 4)
    let start = gru(parts[0])
    #expect(gru(parts[1], state: start.state).state.isClose(to: gru(x).state))
  }

  @Test func dropoutLiesBetweenLayersInTraining() {
    let x = Tensor.randn([4, 2, 3], generator: Generator(seed: 1))
    let lstm = withDefaultGenerator(Generator(seed: 1)) { LSTM(3, 4, layers: 2, dropout: 0.5) }
    #expect(!lstm(x).output.isEqual(to: lstm(x).output))
    lstm.eval()
    #expect(lstm(x).output.isEqual(to: lstm(x).output))
  }

  @Test func masksHideElements() {
    let layer = TransformerEncoderLayer(4, heads: 2, hidden: 8, dropout: 0, batchFirst: true).eval()
    let x = Tensor.randn([1, 3, 4], generator: Generator(seed: 1))
    let hidden = Tensor([[false, false, true]])
    let other = x + Tensor([[[0.0], [0], [5]]]).to(.float32)
    let encoder = TransformerEncoder(layers: 2) { layer }
    func seen(_ x: Tensor) -> Tensor {
      encoder(x, keyPaddingMask: hidden, attentionMask: nil).narrow(1, start: 0, length: 2)
    }
    #expect(seen(x).isClose(to: seen(other)) && !encoder(x).isClose(to: encoder(other)))
  }

  @Test func lazyLayersCountAtTheirFirstCall() throws {
    let net = Sequential(
      LazyConv2d(4, kernelSize: 3), LazyBatchNorm2d(), ReLU(), Flatten(), LazyLinear(5), LazyBatchNorm1d())
    #expect(net.parameters().isEmpty)
    let y = net(Tensor.randn([2, 3, 6, 6], generator: Generator(seed: 1)))
    #expect(y.shape == [2, 5])
    #expect(
      net.namedParameters().map(\.name) == [
        "0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias", "5.weight", "5.bias",
      ])
    #expect(net.stateDict()["4.weight"]?.shape == [5, 64] && net.stateDict()["1.running_mean"] != nil)
    // The mode is that of the lazy layer.
    let before = net.stateDict()["1.running_mean"]
    net.eval()
    _ = net(Tensor.ones(2, 3, 6, 6))
    #expect(try #require(net.stateDict()["1.running_mean"]).isEqual(to: #require(before)))
    let sequence = LazyConv1d(2, kernelSize: 2)
    #expect(sequence(Tensor.ones(1, 3, 4)).shape == [1, 2, 3] && sequence.made?.inChannels == 3)
  }

  @Test(arguments: [
    "LSTM needs [L, N, 3] or [L, 3], got shape [2, 4]", "GRU needs states of shape [1, 2, 4], got [1, 3, 4]",
    "kernelSize must be one or three numbers of at least 1, got [1, 2]",
    "needs at least one layer, got 0",
  ])
  func mistakesStop(message: String) {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes {
        if message.hasPrefix("LSTM") { _ = LSTM(3, 4)(Tensor.ones(2, 4)) }
        if message.hasPrefix("GRU") { _ = GRU(3, 4)(Tensor.ones(5, 2, 3), state: Tensor.ones(1, 3, 4)) }
        if message.hasPrefix("kernel") { _ = Conv3d(1, 1, kernelSize: [1, 2]) }
        if message.hasPrefix("needs") {
          _ = TransformerEncoder(layers: 0) { TransformerEncoderLayer(4, heads: 2) }
        }
      }
    }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "nothing")")
  }
}
