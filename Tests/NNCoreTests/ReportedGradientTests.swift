import NNCore
import Testing

/// Gradients that are wanted before a backward pass is over.
@Suite struct ReportedGradientTests {
  private func leaves() -> [Tensor] {
    (0..<4).map { Tensor.randn([3, 3], generator: Generator(seed: $0)).requiringGrad() }
  }

  /// The last leaf has no part in it; the first one is used at both ends, and one operation gives it no gradient.
  private func loss(_ leaves: [Tensor]) -> Tensor {
    let first = leaves[0].matmul(leaves[1]).tanh()
    let second = (first * leaves[2]).sigmoid()
    return (second + leaves[0] * leaves[0] + leaves[0].detach()).sum()
  }

  @Test func areThoseOfAPlainPass() {
    let (plain, reported) = (leaves(), leaves())
    loss(plain).backward()
    var order: [Int] = []
    loss(reported).backward(reporting: reported) { place in
      order.append(place)
      #expect(reported[place].grad?.array(of: Float.self) == plain[place].grad?.array(of: Float.self))
      // Those used later are complete, and others are not there yet.
      if place == 2 { #expect(reported[1].grad == nil) }
    }
    #expect(order == [2, 1, 0] || order == [2, 0, 1])
    #expect(reported[3].grad == nil)
  }

  /// Gradients add up over passes, and hooks see them once.
  @Test func addUpAndRunHooks() {
    let (plain, reported) = (leaves(), leaves())
    for all in [plain, reported] { all[1].registerHook { $0 * 2 } }
    for _ in 0..<2 {
      loss(plain).backward()
      loss(reported).backward(reporting: reported) { _ in }
    }
    for (a, b) in zip(plain, reported) {
      #expect(a.grad?.array(of: Float.self) == b.grad?.array(of: Float.self))
    }
  }

  /// Leaves that are not asked for get theirs as always.
  @Test func leaveOthersAlone() {
    let (plain, reported) = (leaves(), leaves())
    loss(plain).backward()
    var order: [Int] = []
    loss(reported).backward(reporting: [reported[2]]) { order.append($0) }
    #expect(order == [0])
    for (a, b) in zip(plain, reported) {
      #expect(a.grad?.array(of: Float.self) == b.grad?.array(of: Float.self))
    }
  }
}
