import NNCore
import NNLayers
import Testing

private final class Scale: Module, Layer {
  let factor: Parameter
  let offset: Parameter?
  let calls = Buffer(Tensor(0))
  let scratch = Buffer(Tensor(0), isPersistent: false)

  init(_ size: Int, offset: Bool = true) {
    factor = Parameter(Tensor.full([size], 2))
    self.offset = offset ? Parameter(Tensor.full([size], 1)) : nil
  }

  func forward(_ x: Tensor) -> Tensor {
    let y = x * factor.value
    return offset.map { y + $0.value } ?? y
  }
}

private class Base: Module {
  let first = Scale(2)
}

private final class Net: Base, CallableModule {
  let blocks: [any Layer] = [Scale(2, offset: false), Scale(2)]
  let branches = ["b": Scale(2, offset: false), "a": Scale(2, offset: false)]
  @Key("0") var named = Scale(2, offset: false)
  @Key("late_part") var late: Scale?
  @Untracked var teacher = Scale(2)
  let bias = Parameter(Tensor.zeros(2))
  let width = 3
  let missing: Scale? = nil
  let activation: (Tensor) -> Tensor = { $0 }

  override init() {
    super.init()
    late = Scale(2, offset: false)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var y = first(x) + bias.value
    for block in blocks { y = block(y) }
    return named(y)
  }
}

private func allTraining(_ module: Module) -> Bool { module.modules.allSatisfy { $0.isTraining } }
private func noneTraining(_ module: Module) -> Bool { module.modules.allSatisfy { !$0.isTraining } }

