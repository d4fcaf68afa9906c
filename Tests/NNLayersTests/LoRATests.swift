import NNCore
import NNLayers
import TestSupport
import Testing

@Suite struct LoRATests {
  private final class Net: Module, Layer {
    let first = Linear(6, 8)
    let norm = LayerNorm(8)
    let attention = MultiheadAttention(8, heads: 2, batchFirst: true)
    let last = Linear(8, 3, bias: false)
    func forward(_ x: Tensor) -> Tensor {
      let y = norm(first(x))
      return last(attention(y, y, y).mean([1]))
    }
  }

  private func net() -> Net { withDefaultGenerator(Generator(seed: 1)) { Net() } }
  private let x = Tensor.randn([5, 4, 6], generator: Generator(seed: 2))
  private let target = Tensor([0, 1, 2, 1, 0])

  private func trained(_ net: Net, steps: Int = 5) {
    let optimizer = Adam(net.parameters().filter(\.requiresGrad), learningRate: 0.05)
    for _ in 0..<steps {
      optimizer.zeroGrad()
      crossEntropy(net(x), target).backward()
      optimizer.step()
    }
  }

  @Test func onlyTheThinMatricesAreTrainedAndMergingChangesNothing() throws {
    let net = net()
    let before = net.stateDict()
    let plain = net(x).detach()
    #expect(net.addLoRA(rank: 2) == 4 && net.hasLoRA)
    // Nothing is changed yet.
    #expect(net(x).isEqual(to: plain))
    let names = net.namedParameters().filter { $0.parameter.requiresGrad }.map(\.name)
    #expect(
      names == [
        "first.lora.lora_A", "first.lora.lora_B", "attention.out_proj.lora.lora_A",
        "attention.out_proj.lora.lora_B", "attention.lora.lora_A", "attention.lora.lora_B",
        "last.lora.lora_A", "last.lora.lora_B",
      ])
    let start = crossEntropy(net(x), target).item()
    trained(net)
    #expect(crossEntropy(net(x), target).item() < start - 0.05)
    for (key, value) in before {
      let isSame = try value.isEqual(to: #require(net.stateDict()[key]))
      #expect(isSame, "\(key)")
    }
    for name in names {
      #expect(
        net.namedParameters().contains { $0.name == name && $0.parameter.value.abs().amax().item() > 0 })
    }
    let unmerged = net(x).detach()
    net.mergeLoRA()
    #expect(!net.hasLoRA && Array(net.stateDict().keys) == Array(before.keys))
    #expect(net(x).isClose(to: unmerged, relativeTolerance: 1e-4, absoluteTolerance: 1e-5))
    #expect(!net(x).isClose(to: plain, relativeTolerance: 1e-2, absoluteTolerance: 1e-2))
    #expect(net.parameters().allSatisfy { !$0.requiresGrad })
  }

  /// What was trained is in the state dict, and goes into another network with LoRA.
  @Test func theStateDictHoldsIt() throws {
    let (first, second) = (net(), net())
    for net in [first, second] { net.addLoRA(rank: 3, alpha: 1) }
    trained(first)
    try second.loadStateDict(first.stateDict())
    #expect(second(x).isEqual(to: first(x)))
    #expect(first.stateDict()["last.lora.lora_A"]?.shape == [3, 8])
    #expect(throws: StateError.self) { try net().loadStateDict(first.stateDict()) }
  }

  @Test func ranksAreAtMostTheSmallerSide() {
    let layer = Linear(5, 3)
    #expect(layer.addLoRA(rank: 8) == 1)
    #expect(layer.stateDict()["lora.lora_B"]?.shape == [3, 3])
    #expect(Sequential(ReLU()).addLoRA(rank: 4) == 0)
  }

  @Test(arguments: ["the rank must be at least 1, got 0", "Linear has a LoRA already"])
  func mistakesStop(message: String) {
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes {
        let layer = Linear(2, 2)
        layer.addLoRA(rank: message.hasPrefix("the") ? 0 : 1)
        layer.addLoRA(rank: 1)
      }
    }
    #expect(error.map { "\($0)".contains(message) } == true)
  }
}
