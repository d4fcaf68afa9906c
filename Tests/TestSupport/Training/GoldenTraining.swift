import Foundation
import NNCore
import NNData
import NNLayers

/// A whole training of PyTorch's: initial weights, batches, losses, gradients, accuracies, final weights, in float64.
package struct GoldenTraining {
  private let golden: JSONValue
  private let seed, count, classes, batch, epochs, imageSize: Int
  private let learningRate, signal: Double
  private let widths: [Int]
  private let key: String
  private let batches: [[Int]]
  private let losses, lossTolerance, gradientNorms, trainingAccuracy, accuracy: [Double]

  /// Reads `training/NAME.json` in a folder of fixtures.
  package init(_ name: String, in fixtures: URL) throws {
    let json = try JSONValue(contentsOf: fixtures.appendingPathComponent("training/\(name).json"))
    guard let seed = json["seed"]?.int, let count = json["n"]?.int, let classes = json["classes"]?.int,
      let batch = json["batch"]?.int, let epochs = json["epochs"]?.int, let size = json["image"]?[1]?.int,
      let rate = json["optimizer"]?["lr"]?.double, let signal = json["signal"]?.double,
      let widths = json["widths"]?.ints, let key = json["dataset_key"]?.string,
      let batches = json["batch_indices"]?.elements?.map({ $0.ints ?? [] }), let values = json["float64"],
      let losses = values["losses"]?.doubles, let tolerance = json["loss_atol"]?.doubles,
      let norms = values["grad_l2"]?.doubles, let trained = values["train_acc"]?.doubles,
      let evaluated = values["eval_acc"]?.doubles
    else { throw FixtureError("training/\(name).json is no golden training") }
    golden = json
    (self.seed, self.count, self.classes) = (seed, count, classes)
    (self.batch, self.epochs, imageSize) = (batch, epochs, size)
    (learningRate, self.signal, self.widths) = (rate, signal, widths)
    (self.key, self.batches) = (key, batches)
    // The golden tolerances are ten times the distance of one run of PyTorch. Its runs in float32 with another memory
    // format or number of threads are 1e-5 to 3e-5 off at the third step and up to 3e-4 at the fifth.
    let most = tolerance.max() ?? 0
    lossTolerance = tolerance.enumerated().map { $0.offset < 2 ? $0.element : most }
    (self.losses, gradientNorms) = (losses, norms)
    (trainingAccuracy, accuracy) = (trained, evaluated)
  }

  private var labels: Tensor { Tensor((0..<count).map { $0 % classes }) }

  /// Noise around one prototype per class.
  private func images() -> Tensor {
    let size = [3, imageSize, imageSize]
    let prototypes = FormulaNumbers.uniform("\(key)/prototypes", [classes] + size)
    let noise = FormulaNumbers.uniform("\(key)/noise", [count] + size)
    return prototypes.indexSelect(0, index: labels) * signal + noise * (1 - signal)
  }

  private func makeNet() -> Sequential {
    let net = Sequential()
    var channels = 3
    for width in widths {
      net.append(Conv2d(channels, width, kernelSize: 3, padding: 1))
      net.append(BatchNorm2d(width))
      net.append(ReLU())
      net.append(MaxPool2d(kernelSize: 2))
      channels = width
    }
    net.append(Flatten())
    let side = imageSize >> widths.count
    net.append(Linear(channels * side * side, classes))
    return net
  }

  /// Trains as PyTorch did.
  ///
  /// - Parameter slack: how many times the golden tolerance a loss may be off, or how far relative to it.
  /// - Returns: what differs, one line each.
  package func differences(on device: Device, slack: Slack) throws -> [String] {
    var found = Findings()
    let dataset = IndexedDataset(images(), labels)
    found.expect(try sha256(dataset.images) == golden["dataset_sha256"]?.string, "other images")
    try withDefaultGenerator(Generator(seed: seed)) {
      let net = makeNet()
      let state = net.stateDict()
      let digests = golden["initial_sha256"]?.entries ?? [:]
      for (key, value) in digests {
        found.expect(try state[key].map(sha256) == value.string, "\(key) starts from other values")
      }
      found.expect(state.count == digests.count, "\(state.count) tensors, expected \(digests.count)")
      net.to(device)
      let optimizer = SGD(net.parameters(), learningRate: learningRate)
      let loader = DataLoader(dataset, batchSize: batch, shuffle: true)
      var step = 0
      for epoch in 0..<epochs {
        net.train()
        try loader.forEach { batch in
          guard step < batches.count, step < losses.count else {
            throw FixtureError("no golden step \(step)")
          }
          found.expect(batch.places.array(of: Int.self) == batches[step], "step \(step): another batch")
          let target = batch.target.to(device)
          optimizer.zeroGrad()
          let scores = net(batch.input.to(device))
          let loss = crossEntropy(scores, target)
          loss.backward()
          found.compare(
            "step \(step): loss", loss.item(), losses[step],
            slack.tolerance(lossTolerance[step], losses[step]))
          found.compare(
            "step \(step): norm of the gradients", gradNorm(net.parameters()), gradientNorms[step],
            slack.relative * gradientNorms[step])
          let hits = (scores.argmax(1) .== target).to(.float32).mean().item()
          found.compare(
            "step \(step): accuracy", hits, trainingAccuracy[step], 1.5 / Double(self.batch), isOpen: true)
          optimizer.step()
          step += 1
        }
        net.eval()
        let reached = noGrad { () -> Double in
          let scores = net(dataset.images.to(device))
          return (scores.argmax(1) .== dataset.labels.to(device)).to(.float32).mean().item()
        }
        // One image in a thousand may lie on the edge between two classes.
        found.compare("epoch \(epoch): accuracy", reached, accuracy[epoch], max(1.0 / Double(count), 0.002))
      }
      found.expect(step == losses.count, "\(step) steps, expected \(losses.count)")
      let trained = net.stateDict()
      for (key, value) in golden["float64"]?["final_l2"]?.entries ?? [:] {
        guard let got = trained[key], let want = value.double else { throw FixtureError("no tensor \(key)") }
        found.compare(
          "norm of \(key)", got.to(.float64).square().sum().sqrt().item(), want, slack.relative * max(1, want)
        )
      }
    }
    return found.lines
  }

  /// How far a run may be off.
  package enum Slack: Sendable {
    /// So many times the golden tolerances.
    case golden(Double)
    /// So much relative to the golden value.
    case relative(Double)

    func tolerance(_ golden: Double, _ value: Double) -> Double {
      switch self {
      case .golden(let times): times * golden
      case .relative(let share): share * abs(value)
      }
    }
    /// Of the norms of gradients and weights.
    var relative: Double {
      switch self {
      case .golden: 1e-3
      case .relative(let share): share
      }
    }
  }

  private func sha256(_ x: Tensor) throws -> String {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("tensor")
      let dense = x.contiguous()
      let bytes = withExtendedLifetime(dense) {
        Data(bytes: dense.hostPointer, count: dense.count * dense.dtype.byteCount)
      }
      try bytes.write(to: file)
      return try Checksum.sha256("").digest(ofFile: file.path)
    }
  }
}

