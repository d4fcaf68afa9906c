import Foundation
import NNCore

/// Starts the process that runs the cases, and again behind a case that it died of.
struct CheckSupervisor {
  /// Arguments for the process, after which comes the number of the first case.
  let arguments: [String]
  /// Seconds that a case may take.
  let limit: Double
  /// After so many deaths the rest is not run.
  static let restartLimit = 40

  private(set) var outcomes: [Outcome?]
  private(set) var restarts = 0
  private let errors = FileManager.default.temporaryDirectory.appendingPathComponent("check-\(getpid()).log")

  struct Outcome {
    let failures: [String]
    let seconds: Double
  }

  init(_ arguments: [String], count: Int, limit: Double) {
    (self.arguments, self.limit) = (arguments, limit)
    outcomes = Array(repeating: nil, count: count)
  }

  /// Runs all cases; each is told to `report` when it is over.
  mutating func run(_ report: (Int, Outcome) -> Void) throws {
    defer { try? FileManager.default.removeItem(at: errors) }
    var next = 0
    while next < outcomes.count, restarts <= Self.restartLimit {
      let reached = try runProcess(from: next, report)
      // A process that did not get to its first case would not get there again.
      guard reached > next else { throw CheckError("the process that runs the cases ended: \(errorText)") }
      next = reached
      if next < outcomes.count { restarts += 1 }
    }
  }

  /// - Returns: the case to go on with.
  private mutating func runProcess(from first: Int, _ report: (Int, Outcome) -> Void) throws -> Int {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments + ["--worker", "\(first)"]
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    // Only the process holds the other end now, so that its end is seen.
    try pipe.fileHandleForWriting.close()

    var (next, isUnderWay) = (first, false)
    func close(_ outcome: Outcome) {
      outcomes[next] = outcome
      report(next, outcome)
      next += 1
      isUnderWay = false
    }
    var lines = LineReader(pipe.fileHandleForReading.fileDescriptor)
    let clock = ContinuousClock()
    var begin = clock.now
    reading: while true {
      switch lines.next(within: limit) {
      case .late:
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        if next < outcomes.count {
          close(Outcome(failures: ["no end after \(Int(limit)) s"], seconds: limit))
        }
        return next
      case .end: break reading
      case .line(let line):
        guard let progress = try? JSONDecoder().decode(Progress.self, from: line) else { continue }
        switch progress {
        case .began(let place):
          (next, isUnderWay, begin) = (place, true, clock.now)
        case .ended(_, let failures, let seconds): close(Outcome(failures: failures, seconds: seconds))
        case .broken(let problem): say("the device has to be opened again: \(problem)")
        }
      }
    }
    process.waitUntilExit()
    if isUnderWay {
      let how = process.terminationReason == .uncaughtSignal ? "signal" : "status"
      close(
        Outcome(
          failures: ["ended the process (\(how) \(process.terminationStatus)): \(errorText)"],
          seconds: (clock.now - begin) / .seconds(1)))
    }
    return next
  }

  /// The last lines that the process wrote to standard error.
  private var errorText: String {
    let text = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
    return printable(String(text.split(separator: "\n").suffix(3).joined(separator: " | ").suffix(600)))
  }
}

struct CheckError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// Lines from a pipe, waited for so long and no longer.
private struct LineReader {
  enum Event {
    case line(Data)
    case end, late
  }

  private let descriptor: Int32
  private var buffer = Data()

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  mutating func next(within seconds: Double) -> Event {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer = Data(buffer[(end + 1)...]) }
        return .line(Data(buffer[..<end]))
      }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = Glibc.poll(&poll, 1, Int32(seconds * 1e3))
      if ready == 0 { return .late }
      if ready < 0 { continue }
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(descriptor, &bytes, bytes.count)
      if count <= 0 { return .end }
      buffer.append(contentsOf: bytes[..<count])
    }
  }
}
