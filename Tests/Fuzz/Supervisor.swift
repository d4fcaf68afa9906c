import Foundation

/// Starts the process that runs the inputs, again whenever one killed it, and keeps what killed it.
struct Supervisor {
  private struct Finding {
    var reader: String
    var reason: String
    var path: String
  }

  private let options: Fuzz.Options
  private let folder: String
  private let shared: SharedState
  private let names: [String]
  private var findings: [Finding] = []
  private let start = nanoseconds(CLOCK_MONOTONIC)
  private var shown = 0

  /// Seconds of processor time that an input may take, and seconds in all: one that waits takes no processor time.
  private static let (processorLimit, waitLimit) = (5.0, 60.0)
  /// A reader with so many findings is left out from then on.
  private static let findingLimit = 10

  init(_ options: Fuzz.Options, folder: String) throws {
    self.options = options
    self.folder = folder
    shared = try SharedState("\(folder)/shared")
    // As they are now: what is found on the way does not change the numbers of the inputs.
    let kept = "\(folder)/corpus"
    if FileManager.default.fileExists(atPath: options.corpus) {
      try FileManager.default.copyItem(atPath: options.corpus, toPath: kept)
    }
    names = try Reader.named(options.reader, Scratch("\(folder)/seeds")).map(\.name)
  }

  /// The number of findings.
  mutating func run() throws -> Int {
    var (failures, isDone) = (0, false)
    while !isDone {
      let process = try startProcess()
      let wasKilled = wait(process)
      process.waitUntilExit()
      let status = process.terminationStatus
      let hasFinding = process.terminationReason == .uncaughtSignal || status == InputRunner.findingStatus
      if wasKilled || hasFinding, shared[.started] != 0 {
        try keep(wasKilled ? "takes too long" : reason(process))
        failures = 0
      } else if status == 0, process.terminationReason == .exit {
        isDone = true
      } else if status != InputRunner.grownStatus {
        failures += 1
        guard failures < 3 else { throw FuzzError("the process that runs inputs ended: \(errorText)") }
      }
      if isOver, shared[.isWarm] != 0 { isDone = true }
    }
    showSummary()
    return findings.count
  }

  private var seconds: Double { Double(nanoseconds(CLOCK_MONOTONIC) - start) / 1e9 }
  private var isOver: Bool { options.inputLimit == nil && seconds >= options.seconds }

  private func startProcess() throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments =
      ["--inside", folder, "--seed", "\(options.seed)", "--corpus", "\(folder)/corpus"]
      + (options.reader.map { ["--reader", $0] } ?? [])
      + (options.inputLimit.map { ["--inputs", "\($0)"] } ?? [])
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SWIFT_BACKTRACE": "enable=no", "NN_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"]) { $1 }
    // Appending, so that the process can cut it.
    let errors = open("\(folder)/stderr", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
    process.standardError = FileHandle(fileDescriptor: errors, closeOnDealloc: true)
    process.standardOutput = FileHandle.nullDevice
    (shared[.started], shared[.messageCount]) = (0, 0)
    try process.run()
    return process
  }

  /// Waits for the end of the process: whether it was killed for an input that takes too long.
  private mutating func wait(_ process: Process) -> Bool {
    var clock = clockid_t()
    while process.isRunning {
      usleep(50_000)
      showProgress()
      if isOver { shared[.stop] = 1 }
      let began = shared[.started]
      guard began != 0, clock_getcpuclockid(process.processIdentifier, &clock) == 0 else { continue }
      let spent = nanoseconds(clock) - shared[.startedProcessor]
      let waited = nanoseconds(CLOCK_MONOTONIC) - began
      // Both clocks are of the same input only if it did not change meanwhile.
      if Double(spent) / 1e9 > Self.processorLimit || Double(waited) / 1e9 > Self.waitLimit,
        shared[.started] == began
      {
        kill(process.processIdentifier, SIGKILL)
        return true
      }
    }
    return false
  }

  private var errorText: String {
    let lines =
      (try? String(contentsOfFile: "\(folder)/stderr", encoding: .utf8))?.split(separator: "\n") ?? []
    return (lines.last { $0.contains("rror:") } ?? lines.last).map { String($0.suffix(200)) } ?? ""
  }

  private func reason(_ process: Process) -> String {
    if process.terminationReason == .exit { return shared.finding }
    return "crashes (signal \(process.terminationStatus)) \(errorText)"
  }

  /// Keeps the input that was being read, and goes on behind it.
  private mutating func keep(_ reason: String) throws {
    let (reader, input) = (shared[.reader], shared.input)
    shared[reader, .done] = shared[.index] + 1
    let path = try Corpus(options.corpus).keep(input, of: names[reader])
    findings.append(Finding(reader: names[reader], reason: reason, path: path))
    if findings.filter({ $0.reader == names[reader] }).count >= Self.findingLimit {
      shared[reader, .isOut] = 1
    }
    say("\(path): \(reason)")
  }

  // MARK: Words

  /// Not by `print`, whose lines would come late beside those of the progress.
  private func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

  private var total: Int { names.indices.reduce(0) { $0 + shared[$1, .done] } }

  /// A line on a terminal, or one a minute elsewhere.
  private mutating func showProgress() {
    let isTerminal = isatty(STDERR_FILENO) == 1
    let tick = Int(seconds) / (isTerminal ? 1 : 60)
    guard tick > shown else { return }
    shown = tick
    let line = "\(Int(seconds)) s: \(total) inputs, \(findings.count) findings"
    FileHandle.standardError.write(Data((isTerminal ? "\r\u{1b}[K\(line)" : "\(line)\n").utf8))
  }

  private func showSummary() {
    if isatty(STDERR_FILENO) == 1 { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
    func cell(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    say("reader        inputs   per second   read   findings")
    for (place, name) in names.enumerated() {
      let (done, time) = (shared[place, .done], Double(shared[place, .nanoseconds]) / 1e9)
      let share = done > 0 ? 100 * shared[place, .accepted] / done : 0
      let found = findings.filter { $0.reader == name }.count
      say(
        name + cell("\(done)", 20 - name.count) + cell("\(Int(Double(done) / max(time, 1e-9)))", 13)
          + cell("\(share)%", 7) + cell("\(found)", 11) + (shared[place, .isOut] != 0 ? "  left out" : ""))
    }
    let rate = Int(Double(total) / max(seconds, 1e-9))
    say(
      "\(total) inputs in \(Int(seconds)) s, \(rate) per second, \(findings.count) findings, seed \(options.seed)"
    )
  }
}
