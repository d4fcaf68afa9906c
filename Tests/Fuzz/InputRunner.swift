import Foundation
import NNCore

/// Runs inputs until it is asked to stop, or dies of one: the inside of the process that is started for it.
struct InputRunner {
  /// Exit status for an input that was found to be handled wrongly, and for a process that has grown and wants to be
  /// started anew.
  static let (findingStatus, grownStatus): (Int32, Int32) = (3, 4)

  private let readers: [Reader]
  private let mutators: [Mutator]
  private let scratch: Scratch
  private let shared: SharedState
  private let seed: Int
  /// Inputs of each reader behind the kept ones and the seeds, nil for any number.
  private let inputLimit: Int?
  /// Kept inputs by reader: those that were found before.
  private let corpus: [[[UInt8]]]
  private let parent = getppid()
  /// Time that a reader has before the next one's turn, in nanoseconds.
  private static let turn = 50_000_000
  /// Bytes that an input may take, and by which the process may grow over time.
  private static let (memoryLimit, growthLimit) = (2 << 30, 256 << 20)

  init(_ options: Fuzz.Options, folder: String) throws {
    scratch = try Scratch("\(folder)/scratch")
    shared = try SharedState("\(folder)/shared")
    (seed, inputLimit) = (options.seed, options.inputLimit)
    ThreadPool.shared.threadCount = 1
    readers = try Reader.named(options.reader, scratch)
    corpus = readers.map { Corpus(options.corpus).inputs(of: $0.name).map(\.bytes) }
    // Not of the kept ones: some take a reader half a second, and so would most that are made of them.
    mutators = readers.map { Mutator($0.layout, tokens: $0.tokens, seeds: $0.seeds) }
  }

  func run() -> Int32 {
    let start = Self.memory()
    var limit = rlimit(rlim_cur: rlim_t(start + Self.memoryLimit), rlim_max: rlim_t(start + Self.memoryLimit))
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    limit = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    for place in readers.indices {
      while shared[place, .done] < corpus[place].count + readers[place].seeds.count {
        if let status = runOne(place) { return status }
      }
    }
    shared[.isWarm] = 1
    while true {
      var isIdle = true
      for place in readers.indices where shared[place, .isOut] == 0 && !isComplete(place) {
        isIdle = false
        let end = nanoseconds(CLOCK_MONOTONIC) + Self.turn
        while nanoseconds(CLOCK_MONOTONIC) < end, !isComplete(place) {
          if shared[.stop] != 0 { return 0 }
          if let status = runOne(place) { return status }
        }
        // What libraries say about broken files is of no use, and much.
        ftruncate(STDERR_FILENO, 0)
        if Self.memory() > start + Self.growthLimit { return Self.grownStatus }
      }
      if getppid() != parent || isIdle { return 0 }
    }
  }

  private func isComplete(_ place: Int) -> Bool {
    guard let inputLimit else { return false }
    return shared[place, .done] >= corpus[place].count + readers[place].seeds.count + inputLimit
  }

  /// Runs the next input of a reader: the kept ones, the seeds, and then changed ones. The status to end with if
  /// something was wrong.
  private func runOne(_ place: Int) -> Int32? {
    let reader = readers[place]
    let index = shared[place, .done]
    if shared[place, .isOut] != 0 {
      shared[place, .done] = index + 1
      return nil
    }
    let input = self.input(place, index)
    shared.input = input
    (shared[.reader], shared[.index]) = (place, index)
    let start = nanoseconds(CLOCK_MONOTONIC)
    shared[.startedProcessor] = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    shared[.started] = start
    var problem: String?
    do {
      try reader.read(input, scratch)
      shared[place, .accepted] += 1
    } catch let error as FuzzError {
      problem = error.description
    } catch {
      let text = "\(error)"
      if printable(text) != text { problem = "an error that is not one printable line: \(printable(text))" }
    }
    if reader.writes, let stray = scratch.stray() {
      problem = "something was written outside: \(printable(stray))"
    }
    shared[place, .nanoseconds] += nanoseconds(CLOCK_MONOTONIC) - start
    if let problem {
      shared.finding = problem
      return Self.findingStatus
    }
    shared[.started] = 0
    shared[place, .done] = index + 1
    return nil
  }

  private func input(_ place: Int, _ index: Int) -> [UInt8] {
    let known = corpus[place] + readers[place].seeds
    if index < known.count { return known[index] }
    var random = Random(seed: seed, reader: readers[place].name, index: index - known.count)
    return mutators[place].input(&random)
  }

  /// Bytes of address space of this process.
  private static func memory() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").first.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// The folder of inputs that were found to be handled wrongly, and are run first from then on.
struct Corpus {
  let folder: String

  init(_ folder: String) { self.folder = folder }

  /// The inputs of a reader, by their names.
  func inputs(of reader: String) -> [(name: String, bytes: [UInt8])] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      guard let dash = name.lastIndex(of: "-"), name[..<dash] == reader,
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)")
      else { return nil }
      return (name, [UInt8](data))
    }
  }

  /// Keeps an input, and says under which name.
  func keep(_ bytes: [UInt8], of reader: String) throws -> String {
    let hash = String(fnv(bytes), radix: 16)
    let path = "\(folder)/\(reader)-\(String(repeating: "0", count: 16 - hash.count))\(hash)"
    if !FileManager.default.fileExists(atPath: path) {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    return path
  }
}
