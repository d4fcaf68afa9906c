import NNCore
import NNFiles
import Testing

@Suite struct StateDictTests {
  private let a = Tensor([1.0, 2.0] as [Float])
  private let b = Tensor([3] as [Int64])

  @Test func keepsOrderAndFindsKeys() {
    var state: StateDict = ["z": a, "a": b]
    state["m"] = a
    #expect(state.keys == ["z", "a", "m"])
    #expect(state.count == 3)
    #expect(state["a"]?.array(of: Int64.self) == [3])
    #expect(state["missing"] == nil)
    state["z"] = b
    #expect(state.keys == ["z", "a", "m"])
    #expect(state["z"]?.dtype == .int64)
    state["a"] = nil
    state["nothing"] = nil
    #expect(state.keys == ["z", "m"])
    #expect(state["m"]?.array(of: Float.self) == [1, 2])
    #expect(state.map(\.key) == ["z", "m"])
    #expect(state.values.count == 2)
  }

  @Test func filtersAndRenames() throws {
    let state: StateDict = ["module.conv.weight": a, "module.fc.bias": b, "step": b]
    let part: StateDict = state.filter { $0.value.dtype == .float32 }
    #expect(part.keys == ["module.conv.weight"])
    #expect(try state.removingPrefix("module.").keys == ["conv.weight", "fc.bias", "step"])
    #expect(state.part("module.").keys == ["conv.weight", "fc.bias"])
    #expect(state.addingPrefix("x.").keys == ["x.module.conv.weight", "x.module.fc.bias", "x.step"])
    #expect(throws: StateDictError.duplicateKey("k")) { try state.renaming { _ in "k" } }
    let both: StateDict = ["module.a": a, "a": b]
    #expect(throws: StateDictError.duplicateKey("a")) { try both.removingPrefix("module.") }
    #expect(throws: StateDictError.duplicateKey("a")) { try StateDict([("a", a), ("a", b)]) }
  }

  @Test func describesItself() {
    let state: StateDict = ["w": a, "n": b]
    #expect(state.description == "w [2] float32\nn [1] int64")
    #expect(state.storedType(of: "w") == .float32)
    #expect(state.storedType(of: "x") == nil)
  }
}
