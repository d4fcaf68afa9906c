import NNCore
import Synchronization
import TestSupport
import Testing

/// The tape: accumulation, modes, hooks, higher derivatives, deep graphs.
struct AutogradTests {
  private func values(_ tensor: Tensor?) -> [Double]? { tensor?.array(of: Double.self) }

  @Test func gradientsAccumulateInLeaves() {
    let x = Tensor([1, 2, 3] as [Double]).requiringGrad()
    #expect(x.grad == nil && x.isLeaf && x.requiresGrad)
    (x * x).sum().backward()
    #expect(values(x.grad) == [2, 4, 6])
    (x * x).sum().backward()
    #expect(values(x.grad) == [4, 8, 12])
    x.grad = nil
    x.sum().backward()
    #expect(values(x.grad) == [1, 1, 1])
  }

  @Test func accumulationLeavesEarlierReadersAlone() {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    (x * 3).sum().backward()
    let first = x.grad
    (x * 3).sum().backward()
    #expect(values(first) == [3, 3])
    #expect(values(x.grad) == [6, 6])
  }

  @Test func seedsGradientsOfTensors() {
    let x = Tensor([1, 2] as [Double]).requiringGrad()
    (x * x).backward(gradient: Tensor([10, 100] as [Double]))
    #expect(values(x.grad) == [20, 400])
  }

  @Test func gradGathersNothing() throws {
    let x = Tensor([3.0]).requiringGrad()
    let y = Tensor([4.0]).requiringGrad()
    let unused = Tensor([1.0]).requiringGrad()
    let z = x * x * y
    let gradients = grad(of: z.sum(), withRespectTo: [x, y, unused])
    #expect(values(gradients[0]) == [24])
    #expect(values(gradients[1]) == [9])
    #expect(gradients[2] == nil)
    #expect(x.grad == nil && y.grad == nil)
  }

  @Test func gradReachesInnerTensors() {
    let x = Tensor([3.0]).requiringGrad()
    let inner = x * x
    let outer = inner * inner
    #expect(values(grad(of: outer.sum(), withRespectTo: [inner])[0]) == [18])
  }

  @Test func derivativesOfHigherOrder() throws {
    let x = Tensor(2.0).requiringGrad()
    var derivative = x.pow(4)
    var found: [Double] = []
    for _ in 0..<4 {
      derivative = try #require(grad(of: derivative, withRespectTo: [x], createGraph: true)[0])
      found.append(derivative.item())
    }
    #expect(found == [32, 48, 48, 24])
  }

  @Test func createGraphInBackward() throws {
    let x = Tensor([2.0, 3]).requiringGrad()
    x.pow(3).sum().backward(createGraph: true)
    let first = try #require(x.grad)
    #expect(first.requiresGrad)
    #expect(values(grad(of: first.sum(), withRespectTo: [x])[0]) == [12, 18])
  }

  @Test func noGradAndDetachCutTheGraph() {
    let x = Tensor([1.0, 2]).requiringGrad()
    #expect(isGradientEnabled)
    let silent = noGrad {
      #expect(!isGradientEnabled)
      return x * 2
    }
    #expect(isGradientEnabled)
    #expect(!silent.requiresGrad)
    #expect(!x.detach().requiresGrad)
    (x * x.detach()).sum().backward()
    #expect(values(x.grad) == [1, 2])
  }

  @Test func noGradEndsAlsoAfterAnError() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try noGrad { throw Stop() } }
    #expect(isGradientEnabled)
  }

  @Test func hooksSeeAndReplaceGradients() {
    let x = Tensor([1.0, 2]).requiringGrad()
    let y = x * 3
    let seen = Recorder()
    y.registerHook { gradient in
      seen.add(gradient.array(of: Double.self))
      return gradient * 10
    }
    x.registerHook { gradient in
      seen.add(gradient.array(of: Double.self))
      return nil
    }
    (y * y).sum().backward()
    #expect(seen.all == [[6, 12], [180, 360]])
    #expect(values(x.grad) == [180, 360])
  }

  @Test func graphsAreUsedOnceUnlessRetained() async {
    let x = Tensor([2.0]).requiringGrad()
    let y = x.exp().sum()
    y.backward(retainGraph: true)
    y.backward()
    let expected = 2 * (2.0).exponential
    #expect(abs((x.grad?.item() ?? 0) - expected) < 1e-12)
    await #expect(processExitsWith: .failure) {
      let x = Tensor([2.0]).requiringGrad()
      let y = x.exp().sum()
      y.backward()
      y.backward()
    }
  }

  @Test func integersCarryNoGradient() async {
    await #expect(processExitsWith: .failure) { _ = Tensor([1, 2]).requiringGrad() }
    await #expect(processExitsWith: .failure) { Tensor([1.0, 2]).requiringGrad().backward() }
    await #expect(processExitsWith: .failure) { Tensor(1.0).backward() }
  }

  /// A leaf stays the leaf when it is changed without recording, as an optimizer does.
  @Test func leavesAreUpdatedInPlace() {
    var w = Tensor([1.0, 2]).requiringGrad()
    (w * w).sum().backward()
    let gradient = w.grad ?? Tensor(0.0)
    noGrad { w -= gradient * 0.5 }
    #expect(w.isLeaf && w.requiresGrad)
    #expect(values(w) == [0, 0])
    #expect(values(w.grad) == [2, 4])
  }

  /// What a graph saved must not change behind its back.
  @Test func inPlaceChangesDoNotReachTheGraph() {
    let x = Tensor([1.0, 2]).requiringGrad()
    var y = x * 2
    let z = y * y
    y += 1
    y[0] = Tensor(100.0)
    z.sum().backward()
    #expect(values(x.grad) == [8, 16])
  }

  @Test func severalOutputsOfOneOperation() {
    let x = Tensor([3.0, 1, 2]).requiringGrad()
    let (sorted, _) = x.sort()
    let parts = sorted.split(1)
    (parts[0] * 1 + parts[2] * 100).sum().backward()
    #expect(values(x.grad) == [100, 1, 0])
  }

  /// A million operations, three times: with a backward pass, dropped without one, and once more to see that all
  /// memory came back.
  @Test(.timeLimit(.minutes(10)))
  func deepGraphsNeitherOverflowNorLeak() {
    func chain() -> Tensor {
      var y = Tensor(Float(0.5)).requiringGrad()
      for _ in 0..<1_000_000 { y = y * 1.000001 }
      return y
    }
    let x = Tensor(Float(0.5)).requiringGrad()
    var y = x
    for _ in 0..<1_000_000 { y = y.sin() + 0.001 }
    y.backward()
    #expect(x.grad != nil)
    y = Tensor(Float(0))
    y = chain()
    y = Tensor(Float(0))
    let before = MemoryPool.shared.systemAllocations
    y = chain()
    y = Tensor(Float(0))
    // Other tests run beside this one and ask for memory too; a leak would cost more than 1,000,000 blocks.
    #expect(MemoryPool.shared.systemAllocations - before < 500_000)
  }
}

/// Gathers what hooks see.
private final class Recorder: Sendable {
  private let storage = Mutex<[[Double]]>([])
  var all: [[Double]] { storage.withLock { $0 } }
  func add(_ values: [Double]) { storage.withLock { $0.append(values) } }
}

extension Double {
  fileprivate var exponential: Double { Tensor(self).exp().item() }
}
