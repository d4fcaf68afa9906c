import Foundation
import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

/// Reads an event file record by record, checksums included.
private struct EventReader {
  struct Scalar: Equatable {
    var tag: String
    var step: UInt64
    var value: Float?
  }

  private(set) var version: String?
  private(set) var scalars: [Scalar] = []
  /// Of TensorBoard's table of runs.
  private(set) var hyperparameters: [String: String] = [:]
  private(set) var endings: [UInt64] = []

  init(_ data: Data) throws {
    var rest = data
    func number<T: FixedWidthInteger>(_ bytes: Data, _ type: T.Type) -> T {
      bytes.reversed().reduce(T.zero) { $0 << 8 | T($1) }
    }
    while !rest.isEmpty {
      let head = Data(rest.prefix(12))
      try #require(head.count == 12)
      let length = Int(number(head.prefix(8), UInt64.self))
      #expect(number(Data(head.suffix(4)), UInt32.self) == maskedCRC32C(Data(head.prefix(8))))
      rest = Data(rest.dropFirst(12))
      try #require(rest.count >= length + 4)
      let record = Data(rest.prefix(length))
      #expect(number(Data(rest.dropFirst(length).prefix(4)), UInt32.self) == maskedCRC32C(record))
      rest = Data(rest.dropFirst(length + 4))
      try read(record)
    }
  }

  private struct Truncated: Error {}

  private enum Field {
    case varint(UInt64), fixed(Data), bytes(Data)
  }

  private func fields(_ message: Data) throws -> [(number: Int, value: Field)] {
    var bytes = Array(message)[...]
    func varint() throws -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while true {
        guard let byte = bytes.popFirst() else { throw Truncated() }
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
    var all: [(number: Int, value: Field)] = []
    while !bytes.isEmpty {
      let key = try varint()
      func take(_ count: Int) throws -> Data {
        try #require(bytes.count >= count)
        defer { bytes = bytes.dropFirst(count) }
        return Data(bytes.prefix(count))
      }
      let value: Field
      switch key & 7 {
      case 0: value = .varint(try varint())
      case 1: value = .fixed(try take(8))
      case 5: value = .fixed(try take(4))
      default: value = .bytes(try take(Int(try varint())))
      }
      all.append((Int(key >> 3), value))
    }
    return all
  }

  private mutating func read(_ event: Data) throws {
    var step: UInt64 = 0
    for case (2, .varint(let number)) in try fields(event) { step = number }
    for case (3, .bytes(let text)) in try fields(event) { version = String(decoding: text, as: UTF8.self) }
    for case (5, .bytes(let summary)) in try fields(event) {
      for case (1, .bytes(let value)) in try fields(summary) {
        var scalar = Scalar(tag: "", step: step)
        for case (1, .bytes(let tag)) in try fields(value) {
          scalar.tag = String(decoding: tag, as: UTF8.self)
        }
        for case (2, .fixed(let bits)) in try fields(value) {
          scalar.value = Float(bitPattern: bits.reversed().reduce(UInt32.zero) { $0 << 8 | UInt32($1) })
        }
        scalars.append(scalar)
        for case (9, .bytes(let metadata)) in try fields(value) { try read(metadata: metadata, scalar.tag) }
      }
    }
  }

  private mutating func read(metadata: Data, _ tag: String) throws {
    guard case (1, .bytes(let plugin))? = try fields(metadata).first,
      case (1, .bytes(let name))? = try fields(plugin).first, name == Data("hparams".utf8)
    else { return }
    let content = try #require(try fields(plugin).last { $0.number == 2 })
    guard case .bytes(let message) = content.value,
      case (let kind, .bytes(let info))? = try fields(message).first
    else { throw Truncated() }
    #expect(tag == (kind == 3 ? "_hparams_/session_start_info" : "_hparams_/session_end_info"))
    for case (1, .varint(let status)) in try fields(info) where kind == 4 { endings.append(status) }
    for case (1, .bytes(let entry)) in try fields(info) where kind == 3 {
      guard case (1, .bytes(let name))? = try fields(entry).first,
        case (2, .bytes(let value))? = try fields(entry).last
      else { throw Truncated() }
      let text =
        switch try fields(value).first {
        case (2, .fixed(let bits))?:
          "\(Double(bitPattern: bits.reversed().reduce(UInt64.zero) { $0 << 8 | UInt64($1) }))"
        case (3, .bytes(let text))?: String(decoding: text, as: UTF8.self)
        case (4, .varint(let bit))?: bit == 1 ? "true" : "false"
        default: "?"
        }
      hyperparameters[String(decoding: name, as: UTF8.self)] = text
    }
  }
}

@Suite struct LoggerTests {
  private func fit(_ loggers: [Logger]) throws -> Trainer {
    let trainer = Trainer(maxEpochs: 2, loggers: loggers, enableProgressBar: false, logInterval: 2)
    try trainer.fit(LinearNet(), train: points(9, seed: 1), validation: points(9, seed: 2))
    return trainer
  }

