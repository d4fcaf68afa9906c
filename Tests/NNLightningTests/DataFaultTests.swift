import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import TestSupport
import Testing

import NNLightning

/// Data that a run cannot go on with ends it by an error that says where it is and what helps.
@Suite struct DataFaultTests {
  private final class ConvNet: Module, Classifier, TrainStep, ValidationStep, TestStep, PredictStep {
    let conv = Conv2d(3, 4, kernelSize: 3)
    let norm = BatchNorm2d(4)
    let pool = MaxPool2d(kernelSize: 2)
    let fc = Linear(4 * 3 * 3, 5)
    func callAsFunction(_ x: Tensor) -> Tensor { fc(pool(norm(conv(x)).relu()).flatten(from: 1)) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.01) }
  }

  /// Samples of which one is different.
  private struct Images: Dataset {
    enum Fault: String, CaseIterable, CustomTestStringConvertible {
      case label, negativeLabel, floatLabel, labelShape, small, tiny, large, gray, bytes, rank, unreadable
      var testDescription: String { rawValue }
    }
    struct Gone: Error, CustomStringConvertible { var description: String { "gone\nfor good" } }
    var count = 12
    var fault: Fault?
    /// The sample with the fault; nil for all of them.
    var place: Int? = 7

    subscript(index: Int) -> Sample {
      get throws {
        var shape = [3, 8, 8]
        let here = place == nil || place == index ? fault : nil
        switch here {
        case .small: shape = [3, 4, 4]
        case .tiny: shape = [3, 2, 2]
        case .large: shape = [3, 10, 10]
        case .gray: shape = [1, 8, 8]
        case .rank: shape = [64]
        case .unreadable: throw Gone()
        default: break
        }
        var input = Tensor.rand(shape, generator: Generator(seed: index))
        if here == .bytes { input = input.to(.uint8) }
        switch here {
        case .label: return Sample(input: input, label: 5)
        case .negativeLabel: return Sample(input: input, label: -1)
        case .floatLabel: return Sample(input: input, target: Tensor(Float(1)))
        case .labelShape: return Sample(input: input, target: Tensor([1, 2]))
        default: return Sample(input: input, label: index % 5)
        }
      }
    }
  }

  enum Stage: String, CaseIterable, CustomTestStringConvertible {
    case fit, validation, validate, test, predict
    var testDescription: String { rawValue }
    var name: String {
      switch self {
      case .fit: "training"
      case .validation, .validate: "validation"
      case .test: "test"
      case .predict: "prediction"
      }
    }
  }

  private func run(
    _ stage: Stage, _ data: some Dataset<Sample>, batchSize: Int = 4, workers: Int = 0,
    callbacks: [Callback] = []
  ) throws {
    let trainer = Trainer(
      maxEpochs: 2, callbacks: callbacks, enableProgressBar: false, sanityValidationSteps: 0)
    let loader = DataLoader(data, batchSize: batchSize, workers: workers)
    let good = DataLoader(Images(), batchSize: 4)
    let net = ConvNet()
    switch stage {
    case .fit: try trainer.fit(net, train: loader)
    case .validation: try trainer.fit(net, train: good, validation: loader)
    case .validate: try trainer.validate(net, loader)
    case .test: try trainer.test(net, loader)
    case .predict: _ = try trainer.predict(net, loader)
    }
  }

  private func fault(_ body: () throws -> Void) -> DataFault? {
    let error = #expect(throws: TrainerError.self) { try body() }
    guard case .data(let fault)? = error else {
      Issue.record("\(String(describing: error))")
      return nil
    }
    #expect(
      !fault.description.contains("\n") && fault.description.contains("expected") || fault.remedy != nil
        || fault.underlying != nil)
    return fault
  }

  /// All stages, each fault in one sample: the batch and the sample are named.
  @Test(arguments: Stage.allCases, Images.Fault.allCases)
  private func oneSample(stage: Stage, kind: Images.Fault) throws {
    // Predictions need no labels.
    if stage == .predict, [.label, .negativeLabel].contains(kind) {
      try run(stage, Images(fault: kind))
      return
    }
    let found = fault { try run(stage, Images(fault: kind), workers: kind == .small ? 2 : 0) }
    #expect(
      found?.stage == stage.name && found?.batch == 1 && found?.sample == 7, "\(String(describing: found))")
    #expect((found?.epoch == 0) == [.fit, .validation].contains(stage))
  }

  /// Each fault in every sample: batches can be put together, and the network cannot take them.
  @Test(arguments: Stage.allCases, Images.Fault.allCases)
  private func allSamples(stage: Stage, kind: Images.Fault) throws {
    if stage == .predict, [.label, .negativeLabel, .floatLabel, .labelShape].contains(kind) { return }
    let found = fault { try run(stage, Images(fault: kind, place: nil)) }
    #expect(found?.stage == stage.name && found?.batch == 0, "\(String(describing: found))")
    if kind != .unreadable { #expect(found?.remedy != nil) }
    let text = found?.description ?? ""
    switch kind {
    case .label: #expect(text.contains("sample 0: ") && text.contains("class 5 is outside 0..<5"))
    case .negativeLabel: #expect(text.contains("class -1 is outside 0..<5"))
    case .floatLabel: #expect(text.contains("class numbers are integers"))
    case .small, .large: #expect(text.contains("Resize"))
    case .tiny:
      #expect(text.contains("larger than the padded input") && text.contains("make the images larger"))
    case .gray: #expect(text.contains("input [4, 1, 8, 8]") && text.contains("channels"))
    case .unreadable: #expect(text.contains("sample 0: gone for good"))
    default: break
    }
  }

  @Test(arguments: Stage.allCases)
  func emptyData(stage: Stage) throws {
    let error = #expect(throws: TrainerError.self) { try run(stage, Images(count: 0)) }
    #expect(error == (stage == .fit ? .noBatches : .emptyLoader(stage: stage.name)))
    #expect(error?.description.contains("expected at least one batch, found none") == true)
  }

  @Test(arguments: Stage.allCases)
  func anIndexBeyondTheData(stage: Stage) throws {
    struct Wrong: Sampler {
      let count = 3
      func order() -> [Int] { [0, 12, 1] }
    }
    let trainer = Trainer(maxEpochs: 1, enableProgressBar: false, sanityValidationSteps: 0)
    let (net, good) = (ConvNet(), DataLoader(Images(), batchSize: 4))
    let loader = DataLoader(Images(), batchSize: 2, sampler: Wrong())
    let found = fault {
      switch stage {
      case .fit: try trainer.fit(net, train: loader)
      case .validation: try trainer.fit(net, train: good, validation: loader)
      case .validate: try trainer.validate(net, loader)
      case .test: try trainer.test(net, loader)
      case .predict: _ = try trainer.predict(net, loader)
      }
    }
    #expect(found?.sample == 12 && found?.problem.contains("0..<12, found 12") == true)
  }

  @Test func filesAreNamed() throws {
    try withTemporaryFolder { folder in
      for name in ["cat", "dog"] {
        try FileManager.default.createDirectory(
          atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        for number in 0..<4 {
          let side = name == "dog" && number == 2 ? 4 : 8
          try Data(Image(width: side, height: side, color: [UInt8(number)]).pngData())
            .write(to: folder.appendingPathComponent("\(name)/\(number).png"))
        }
      }
      let images = try ImageFolder(folder.path)
      let sized = fault { try run(.fit, images.prefix(8)) }
      #expect(sized?.sample == 6 && sized?.file?.hasSuffix("/dog/2.png") == true)
      #expect(sized?.description.contains("/dog/2.png): batch: expected float32 [3, 8, 8]") == true)
      let bad = folder.appendingPathComponent("cat/1.png")
      try Data(contentsOf: bad).prefix(40).write(to: bad)
      let damaged = fault { try run(.test, images.map { $0 }, workers: 1) }
      #expect(damaged?.sample == 1 && damaged?.file == bad.path && damaged?.underlying is ImageError)
      #expect(
        damaged?.description.components(separatedBy: bad.path).count == 2, "\(String(describing: damaged))")
      #expect(damaged?.remedy?.contains("repair the file") == true)
    }
  }

  // MARK: One sample before a batch norm

  /// A network whose batch norm has one value per channel for one sample.
  private final class NormNet: Module, Classifier, TrainStep, ValidationStep {
    let fc = Linear(2, 4)
    let norm = BatchNorm1d(4)
    let dropout = Dropout(0.5)
    let head = Linear(4, 2)
    func callAsFunction(_ x: Tensor) -> Tensor { head(dropout(norm(fc(x)).relu())) }
    func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) { $0.momentum = 0.9 } }
  }

  @Test(arguments: [1, 2, 3])
  func aLastBatchOfOneIsLeftOut(accumulation: Int) throws {
    func train(dropLast: Bool) throws -> (StateDict, Trainer) {
      // Of its own: tests run beside each other.
      try withDefaultGenerator(Generator(seed: 4)) {
        let net = NormNet()
        let data = points(13, seed: 1).batches
        let set = TensorDataset(cat(data.map(\.input)), cat(data.map(\.target)))
        let loader = DataLoader(set, batchSize: 4, shuffle: true, dropLast: dropLast)
        let trainer = Trainer(
          maxEpochs: 3, enableProgressBar: false, accumulateGradBatches: accumulation)
        try trainer.fit(net, train: loader, validation: DataLoader(set, batchSize: 4))
        return (net.stateDict(), trainer)
      }
    }
    let (left, trainer) = try train(dropLast: false)
    let (dropped, other) = try train(dropLast: true)
    for (key, value) in left { #expect(try value.isEqual(to: #require(dropped[key])), "\(key)") }
    #expect(trainer.globalStep == other.globalStep && trainer.callbackMetrics == other.callbackMetrics)
    #expect(trainer.notes.filter { $0.contains("dropLast") }.count == 1, "\(trainer.notes)")
  }

  @Test(arguments: [1, 2])
  func batchesOfOneAllThroughAreRefused(samples: Int) throws {
    let data = points(9, seed: 1).batches[0]
    let set = TensorDataset(data.input, data.target).prefix(samples)
    let found = fault {
      try Trainer(maxEpochs: 1, enableProgressBar: false)
        .fit(NormNet(), train: DataLoader(set, batchSize: 1))
    }
    #expect(found?.problem.contains("more than one value per channel") == true)
    #expect(found?.remedy?.contains("dropLast: true") == true)
  }

  // MARK: What stays behind

  /// The state of the last boundary is saved, and going on from there is as if nothing had happened.
  @Test(arguments: ["reading", "step", "validation"])
  func theLastBoundaryIsSaved(place: String) throws {
    final class Source: @unchecked Sendable { var isBroken = true }  // changed between runs only
    struct Points: Dataset {
      let source: Source
      let kind: String
      let count: Int
      let broken: Int
      subscript(index: Int) -> Sample {
        get throws {
          if source.isBroken, index == broken {
            if kind == "step" { return Sample(input: Tensor.zeros(2), label: 3) }
            throw FileError.unreadable(file: "9.png", reason: "gone")
          }
          return Sample(
            input: Tensor.randn([2], generator: Generator(seed: index)), label: index % 2)
        }
      }
    }
    func train(_ folder: String, _ source: Source, resume: Resume) throws -> StateDict {
      try withDefaultGenerator(Generator(seed: 2)) { try trainAlone(folder, source, resume: resume) }
    }
    func trainAlone(_ folder: String, _ source: Source, resume: Resume) throws -> StateDict {
      let net = NormNet()
      let trainer = Trainer(
        maxEpochs: 3, callbacks: [ModelCheckpoint(directory: folder, everyEpochs: 2)],
        loggers: [CSVLogger(folder + "/log.csv"), TensorBoardLogger(folder + "/board")],
        enableProgressBar: false, sanityValidationSteps: 0, logInterval: 1)
      let healthy = Source()
      healthy.isBroken = false
      try trainer.fit(
        net,
        train: DataLoader(
          Points(source: place == "validation" ? healthy : source, kind: place, count: 24, broken: 9),
          batchSize: 4,
          shuffle: true),
        validation: DataLoader(
          Points(source: place == "validation" ? source : healthy, kind: place, count: 12, broken: 9),
          batchSize: 4),
        resume: resume)
      return net.stateDict()
    }
    try withTemporaryFolder { folder in
      let source = Source()
      source.isBroken = false
      let expected = try train(folder.path + "/a", source, resume: .never)
      source.isBroken = true
      let run = folder.path + "/b"
      let found = fault { _ = try train(run, source, resume: .never) }
      #expect(found?.sample == 9)
      let saved = try Checkpoint(contentsOf: run + "/last.safetensors")
      #expect(saved.globalStep > 0 && saved.progress.isValidationPending == (place == "validation"))
      source.isBroken = false
      let got = try train(run, source, resume: .last)
      for (key, value) in got { #expect(try value.isEqual(to: #require(expected[key])), "\(key)") }
      let logs = try ["a", "b"].map {
        try String(contentsOfFile: "\(folder.path)/\($0)/log.csv", encoding: .utf8)
      }
      #expect(logs[0] == logs[1])
      let events = try ["a", "b"].map { name in
        let board = "\(folder.path)/\(name)/board"
        let files = try FileManager.default.contentsOfDirectory(atPath: board)
        try #require(files.count == 1)
        return try EventReader(Data(contentsOf: URL(fileURLWithPath: board + "/" + files[0]))).scalars
      }
      #expect(events[0] == events[1])
    }
  }

  @Test func callbacksHearOfIt() {
    let recorder = Recorder()
    _ = fault { try run(.fit, Images(fault: .label), callbacks: [recorder]) }
    #expect(recorder.hooks.suffix(2) == ["exception", "teardown fit"])
  }
}
