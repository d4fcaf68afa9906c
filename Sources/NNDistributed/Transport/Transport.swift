/// What a message is for; those of one kind arrive in the order in which they were sent.
enum MessageKind: Int32 {
  /// Signs of life, and that a process ended.
  case notice = 1
  /// What is about to be exchanged.
  case header = 2
  case data = 3
}

/// A message under way.
final class Transfer {
  /// The other process.
  let peer: Int
  /// What the transport knows it by.
  var request: UInt64 = 0
  let isReceiving: Bool
  let kind: MessageKind
  let bytes: UnsafeMutableRawBufferPointer
  /// Keeps the bytes where they are.
  let owner: AnyObject?

  init(
    peer: Int, kind: MessageKind, bytes: UnsafeMutableRawBufferPointer, isReceiving: Bool, owner: AnyObject?
  ) {
    (self.peer, self.kind, self.bytes) = (peer, kind, bytes)
    (self.isReceiving, self.owner) = (isReceiving, owner)
  }
}

/// Bytes that stay where they are as long as somebody holds them.
final class FixedBytes {
  let pointer: UnsafeMutableRawBufferPointer

  init(count: Int) {
    pointer = .allocate(byteCount: count, alignment: 64)
  }

  convenience init(_ bytes: some Collection<UInt8>) {
    self.init(count: bytes.count)
    pointer.copyBytes(from: bytes)
  }

  deinit { pointer.deallocate() }
}

/// Moves bytes between processes. One thread calls it.
protocol Transport: AnyObject {
  var rank: Int { get }
  var count: Int { get }

  /// Begins a transfer, of at most `Int32.max` bytes. Its bytes stay where they are until it is done.
  func begin(_ transfer: Transfer) throws
  func isDone(_ transfer: Transfer) throws -> Bool
  /// The next notice that has arrived, nil if there is none.
  func takeNotice() throws -> (from: Int, bytes: [UInt8])?
  /// Ends; all processes do so together.
  func finish() throws
}
