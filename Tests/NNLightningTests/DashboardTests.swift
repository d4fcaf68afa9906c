import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// A terminal that understands what a dashboard sends, and complains about anything else.
private final class Emulator {
  var size: (columns: Int, rows: Int)?
  /// What was ever shown, the scrolled lines included; the screen is its last `rows` lines.
  private(set) var lines: [[Character]] = [[]]
  private(set) var row = 0
  private(set) var column = 0
  private(set) var frames = 0
  private var time = 0.0
  private let tick: Double
  var onFrame: (Emulator) -> Void = { _ in }

  init(_ size: (columns: Int, rows: Int)?, tick: Double = 0.05) {
    self.size = size
    self.tick = tick
  }

  var terminal: Terminal {
    Terminal(
      size: { self.size },
      write: { text in
        self.frames += 1
        self.receive(text)
        self.onFrame(self)
      },
      now: {
        self.time += self.tick
        return self.time
      })
  }

  var text: [String] { lines.map { String($0) } }
  private var top: Int { max(0, lines.count - (size?.rows ?? 0)) }

  func receive(_ text: String) {
    let width = size?.columns ?? 0
    var rest = Array(text)[...]
    while let character = rest.popFirst() {
      switch character {
      case "\r": column = 0
      case "\n":
        (row, column) = (row + 1, 0)
        if row == lines.count { lines.append([]) }
      case "\u{1b}":
        #expect(rest.popFirst() == "[")
        let digits = String(rest.prefix { $0.isNumber })
        rest = rest.dropFirst(digits.count)
        switch rest.popFirst() {
        case "A":
          row -= Int(digits) ?? 1
          // A terminal stops at its upper edge.
          #expect(row >= top)
        case "H": (row, column) = (top, 0)
        case "K": lines[row] = Array(lines[row].prefix(column))
        case "J":
          lines[row] = Array(lines[row].prefix(column))
          for below in lines.indices.dropFirst(row + 1) { lines[below] = [] }
        case let other: Issue.record("unknown sequence \(String(describing: other))")
        }
      default:
        #expect(column < width - 1, "the line is too long: \(text)")
        if column < lines[row].count {
          lines[row][column] = character
        } else {
          lines[row].append(character)
        }
        column += 1
      }
    }
  }
}

@Suite struct DashboardTests {
  private func fit(_ emulator: Emulator, maxEpochs: Int = 2, maxSteps: Int? = nil) throws {
    let trainer = Trainer(
      maxEpochs: maxEpochs, maxSteps: maxSteps, callbacks: [TerminalDashboard(emulator.terminal)],
      enableProgressBar: false)
    try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
  }

  @Test func aFitIsDrawnOverItself() throws {
    let emulator = Emulator((80, 24))
    emulator.receive("$ nn train\n")
    try fit(emulator)
    let text = emulator.text
    #expect(emulator.frames > 3 && text[0] == "$ nn train")
    // Twelve rows of the plot, its two lines of legend, two bars, metrics and speed, and the cursor's line.
    #expect(text.count == 20 && text[19] == "" && (emulator.row, emulator.column) == (19, 0))
    #expect(text[1].contains("┤") && text[12].contains("┤") && text[13].contains("└1 ─"))
    #expect(text[13].hasSuffix("─ 6") && text[14].hasSuffix("⠒ loss   ● val_loss"))
    #expect(text[1...12].joined().filter { $0 == "●" }.count == 2)
    #expect(text[1...12].joined().unicodeScalars.contains { (0x2801...0x28ff).contains($0.value) })
    #expect(text[15].hasPrefix("Epoch 2/2      ████") && text[15].hasSuffix("██ 100%  3/3"))
    #expect(text[16].hasPrefix("Run            ████") && text[16].contains(" 100%  step 6  00:0"))
    #expect(text[17].hasPrefix("loss 0.") && text[17].contains("   val_loss 0."))
    #expect(text[18].contains(" samples/s   ended: maxEpochs reached (2)"))
  }

  @Test func theRestIsExpectedToGoAsFastAsWhatWasSeen() throws {
    let emulator = Emulator((80, 24), tick: 1)
    var seen: [String] = []
    emulator.onFrame = { seen += $0.text.filter { $0.hasPrefix("Run") } }
    try fit(emulator, maxEpochs: 100, maxSteps: 20)
    let half = try #require(seen.first { $0.contains("step 10 ") })
    #expect(half.contains(" 50%  ") && half.hasSuffix(" left"), "\(half)")
    #expect(seen.last?.contains("left") == false)
  }

  @Test(arguments: [(40, 8), (41, 12), (60, 12), (133, 50), (250, 10)])
  func itFitsIntoAnyTerminalThatCanShowIt(columns: Int, rows: Int) throws {
    let emulator = Emulator((columns, rows))
    try fit(emulator)
    #expect(emulator.frames > 3 && emulator.lines.count <= rows)
    #expect(emulator.text.contains { $0.hasPrefix("Epoch 2/2") })
    #expect(emulator.text.contains { $0.contains("●") } == (rows >= 10))
  }

