import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

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
