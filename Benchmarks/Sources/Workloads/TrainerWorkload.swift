import NNCore
import NNData
import NNLayers
import NNLightning

/// A network so small that what surrounds its steps shows.
private final class Tiny: Module, Classifier, TrainStep {
  let fc = Linear(4, 2)
  func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
  func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.01) }
}

extension Workload {
  /// Epochs of 2,000 steps of a tiny network: by the Trainer with a callback, or written out as a loop. The difference per
  /// step is what the Trainer costs.
  static func trainer(writtenOut: Bool) -> Workload {
    let steps = 2_000
    let data = TensorDataset(Tensor.randn(steps * 2, 4), Tensor.randint(0, 2, [steps * 2]))
    let loader = DataLoader(data, batchSize: 2)
    return Workload(unit: "step", items: steps) {
      let net = Tiny()
      if !writtenOut {
        try Trainer(maxEpochs: 1, callbacks: [LearningRateMonitor()], enableProgressBar: false)
          .fit(net, train: loader)
        return
      }
      let optimizer = net.configureOptimizers()
      net.train()
      try loader.forEach { batch in
        optimizer.zeroGrad()
        net.loss(net(batch.input), batch.target).backward()
        optimizer.step()
      }
    }
  }
}
