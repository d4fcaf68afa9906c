import Foundation

/// Memory that the program shares with the process that runs the inputs: what that one was doing is there after it died.
final class SharedState {
  /// Words of the head.
  enum Word: Int {
    /// Place of the reader and number of the input in it.
    case reader, index
    /// Nanoseconds of the clock when the input began, 0 between inputs; and of processor time.
    case started, startedProcessor
    case inputCount, messageCount
    /// Set to ask the process to end, by the program; and by the process when all kept inputs and seeds were run.
    case stop, isWarm
  }

  /// Numbers of one reader.
  enum Count: Int {
    /// Inputs that are done; the next one has this number.
    case done
    /// Those that were read without an error.
    case accepted
    case nanoseconds
    /// 1 if the reader is left out from here on.
    case isOut
  }

  private static let wordLimit = 4_096
  private static let messageLimit = 4_096
  static let inputLimit = 4 << 20
  private static let size = wordLimit * 8 + messageLimit + inputLimit

  private let words: UnsafeMutablePointer<Int>
  private let message: UnsafeMutablePointer<UInt8>
  private let bytes: UnsafeMutablePointer<UInt8>

  /// Maps a file, which is made if it is not there.
  init(_ path: String) throws {
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0, ftruncate(file, off_t(Self.size)) == 0,
      let base = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), base != MAP_FAILED
    else { throw FuzzError("\(path): cannot be made") }
    close(file)
    words = base.assumingMemoryBound(to: Int.self)
    message = (base + Self.wordLimit * 8).assumingMemoryBound(to: UInt8.self)
    bytes = message + Self.messageLimit
  }

  subscript(word: Word) -> Int {
    get { words[word.rawValue] }
    set { words[word.rawValue] = newValue }
  }

  subscript(reader: Int, count: Count) -> Int {
    get { words[16 + 4 * reader + count.rawValue] }
    set { words[16 + 4 * reader + count.rawValue] = newValue }
  }

  /// The input that is being read.
  var input: [UInt8] {
    get { Array(UnsafeBufferPointer(start: bytes, count: min(self[.inputCount], Self.inputLimit))) }
    set {
      let part = newValue.prefix(Self.inputLimit)
      self[.inputCount] = part.count
      for (place, byte) in part.enumerated() { bytes[place] = byte }
    }
  }

  /// What was wrong with it, found by the process itself.
  var finding: String {
    get {
      String(
        decoding: UnsafeBufferPointer(start: message, count: min(self[.messageCount], Self.messageLimit)),
        as: UTF8.self)
    }
    set {
      let part = Array(newValue.utf8.prefix(Self.messageLimit))
      self[.messageCount] = part.count
      for (place, byte) in part.enumerated() { message[place] = byte }
    }
  }
}

/// Nanoseconds of a clock.
func nanoseconds(_ clock: clockid_t) -> Int {
  var time = timespec()
  clock_gettime(clock, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