struct ModuleTests {
  @Test func keysAreThoseOfPyTorch() {
    let net = Net()
    #expect(
      net.stateDict().keys == [
        "bias", "first.factor", "first.offset", "first.calls", "blocks.0.factor", "blocks.0.calls",
        "blocks.1.factor", "blocks.1.offset", "blocks.1.calls", "branches.a.factor", "branches.a.calls",
        "branches.b.factor", "branches.b.calls", "0.factor", "0.calls", "late_part.factor", "late_part.calls",
      ])
    #expect(
      net.namedModules().map(\.name) == [
        "", "first", "blocks.0", "blocks.1", "branches.a", "branches.b", "0", "late_part",
      ])
    #expect(net.parameters().count == 10)
    #expect(net.buffers().count == 14)
    #expect(net.children.count == 7)
    #expect(net.module(named: "blocks.1") === net.blocks[1])
  }

  @Test func sharedPartsCountOnceButKeepAllKeys() {
    let shared = Scale(2, offset: false)
    let net = Sequential(shared, shared)
    #expect(net.parameters().count == 1)
    #expect(net.modules.count == 2)
    #expect(net.stateDict().keys == ["0.factor", "0.calls", "1.factor", "1.calls"])
  }

  @Test func sequentialRunsAndChanges() {
    let net = Sequential(Scale(1), Scale(1))
    #expect(net(Tensor([3.0])).array(of: Float.self) == [15])
    net.append(Scale(1, offset: false))
    #expect(net.count == 3)
    #expect(net(Tensor([3.0])).item() == 30)
    net[0] = Scale(1, offset: false)
    #expect(net[0..<1](Tensor([3.0])).item() == 6)
    net.remove(at: 2)
    #expect(net.stateDict().keys.last == "1.calls")
  }

  @Test func listsAndDictionaries() {
    let list = ModuleList(Scale(1), Scale(1))
    list.append(Scale(1))
    #expect(list.namedChildren().map(\.name) == ["0", "1", "2"])
    let dictionary: ModuleDict = ["z": Scale(1), "a": Scale(1)]
    dictionary["z"] = Scale(1, offset: false)
    #expect(dictionary.names == ["z", "a"])
    #expect(dictionary.parameters().count == 3)
    dictionary["z"] = nil
    #expect(dictionary.namedParameters().map(\.name) == ["a.factor", "a.offset"])
  }

  @Test func stateDictIsASnapshot() throws {
    let net = Scale(2)
    let state = net.stateDict()
    net.factor.value -= Tensor.ones(2)
    #expect(net.factor.value.array(of: Float.self) == [1, 1])
    #expect(state["factor"]?.array(of: Float.self) == [2, 2])
    #expect(state["factor"]?.requiresGrad == false)
    try net.loadStateDict(state)
    #expect(net.factor.value.array(of: Float.self) == [2, 2])
    #expect(net.factor.value.isLeaf && net.factor.value.requiresGrad)
  }

  @Test func loadReportsEverythingAndChangesNothing() throws {
    let net = Net()
    var state = net.stateDict()
    for key in state.keys { state[key] = state[key].map { $0 + 1 } }
    state["first.factor"] = nil
    state["0.factor"] = nil
    state["extra"] = Tensor.ones(1)
    state["bias"] = Tensor.ones(3)
    state["blocks.0.factor"] = Tensor([1, 2])
    let before = net.stateDict()
    let error = try #require(throws: StateError.self) { try net.loadStateDict(state) }
    let report = StateDictReport(
      missing: ["first.factor", "0.factor"], unexpected: ["extra"],
      mismatched: [
        "bias: expected [2], found [3]", "blocks.0.factor: expected float32, found int64",
      ])
    #expect(error == .mismatch(module: "Net", report))
    #expect(!error.description.contains("\n"))
    for (key, value) in net.stateDict() { #expect(before[key]?.isEqual(to: value) == true) }
    // Other shapes are an error in any case.
    #expect(throws: StateError.self) { try net.loadStateDict(state, strict: false) }
    state["bias"] = Tensor.ones(2)
    state["blocks.0.factor"] = Tensor([5.0, 6.0])
    let loose = try net.loadStateDict(state, strict: false)
    #expect(loose.missing == ["first.factor", "0.factor"] && loose.unexpected == ["extra"])
    #expect(net.bias.value.array(of: Float.self) == [1, 1])
    #expect(net.bias.value.dtype == .float32)
  }

  @Test func modes() {
    let net = Net()
    #expect(allTraining(net))
    net.eval()
    #expect(noneTraining(net))
    #expect(net.teacher.isTraining)
    net.train()
    net.first.eval()
    net.evaluating { #expect(noneTraining(net)) }
    #expect(net.isTraining && !net.first.isTraining)
    net.freeze()
    net.train()
    #expect(noneTraining(net))
    #expect(net.parameters().allSatisfy { !$0.requiresGrad })
    net.unfreeze()
    #expect(allTraining(net))
    #expect(net.parameters().allSatisfy { $0.requiresGrad && $0.value.requiresGrad })
    net.requiresGrad(false)
    #expect(net.isTraining && net.parameters().allSatisfy { !$0.requiresGrad })
    #expect(!net(Tensor.ones(1, 2)).requiresGrad)
  }

  @Test func gradientsReachParameters() {
    let net = Net()
    net(Tensor.ones(1, 2)).sum().backward()
    #expect(net.bias.grad?.array(of: Float.self) == [8, 8])
    #expect(net.late?.factor.grad == nil)
    net.zeroGrad()
    #expect(net.parameters().allSatisfy { $0.grad == nil })
  }

  @Test func parameterStaysALeaf() {
    let parameter = Parameter(Tensor.ones(2))
    (parameter.value * 3).sum().backward()
    noGrad { parameter.value -= Tensor.ones(2) }
    #expect(parameter.grad?.array(of: Float.self) == [3, 3])
    #expect(parameter.value.isLeaf && parameter.value.requiresGrad)
    parameter.value = parameter.value * 2
    #expect(parameter.value.isLeaf && parameter.value.requiresGrad)
    parameter.requiresGrad = false
    #expect(!parameter.value.requiresGrad)
  }

  @Test func applyVisitsInnerModulesFirst() {
    var names: [String] = []
    Sequential(Scale(1), Sequential(Scale(2))).apply { names.append($0.typeName) }
    #expect(names == ["Scale", "Scale", "Sequential", "Sequential"])
  }

  @Test func hooksSeeLayersAndMayReplace() {
    let net = Sequential(Scale(1), Scale(1))
    var seen: [[Double]] = []
    let handle = net[0].registerForwardHook { _, input, output in
      seen.append([input.item(), output.item()])
      return output * 10
    }
    let before = net[1].registerForwardPreHook { _, input in input + 1 }
    #expect(net(Tensor([1.0])).item() == (3 * 10 + 1) * 2 + 1)
    #expect(seen == [[1, 3]])
    handle.remove()
    before.remove()
    #expect(net(Tensor([1.0])).item() == 7)
    #expect(seen.count == 1)
  }

  @Test func convertsElementTypes() {
    let net = Net().to(.float64)
    #expect(net.parameters().allSatisfy { $0.value.dtype == .float64 && $0.value.requiresGrad })
    #expect(net.first.calls.value.dtype == .int64)
  }

  @Test func printsATree() {
    let net = Sequential(Scale(1), Sequential(Scale(1)))
    #expect(
      net.description == """
        Sequential(
          (0): Scale()
          (1): Sequential(
            (0): Scale()
          )
        )
        """)
  }
}