  @Test func tablesHaveAColumnPerMetric() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/new/log.csv"
      let trainer = try fit([CSVLogger(path)])
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      #expect(lines[0] == ["step", "epoch", "loss", "loss_epoch", "val_loss", "val_acc"])
      // Every second step, and behind each of the two epochs its loss and its validation.
      #expect(lines.dropFirst().map { $0[0] } == ["2", "3", "3", "4", "6", "6", "6"])
      #expect(lines.allSatisfy { $0.count == 6 })
      #expect(Double(lines[7][4]) == trainer.callbackMetrics["val_loss"])
    }
  }

  @Test func linesAreJSON() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/log.jsonl"
      let logger = JSONLinesLogger(path)
      let trainer = try fit([logger])
      try logger.log(["odd": .nan, "large": .infinity], step: 7, epoch: 2)
      let rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
      #expect(rows.count == 8)
      // JSONSerialization rounds the last bit of some numbers.
      let read = try #require(rows[6]["val_acc"] as? Double)
      #expect(abs(read - (try #require(trainer.callbackMetrics["val_acc"]))) < 1e-12)
      #expect(rows[7]["odd"] as? String == "nan" && rows[7]["large"] as? String == "inf")
    }
  }

  @Test func checksumsAreCastagnolis() {
    // RFC 3720, B.4: CRC-32C of 32 zero bytes is 8a9136aa; masked as TFRecord does it.
    let crc: UInt32 = 0x8a91_36aa
    #expect(maskedCRC32C(Data(count: 32)) == (crc >> 15 | crc << 17) &+ 0xa282_ead8)
  }

  @Test func eventFilesReadBack() throws {
    try withTemporaryFolder { folder in
      let logger = TensorBoardLogger(folder.path)
      let trainer = try fit([logger])
      try logger.log(text: "hello", "note", step: 1)
      try logger.log(histogram: Tensor([0.0, 1, 1, 2]), "values", step: 2, bins: 4)
      let image = Image(width: 3, height: 2, color: [200])
      try logger.log(image: Data(image.pngData()), width: 3, height: 2, "picture", step: 3)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(files.count == 1 && files[0].hasPrefix("events.out.tfevents."))
      let events = try EventReader(Data(contentsOf: folder.appendingPathComponent(files[0])))
      #expect(events.version == "brain.Event:2")
      let last = events.scalars.last { $0.tag == "val_loss" }
      #expect(last?.step == 6)
      #expect(last?.value == trainer.callbackMetrics["val_loss"].map { Float($0) })
      #expect(events.scalars.filter { $0.tag == "loss" }.map(\.step) == [2, 4, 6])
      #expect(events.scalars.suffix(3).map(\.tag) == ["note/text_summary", "values", "picture"])
    }
  }

  private final class Tuned: Module, Classifier, TrainStep, HasHyperparameters {
    struct Settings: Codable {
      struct Optimizer: Codable { var rate = 0.25 }
      var arch = "linear"
      var depth = 1
      var augments = true
      var crop: Int?
      var sizes = [3, 4]
      var optimizer = Optimizer()
    }
    let hyperparameters = Settings()
    let fc = Linear(2, 2)
    var fails = false
    func callAsFunction(_ x: Tensor) -> Tensor { fc(x) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.25) }
    func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
      if fails { throw FileError.unreadable(file: "a.jpg", reason: "gone") }
      return ["loss": crossEntropy(self(batch.input), batch.target)]
    }
  }

  /// Field by field what TensorBoard 2.21 shows in its table; a failed run is told from one that ended well.
  @Test(arguments: [false, true])
  func hyperparametersAreThereForTheTableOfRuns(fails: Bool) throws {
    try withTemporaryFolder { folder in
      let net = Tuned()
      net.fails = fails
      let trainer = Trainer(maxSteps: 1, loggers: [TensorBoardLogger(folder.path)], enableProgressBar: false)
      if fails {
        #expect(throws: FileError.self) { try trainer.fit(net, train: points(9, seed: 1)) }
      } else {
        try trainer.fit(net, train: points(9, seed: 1))
      }
      let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).first)
      let events = try EventReader(Data(contentsOf: folder.appendingPathComponent(file)))
      #expect(
        events.hyperparameters == [
          "arch": "linear", "depth": "1.0", "augments": "true", "sizes.0": "3.0", "sizes.1": "4.0",
          "optimizer.rate": "0.25",
        ])
      #expect(events.endings == [fails ? 2 : 1])
      #expect(events.scalars.contains { $0.tag == "hyperparameters/text_summary" })
    }
  }

  @Test func aResumedFitGoesOnInItsEventFile() throws {
    try withTemporaryFolder { folder in
      for steps in [2, 4] {
        let trainer = Trainer(
          maxSteps: steps, callbacks: [ModelCheckpoint(directory: folder.path + "/c", monitor: nil)],
          loggers: [TensorBoardLogger(folder.path + "/t")], enableProgressBar: false, logInterval: 1)
        try trainer.fit(LinearNet(), train: points(9, seed: 1), resume: .last)
      }
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/t")
      #expect(files.count == 1)
      let events = try EventReader(Data(contentsOf: folder.appendingPathComponent("t/" + files[0])))
      #expect(events.scalars.filter { $0.tag == "loss" }.map(\.step) == [1, 2, 3, 4])
    }
  }

  static let browser = ["/usr/bin/chromium", "/usr/bin/google-chrome"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  private func report(_ path: String) throws -> [String] {
    final class Net: Module, Classifier, TrainStep, ValidationStep {
      let fc = Linear(3 * 32 * 32, 10)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x.flatten(from: 1)) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.01) }
    }
    let data = SyntheticShapes(count: 40)
    let report = RunReport(path, title: "Shapes <1>", classNames: data.classes, images: 3)
    let trainer = Trainer(
      maxEpochs: 2, callbacks: [LearningRateMonitor()], loggers: [report], enableProgressBar: false,
      logInterval: 1)
    try trainer.fit(
      Net(), train: DataLoader(data, batchSize: 8, shuffle: true),
      validation: DataLoader(data, batchSize: 16))
    return data.classes
  }

  @Test(.enabled(if: browser != nil, "needs chromium"))
  func aBrowserShowsTheReportWithoutAnError() throws {
    try withTemporaryFolder { folder in
      _ = try report(folder.path + "/report.html")
      // As root chromium wants no sandbox; its own troubles with a missing desktop are not the page's.
      let shown = try Command([
        "timeout", "50", try #require(Self.browser), "--headless", "--no-sandbox", "--disable-gpu",
        "--user-data-dir=\(folder.path)/profile", "--enable-logging=stderr", "--dump-dom",
        "file://\(folder.path)/report.html",
      ])
      #expect(shown.status == 0)
      #expect(!shown.output.contains(":CONSOLE"), "\(shown.output.suffix(2_000))")
      #expect(shown.output.components(separatedBy: "<polyline").count > 3)
      #expect(shown.output.components(separatedBy: "<img").count == 7)
    }
  }

  @Test func theReportHasEverythingInOneFile() throws {
    try withTemporaryFolder { folder in
      let path = folder.path + "/report.html"
      let classes = try report(path)
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains("<h1>Shapes &lt;1&gt;</h1>") && text.contains("ended: maxEpochs reached (2)"))
      for heading in [
        "Curves", "Metrics", "Confusion matrix", "Worst predictions", "Random predictions", "Timings", "Data",
        "Configuration", "Model",
      ] { #expect(text.contains("<h2>\(heading)</h2>"), "\(heading)") }
      #expect(text.components(separatedBy: "<svg").count == 4)
      #expect(text.components(separatedBy: "data:image/png;base64,").count == 7)
      #expect(text.contains(classes[0]) && !text.contains("http-equiv") && !text.contains("src=\"http"))
    }
  }
}
