import NNCUDA
import NNCore
import NNLayers
import TestSupport
import Testing

/// Steps that are started as graphs, on the emulated card.
@Suite struct RepeatedStepTests {
  @Test(
    "A training has the bits of one without graphs",
    arguments: [(dropout: 0.0, isAdaptive: false), (0.3, false), (0.3, true)])
  func sameBits(dropout: Double, isAdaptive: Bool) {
    let (driver, backend) = EmulatedCUDA.another()
    let training = RepeatedTraining(
      on: backend.device, channels: [4, 8, 8, 16], batch: 4, dropout: dropout, isAdaptive: isAdaptive)
    #expect(training.differences() == [])
    #expect(driver.graphLaunches.load(ordering: .relaxed) > 0)
  }

  /// A step whose numbers can be told beforehand.
  private struct Counter {
    let step: RepeatedStep
    let x: Tensor

    init(_ device: Device) {
      step = RepeatedStep(on: device)
      x = Tensor([1, 2, 3] as [Float]).to(device)
    }

    /// ((x + 1) · 2 + 3) · 4 and so on.
    func run(_ x: Tensor, length: Int = 8) -> Tensor {
      step { (0..<length).reduce(x) { sum, place in place % 2 == 0 ? sum + x : sum * x } }
    }
    func expected(_ x: Tensor, length: Int = 8) -> [Float] {
      (0..<length).reduce(x) { sum, place in place % 2 == 0 ? sum + x : sum * x }.array(of: Float.self)
    }
  }

  @Test("Results that are kept stay what they are")
  func keptResults() {
    let counter = Counter(EmulatedCUDA.another().backend.device)
    var kept: [(Tensor, [Float])] = []
    for _ in 0..<12 { kept.append((counter.run(counter.x), counter.expected(counter.x))) }
    for (found, expected) in kept { #expect(found.array(of: Float.self) == expected) }
    #expect(counter.step.repeats > 0 && counter.step.problem == nil)
    // One that suddenly is kept where none was before.
    let other = Counter(EmulatedCUDA.another().backend.device)
    var last: [(Tensor, [Float])] = []
    for number in 0..<20 {
      let result = other.run(other.x * Double(number % 3))
      if number > 10 { last.append((result, other.expected(other.x * Double(number % 3)))) }
    }
    for (found, expected) in last { #expect(found.array(of: Float.self) == expected) }
  }

  @Test("A step of another shape is done as it is, and the next one is repeated again")
  func otherShapes() {
    let counter = Counter(EmulatedCUDA.another().backend.device)
    let other = Tensor([5, 6] as [Float]).to(counter.x.device)
    for number in 0..<24 {
      let x = number % 6 == 5 ? other : counter.x
      #expect(counter.run(x).array(of: Float.self) == counter.expected(x))
    }
    #expect(counter.step.repeats > 0)
  }

  @Test("What is read in the middle of a step is there, and what is placed is found in its place")
  func readsAndPlaces() {
    let device = EmulatedCUDA.another().backend.device
    let step = RepeatedStep(on: device)
    var held: [(Tensor, Float)] = []
    for number in 0..<24 {
      let batch = step.placed(Tensor([Float(number), 1, 2, 3]).to(device))
      // Two batches are held for longer.
      if number % 10 == 8 { held.append((batch, Float(number))) }
      let (read, sum) = step {
        let y = (0..<6).reduce(batch) { y, _ in y + batch }
        let read = y.sum().item()
        return (read, (0..<6).reduce(y) { y, _ in y + batch }.sum())
      }
      #expect(read == 7 * Double(number + 6) && sum.item() == 13 * Double(number + 6))
    }
    for (batch, number) in held { #expect(batch.array(of: Float.self) == [number, 1, 2, 3]) }
    #expect(step.repeats > 0)
  }

  @Test("Class numbers are checked in each step, whatever the graph does")
  func labels() throws {
    let device = EmulatedCUDA.another().backend.device
    let step = RepeatedStep(on: device)
    let scores = Tensor.randn([4, 3], generator: Generator(seed: 1)).to(device)
    for number in 0..<12 {
      let target = step.placed(Tensor([0, 1, 2, number == 11 ? 3 : number % 3]).to(device))
      let run = { step { crossEntropy(scores, target).item() } }
      if number < 11 {
        let host = crossEntropy(scores.to(.cpu), target.to(.cpu)).item()
        #expect(abs(run() - host) < 1e-5)
      } else {
        let error = #expect(throws: DataProblem.self) { try checkingData { _ in _ = run() } }
        #expect(error?.kind == .label)
      }
    }
  }

  @Test("A CPU just runs the step")
  func host() {
    let step = RepeatedStep(on: .cpu)
    #expect(step { 3 } == 3 && step.repeats == 0 && step.problem != nil)
  }
}