  @Test func itIsDrawnAnewWhereTheTerminalChangesItsSize() throws {
    let emulator = Emulator((100, 30))
    emulator.onFrame = { if $0.frames == 3 { $0.size = (50, 14) } }
    try fit(emulator)
    #expect(
      emulator.text.filter { $0.hasPrefix("Epoch") } == ["Epoch 2/2      ████████████████████████ 100%  3/3"])
  }

  @Test func notesStayAboveIt() throws {
    final class Notes: Callback {
      let dashboard: TerminalDashboard
      init(_ dashboard: TerminalDashboard) { self.dashboard = dashboard }
      override func onTrainStart(_ trainer: Trainer, _ model: Module) { dashboard.onNote(trainer, "before") }
      override func onTrainEpochEnd(_ trainer: Trainer, _ model: Module) {
        dashboard.onNote(trainer, String(repeating: "behind epoch \(trainer.currentEpoch) ", count: 4))
      }
    }
    let emulator = Emulator((80, 24))
    let dashboard = TerminalDashboard(emulator.terminal)
    let trainer = Trainer(maxEpochs: 2, callbacks: [dashboard, Notes(dashboard)], enableProgressBar: false)
    try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
    #expect(emulator.text[0] == "before" && emulator.text[1].hasPrefix("behind epoch 0 behind"))
    #expect(emulator.text[2].hasPrefix("behind epoch 1 behind") && emulator.text[3].contains("┤"))
    #expect(emulator.text.filter { $0.hasPrefix("Epoch") }.count == 1 && emulator.text.last == "")
  }

  @Test func noMoreThanTenFramesAreDrawnInASecond() throws {
    let emulator = Emulator((80, 24), tick: 1e-4)
    try fit(emulator, maxEpochs: 4)
    #expect(emulator.frames == 2)
    #expect(emulator.text.contains { $0.contains("ended: maxEpochs reached (4)") })
  }

  @Test func longCurvesAreThinnedOut() throws {
    let emulator = Emulator((80, 24), tick: 1e-3)
    try fit(emulator, maxEpochs: 400)
    #expect(emulator.text.contains { $0.contains("└1 ─") && $0.hasSuffix("─ 1200") })
  }

  @Test(arguments: [nil, (39, 24), (80, 7)] as [(Int, Int)?])
  func nothingIsSaidWhereThereIsNoTerminal(size: (Int, Int)?) throws {
    let emulator = Emulator(size.map { (columns: $0.0, rows: $0.1) })
    try fit(emulator)
    #expect(emulator.frames == 0)
  }

  @Test func numbersOfAnySizeHaveRoom() throws {
    final class Large: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0) }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        ["loss": crossEntropy(self(batch.input), batch.target) * -1e30]
      }
    }
    let emulator = Emulator((80, 24))
    let stop = Stopper { if $0.globalStep >= 9 { $0.stop("two\nlines") } }
    let trainer = Trainer(
      maxSteps: .max, callbacks: [stop, TerminalDashboard(emulator.terminal)], enableProgressBar: false)
    try trainer.fit(Large(), train: points(9, seed: 1))
    for row in [0, 11] {
      #expect(emulator.text[row].dropFirst(10).first == "┤" && emulator.text[row].contains("e+"))
    }
    #expect(emulator.text[15].hasPrefix("Run ") && emulator.text[15].contains("  0%  step 9"))
    #expect(emulator.text.last == "" && emulator.text[17].hasSuffix("ended: twolines"))
  }

  private final class Stopper: Callback {
    let check: (Trainer) -> Void
    init(_ check: @escaping (Trainer) -> Void) { self.check = check }
    override func onTrainBatchEnd(
      _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
    ) { check(trainer) }
  }

  @Test func anErrorComesBelowTheLastState() throws {
    final class Broken: Module, Classifier, TrainStep {
      let fc = Linear(2, 2)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
      func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
        if context.globalStep == 2 { throw FileError.unreadable(file: "a.jpg", reason: "gone") }
        return ["loss": crossEntropy(self(batch.input), batch.target) * Double.nan]
      }
    }
    let emulator = Emulator((80, 24))
    let trainer = Trainer(
      callbacks: [TerminalDashboard(emulator.terminal)], enableProgressBar: false, detectAnomaly: false)
    #expect(throws: FileError.self) { try trainer.fit(Broken(), train: points(9, seed: 1)) }
    // There is no curve of losses that are no numbers.
    #expect(
      emulator.text.map { $0.prefix(5) } == ["Epoch", "Run  ", "loss ", "\(emulator.text[3].prefix(5))", ""])
    #expect(emulator.text[2] == "loss nan" && emulator.text[3].hasSuffix("ended by an error"))
  }
}
