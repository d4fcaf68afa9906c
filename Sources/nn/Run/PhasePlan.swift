import NNCore
import NNFiles
import NNLightning
import NNModels

/// What `nn finetune --phases` says: parts with numbers of epochs, and learning rates if they are not to be the usual
/// ones: `head:5,last:3,all:2@0.0005`.
///
/// Each phase has 0.3 times the learning rate of the one before, and within a phase each part 0.3 times the rate of the
/// part above it: what is deeper holds more of what was learnt before.
struct PhasePlan {
  /// Deeper and deeper; each includes those before.
  enum Part: String, CaseIterable { case head, last, all }

  struct Entry {
    var part: Part
    var epochs: Int
    /// Of the head; nil for the usual one.
    var learningRate: Double?
  }

  static let decay = 0.3
  let entries: [Entry]
  var epochs: Int { entries.reduce(0) { $0 + $1.epochs } }

  init(_ text: String) throws {
    entries = try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      let halves = word.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      let words = halves[0].split(separator: ":", omittingEmptySubsequences: false)
      let rate = halves.count == 2 ? Double(halves[1]) : nil
      guard words.count == 2, let part = Part(rawValue: String(words[0])), let epochs = Int(words[1]),
        (1...1_000_000).contains(epochs), halves.count == 1 || (rate ?? 0) > 0 && (rate ?? 0).isFinite
      else {
        throw CommandError(
          "phases: expected PART:EPOCHS or PART:EPOCHS@RATE with commas between, PART being head, last or all, found "
            + quoted(String(word)))
      }
      return Entry(part: part, epochs: epochs, learningRate: rate)
    }
  }

  /// - Parameters:
  ///   - learningRate: of the first phase.
  ///   - groups: of the optimizer.
  ///   - course: of the learning rates within each phase.
  func callback(
    _ network: TransferNetwork, learningRate: Double, groups: [RunGroup], course: FinetuningPhases.Course,
    stepsPerEpoch: Int
  ) -> FinetuningPhases {
    var rate = learningRate / Self.decay
    let phases = entries.map { entry in
      rate = entry.learningRate ?? rate * Self.decay
      let parts =
        switch entry.part {
        case .head: [network.head]
        case .last: [network.head] + network.lastBlock
        case .all: [network]
        }
      return FinetuningPhases.Phase(
        entry.part.rawValue, epochs: entry.epochs, training: parts,
        learningRates: groups.map { rate * $0.factor })
    }
    return FinetuningPhases(phases, course: course, stepsPerEpoch: stepsPerEpoch)
  }
}