/// What differs, one line each.
private struct Findings {
  private(set) var lines: [String] = []

  mutating func expect(_ holds: Bool, _ line: @autoclosure () -> String) {
    if !holds { lines.append(line()) }
  }
  /// - Parameter isOpen: whether a number that is off by the whole tolerance is too far off.
  mutating func compare(
    _ what: String, _ got: Double, _ want: Double, _ tolerance: Double, isOpen: Bool = false
  ) {
    let distance = abs(got - want)
    expect(isOpen ? distance < tolerance : distance <= tolerance, "\(what) \(got), expected \(want)")
  }
}

/// Images that know their number, so that the order of batches can be checked.
private struct IndexedDataset: Dataset {
  struct Batch: Sendable {
    let input, target, places: Tensor
  }

  struct Element: Collatable {
    let image, label: Tensor
    let place: Int

    static func collate(_ elements: [Element]) -> Batch {
      Batch(
        input: stack(elements.map(\.image)), target: stack(elements.map(\.label)),
        places: Tensor(elements.map(\.place)))
    }
  }

  let images, labels: Tensor

  init(_ images: Tensor, _ labels: Tensor) {
    self.images = images
    self.labels = labels
  }

  var count: Int { images.shape[0] }
  subscript(index: Int) -> Element {
    Element(image: images.select(0, index: index), label: labels.select(0, index: index), place: index)
  }
}
