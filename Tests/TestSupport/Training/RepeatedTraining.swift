import NNCore
import NNLayers

/// A training of the chapter's network whose steps are recorded as a graph, against the same without.
public struct RepeatedTraining {
  /// The chapter's network: four convolutions, each with normalisation, rectifier and pooling.
  private final class Network: Module {
    let features: Sequential
    let fc: Linear

    init(channels: [Int], dropout: Double) {
      var layers: [any CallableModule] = []
      for (inputs, outputs) in zip([3] + channels, channels) {
        layers += [
          Conv2d(inputs, outputs, kernelSize: 3, padding: 1), BatchNorm2d(outputs), ReLU(),
          MaxPool2d(kernelSize: 2),
        ]
      }
      layers.append(Dropout(dropout))
      features = Sequential(layers)
      fc = Linear(4 * (channels.last ?? 0), 10)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { fc(features(x).flatten(from: 1)) }
  }

  private struct Outcome: Equatable {
    var losses: [Float] = []
    var weights: [String: [Float]] = [:]
    var repeats = 0
    var problem: String?
  }

  private let (device, channels, batch, steps): (Device, [Int], Int, Int)
  private let dropout: Double
  private let isAdaptive: Bool

  /// - Parameters:
  ///   - dropout: probability; 0 for none.
  ///   - isAdaptive: AdamW, whose numbers change with each step, and not SGD.
  public init(
    on device: Device, channels: [Int], batch: Int, steps: Int = 14, dropout: Double = 0,
    isAdaptive: Bool = false
  ) {
    (self.device, self.channels, self.batch, self.steps) = (device, channels, batch, steps)
    (self.dropout, self.isAdaptive) = (dropout, isAdaptive)
  }

  private func run(repeating: Bool) -> Outcome {
    withDefaultGenerator(Generator(seed: 1)) {
      let net = Network(channels: channels, dropout: dropout)
      net.to(device)
      let optimizer: any Optimizer =
        isAdaptive
        ? AdamW(net.parameters(), learningRate: 0.01)
        : SGD(net.parameters(), learningRate: 0.05) { $0.momentum = 0.9 }
      let step = RepeatedStep(on: device)
      var losses: [Tensor] = []
      func train(_ x: Tensor, _ target: Tensor) {
        optimizer.zeroGrad()
        let loss = crossEntropy(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
      }
      let data = Generator(seed: 2)
      for _ in 0..<steps {
        let x = Tensor.randn([batch, 3, 32, 32], generator: data).to(device)
        let target = Tensor.randint(0, 10, [batch], generator: data).to(device)
        if repeating {
          let (x, target) = step.placed((x, target))
          step { train(x, target) }
        } else {
          train(x, target)
        }
      }
      var outcome = Outcome()
      outcome.losses = losses.map { Float($0.item()) }
      for (key, value) in net.stateDict() { outcome.weights[key] = value.to(.float32).array(of: Float.self) }
      (outcome.repeats, outcome.problem) = (step.repeats, step.problem)
      return outcome
    }
  }

  /// What differs, one line each.
  public func differences() -> [String] {
    let (plain, repeated) = (run(repeating: false), run(repeating: true))
    var lines: [String] = []
    if let problem = repeated.problem { lines.append("not recorded: \(problem)") }
    if repeated.repeats == 0 { lines.append("no step was started as a graph") }
    for (step, (a, b)) in zip(plain.losses, repeated.losses).enumerated() where a != b || !a.isFinite {
      lines.append("loss of step \(step): expected \(a), found \(b)")
    }
    for (key, values) in plain.weights where values != repeated.weights[key] {
      let count = zip(values, repeated.weights[key] ?? []).count { $0 != $1 }
      lines.append("\(key): \(count) of \(values.count) elements differ")
    }
    return lines
  }
}
