import Foundation
import NNCore
import NNFiles
import NNLayers
import TestSupport
import Testing

/// Attention and torchvision's blocks against PyTorch's.
struct VisionLayerTests {
  static let golden: JSONValue = {
    let file = Bundle.module.bundleURL.appendingPathComponent("Fixtures/vision/layers.json")
    guard let json = try? JSONValue(contentsOf: file) else { preconditionFailure("no fixture \(file.path)") }
    return json
  }()
  static func cases(_ kind: String) -> [NamedEntry] {
    NamedEntry.all(golden["cases"], named: "id").filter { $0["kind"]?.string == kind }
  }

  private func number(_ entry: NamedEntry, _ name: String) throws -> Tensor {
    FormulaNumbers.uniform("\(entry)/\(name)", try #require(entry["inputs"]?[name]?.ints))
      .to(.float64).requiringGrad()
  }

  /// Loads the formula weights in float64; keys, shapes and their order are PyTorch's.
  private func load(_ module: Module, _ entry: NamedEntry) throws {
    module.to(.float64)
    let expected = entry["state"]?.elements ?? []
    #expect(module.stateDict().keys == expected.compactMap { $0[0]?.string })
    let state = try StateDict(
      expected.map { item in
        let (key, shape) = try (#require(item[0]?.string), #require(item[1]?.ints))
        let value = FormulaNumbers.uniform("\(entry)/\(key)", shape, -0.5, 0.5)
        return (key: key, value: value.to(.float64))
      })
    try module.loadStateDict(state)
  }

  private func expectSame(
    _ got: Tensor, _ values: JSONValue?, _ shape: JSONValue?, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    if let shape { #expect(got.shape == shape.ints, "\(what)", sourceLocation: sourceLocation) }
    let (got, want) = (got.array(of: Double.self), values?.doubles ?? [])
    let isSame =
      got.count == want.count && zip(got, want).allSatisfy { abs($0 - $1) <= 1e-7 + 1e-7 * abs($1) }
    #expect(isSame, "\(what): \(got), expected \(want)", sourceLocation: sourceLocation)
  }

  private func expectGradients(
    _ entry: NamedEntry, _ output: Tensor, _ inputs: [String: Tensor], _ module: Module
  ) throws {
    let key = "\(entry)/gradout"
    (output * FormulaNumbers.uniform(key, output.shape).to(.float64)).sum().backward()
    let gradients = entry["grads"]?.entries ?? [:]
    for (name, x) in inputs { expectSame(try #require(x.grad), gradients[name], nil, "gradient of \(name)") }
    for (name, parameter) in module.namedParameters() {
      expectSame(try #require(parameter.grad), gradients[name], nil, "gradient of \(name)")
    }
    #expect(gradients.count == inputs.count + module.namedParameters().count)
  }

  @Test(arguments: cases("mha"))
  func attendsAsInPyTorch(_ entry: NamedEntry) throws {
    let attention = MultiheadAttention(
      try #require(entry["embedding"]?.int), heads: try #require(entry["heads"]?.int),
      bias: entry["bias"]?.bool ?? true, keySize: entry["key_size"]?.int, valueSize: entry["value_size"]?.int,
      batchFirst: entry["batch_first"]?.bool ?? false)
    try load(attention, entry)
    let (query, key, value) = try (number(entry, "query"), number(entry, "key"), number(entry, "value"))
    let padding = entry["padding"]?.elements.map { rows in
      Tensor(rows.map { ($0.elements ?? []).compactMap(\.bool) })
    }
    let mask: Tensor?
    switch entry["mask"] {
    case .string("causal"): mask = Tensor.ones([3, 3], dtype: .bool).triu(1)
    case .string("float"):
      mask = FormulaNumbers.uniform("\(entry)/mask", [4, 2, 3]).to(.float64)
    default: mask = nil
    }
    let (output, weights) = attention.withWeights(
      query, key, value, keyPaddingMask: padding, attentionMask: mask)
    expectSame(output, entry["output"], entry["output_shape"], "output")
    expectSame(weights, entry["weights"], entry["weights_shape"], "weights")
    let called = attention(query, key, value, keyPaddingMask: padding, attentionMask: mask)
    #expect(called.isEqual(to: output))
    try expectGradients(entry, output, ["query": query, "key": key, "value": value], attention)
  }

  @Test(arguments: cases("layer"))
  func computesAsInTorchvision(_ entry: NamedEntry) throws {
    let layer: any Layer
    switch entry["id"]?.string {
    case "se/default": layer = SqueezeExcitation(4, squeeze: 2)
    case "se/hard":
      layer = SqueezeExcitation(3, squeeze: 2, activation: SiLU(), scaleActivation: Hardsigmoid())
    case "layernorm2d": layer = LayerNorm2d(3, epsilon: 1e-6)
    case "convnorm/plain":
      layer = Conv2dNormActivation(2, 3, kernelSize: [3, 5], stride: [1, 2], dilation: [2, 1], norm: nil)
    default:
      Issue.record("no layer for \(entry)")
      return
    }
    try load(layer, entry)
    let x = try number(entry, "x")
    let output = layer(x)
    expectSame(output, entry["output"], entry["output_shape"], "output")
    try expectGradients(entry, output, ["x": x], layer)
  }

  @Test func attentionStartsAsInPyTorch() throws {
    for (place, entry) in (Self.golden["start"]?.elements ?? []).enumerated() {
      try withDefaultGenerator(Generator(seed: 3)) {
        let attention =
          place == 0
          ? MultiheadAttention(8, heads: 2) : MultiheadAttention(8, heads: 2, keySize: 3, valueSize: 5)
        #expect(Tensor.rand(1).item() == entry["next_rand"]?.double)
        let state = attention.stateDict()
        let weights = entry["weights"]?.entries ?? [:]
        #expect(Set(state.keys) == Set(weights.keys))
        for (key, want) in weights {
          let values = try #require(state[key]).array(of: Double.self)
          for (got, want) in zip(values, want["first"]?.doubles ?? []) {
            #expect(abs(got - want) <= 1e-7, "\(key)")
          }
          let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
          #expect(abs(norm - (want["l2"]?.double ?? .nan)) <= 1e-6, "\(key)")
        }
      }
    }
  }

  @Test func attentionDropsWeightsOnlyInTraining() {
    withDefaultGenerator(Generator(seed: 1)) {
      let attention = MultiheadAttention(4, heads: 1, dropout: 0.5, batchFirst: true)
      let x = Tensor.randn(1, 16, 4)
      let weights = attention.withWeights(x, x, x).weights
      #expect(weights.array(of: Double.self).contains(0))
      attention.eval()
      #expect(!attention.withWeights(x, x, x, perHead: true).weights.array(of: Double.self).contains(0))
      #expect(attention.withWeights(x, x, x, perHead: true).weights.shape == [1, 1, 16, 16])
    }
  }

  @Test func stochasticDepthDrawsAsInTorchvision() {
    for entry in Self.golden["stochastic_depth"]?.elements ?? [] {
      withDefaultGenerator(Generator(seed: 5)) {
        let layer = StochasticDepth(0.4, mode: entry["mode"]?.string == "row" ? .row : .batch)
        let x = (Tensor.arange(12) + 1).to(.float32).reshape(6, 2)
        for want in entry["outputs"]?.elements ?? [] {
          let got = layer(x).array(of: Double.self)
          #expect(zip(got, want.doubles ?? []).allSatisfy { abs($0 - $1) <= 1e-6 } && got.count == 12)
        }
        layer.eval()
        #expect(layer(x).isEqual(to: x))
      }
    }
  }

  @Test func permutes() {
    let x = Tensor.arange(24).reshape(2, 3, 4)
    #expect(Permute([2, 0, 1])(x).isEqual(to: x.permute(2, 0, 1)))
  }

  @Test func sequencesHaveNames() {
    let net = Sequential(["conv": Conv2d(1, 2, kernelSize: 1), "act": ReLU()])
    net.append(Flatten(), named: "flat")
    net.append(Linear(2, 3))
    #expect(net.names == ["conv", "act", "flat", "3"])
    #expect(net.stateDict().keys == ["conv.weight", "conv.bias", "3.weight", "3.bias"])
    #expect(net["act"] is ReLU && net["none"] == nil)
    #expect(net(Tensor.ones(4, 1, 1, 1)).shape == [4, 3])
    net[0] = Conv2d(1, 2, kernelSize: 1, bias: false)
    #expect(net.stateDict().keys == ["conv.weight", "3.weight", "3.bias"])
  }
}
