import NNCore
import Testing

/// What operations tell a tracer.
struct TraceTests {
  private func operations(rowShape: [Int], _ function: (Tensor) -> Tensor) throws -> [String] {
    let trace = try WholeTrace(rowShape: rowShape, dtype: .float32, layer: { "" }, function)
    return trace.graph.operations.map { "\($0.name)" }
  }

  /// A copy keeps the rows apart whatever its rank, unless its rows lie between each other in memory.
  @Test func copiesAreTraced() throws {
    #expect(try operations(rowShape: [4]) { $0.clone() * 2 } == ["contiguous", "mul"])
    #expect(try operations(rowShape: [2, 3, 5]) { $0.clone() + 1 } == ["contiguous", "add"])
    #expect(
      try operations(rowShape: [2, 3, 5]) { $0.channelsLast().clone() } == ["contiguous", "contiguous"])
    let failure = #expect(throws: WholeTrace.Failure.self) {
      try operations(rowShape: [2, 3]) { $0.transpose(1, 2).clone() }
    }
    #expect(failure?.reason == "copies in a layout of its own")
  }

  /// A number that was taken out of a batch is a break, beside another number too.
  @Test func numbersBreakATrace() {
    for function: (Tensor) -> Tensor in [
      { Tensor(2.0, dtype: .float32) * $0.select(0, index: 0) }, { $0.select(0, index: 0).reshape([1]) },
      { $0 * $0.select(0, index: 0).exp() },
    ] {
      let failure = #expect(throws: WholeTrace.Failure.self) { try operations(rowShape: [], function) }
      #expect(failure?.operation == "slice" && failure?.reason == "takes some of the rows")
    }
  }

  /// An operation of others is one to whoever watches, and its parts are seen where it is none of the rows.
  @Test func composedOperationsAreOne() throws {
    #expect(try operations(rowShape: [3, 4]) { $0.mean([1]) } == ["mean"])
    #expect(try operations(rowShape: [3, 4]) { $0.pad([1, 2], mode: .reflect) } == ["pad"])
    #expect(try operations(rowShape: [3, 4]) { $0.matmul($0.transpose(1, 2)) } == ["permute", "matmul"])
    #expect(try operations(rowShape: [3, 4]) { $0.linear(.ones([2, 4])) } == ["linear"])
    let failure = #expect(throws: WholeTrace.Failure.self) { try operations(rowShape: [3]) { $0.mean(0) } }
    #expect(failure?.operation == "mean" && failure?.reason == "averages over the rows")
  }
}
