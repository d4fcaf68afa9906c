import Foundation
import NNCore
import NNData
import NNDistributed
import NNLayers
import NNLightning

// A small training for the tests of several processes:
//
//     mpirun -n 2 ProcessProbe FOLDER [name=value …]
//
//     steps=N batch=N samples=N   the length; batches are those of all processes together
//     dropout=1                   masks that each process draws for itself
//     resume=1 every=N            goes on from the folder's checkpoint, written every N steps
//     die=RANK:STEP hang=…        kills or stops itself; interrupt=… presses Ctrl-C, fail=… throws, crowd=… finds no room on the disk
//     data=RANK, shape=RANK, settings=RANK   has other data, another network, another learning rate
//
// The first process writes weights and metrics at the end.

struct Points: RepeatableDataset {
  let count: Int
  subscript(index: Int) -> Sample {
    let point = Tensor.randn([6], generator: Generator(seed: index))
    return Sample(input: point, label: point.sum().item() > 0 ? 1 : 0)
  }
  func targets(at indices: [Int]) -> Tensor { Tensor(indices.map { self[$0].target.item() > 0 ? 1 : 0 }) }
  func fingerprint() -> String? { "points" }
}

final class Net: Module, Classifier, TrainStep, ValidationStep, TestStep {
  let a: Linear
  let dropout: Dropout
  let b: Linear
  let rate: Double

  init(width: Int, dropout: Double, rate: Double) {
    a = Linear(6, width)
    self.dropout = Dropout(dropout)
    b = Linear(width, 2)
    self.rate = rate
  }

  func callAsFunction(_ x: Tensor) -> Tensor { b(dropout(a(x).tanh())) }
  func trainingStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    ["loss": loss(self(batch.input), batch.target)]
  }
  func validationStep(_ batch: Sample, context: StepContext) throws -> StepOutput {
    let y = self(batch.input)
    context.log("val_f1", F1Score(classes: 2, y, batch.target))
    return ["val_loss": loss(y, batch.target), "val_acc": accuracy(y, batch.target)]
  }
  func configureOptimizers() -> any Optimizer {
    SGD(parameters(), learningRate: rate) { $0.momentum = 0.9 }
  }
  func configureSchedulers(for optimizer: any Optimizer) -> [ScheduledRate] {
    [ScheduledRate(ReduceLROnPlateau(optimizer, patience: 1), monitor: .validationLoss)]
  }
}

final class Trouble: Callback {
  struct Failed: Error, CustomStringConvertible { let description = "no luck" }

  override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) throws {
    func isDue(_ name: String) -> Bool {
      text(name) == "\(trainer.strategy.rank):\(trainer.globalStep)"
    }
    if isDue("die") { kill(getpid(), SIGKILL) }
    if isDue("interrupt") { kill(getpid(), SIGINT) }
    if isDue("hang") { kill(getpid(), SIGSTOP) }
    if isDue("fail") { throw Failed() }
    if isDue("crowd") {
      var limit = rlimit(rlim_cur: 64, rlim_max: 64)
      setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
    }
  }
}

func text(_ name: String) -> String? {
  CommandLine.arguments.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
}
func option(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

@main struct ProcessProbe {
  static func main() {
    signal(SIGXFSZ, SIG_IGN)
    do {
      try run()
    } catch {
      if !Processes.isEndTold { FileHandle.standardError.write(Data("\(error)\n".utf8)) }
      exit(1)
    }
  }

  static func run() throws {
    let folder = CommandLine.arguments[1]
    let strategy = try Processes.start(
      dividesBatches: true, compression: text("wire") == "bfloat16" ? .bfloat16 : .none)
    func isOther(_ name: String) -> Bool { option(name) == strategy.rank }
    // Weights of the other processes count for nothing.
    manualSeed(3 + strategy.rank)
    let net = Net(
      width: isOther("shape") ? 17 : 16, dropout: option("dropout") == nil ? 0 : 0.3,
      rate: isOther("settings") ? 0.2 : 0.1)
    let samples = option("samples") ?? 90
    let trainer = Trainer(
      maxSteps: option("steps") ?? 100, strategy: strategy,
      callbacks: [
        ModelCheckpoint(directory: folder, everyEpochs: 0, everySteps: option("every")), Trouble(),
      ], loggers: [CSVLogger(folder + "/log.csv")], enableProgressBar: false)
    let batch = option("batch") ?? 16
    let validation = DataLoader(Points(count: 33), batchSize: batch)
    let result = try trainer.fit(
      net,
      train: DataLoader(
        Points(count: isOther("data") ? samples - 1 : samples), batchSize: batch, shuffle: true,
        generator: Generator(seed: 5)),
      validation: validation, resume: option("resume") == nil ? .never : .last)
    if result.stopReason == .interrupted { exit(130) }
    try trainer.test(net, validation)
    guard strategy.rank == 0 else { return }
    try net.stateDict().write(safetensors: folder + "/final.safetensors")
    try Data("\(trainer.callbackMetrics)".utf8).write(to: URL(fileURLWithPath: folder + "/metrics.txt"))
    print("processes \(strategy.count), steps \(result.steps)")
  }
}
