import Synchronization

/// Letters between threads of one process, for tests and for trying out.
final class LetterBox: Sendable {
  private struct Address: Hashable {
    let from: Int
    let to: Int
    let kind: MessageKind
  }

  let count: Int
  private let letters = Mutex<[Address: [[UInt8]]]>([:])

  init(_ count: Int) { self.count = count }

  func post(_ letter: [UInt8], from: Int, to: Int, _ kind: MessageKind) {
    letters.withLock { $0[Address(from: from, to: to, kind: kind), default: []].append(letter) }
  }

  func take(from: Int, to: Int, _ kind: MessageKind) -> [UInt8]? {
    let address = Address(from: from, to: to, kind: kind)
    return letters.withLock { letters in
      guard letters[address]?.isEmpty == false else { return nil }
      return letters[address]?.removeFirst()
    }
  }
}

final class ThreadTransport: Transport {
  let rank: Int
  private let box: LetterBox

  init(_ box: LetterBox, rank: Int) { (self.box, self.rank) = (box, rank) }

  var count: Int { box.count }

  func begin(_ transfer: Transfer) {
    if transfer.isReceiving { return }
    box.post(Array(transfer.bytes), from: rank, to: transfer.peer, transfer.kind)
  }

  func isDone(_ transfer: Transfer) throws -> Bool {
    guard transfer.isReceiving else { return true }
    guard let letter = box.take(from: transfer.peer, to: rank, transfer.kind) else { return false }
    guard letter.count == transfer.bytes.count else {
      throw ProcessError.mismatch(
        rank: transfer.peer, expected: "a message of \(transfer.bytes.count) bytes", found: "\(letter.count)")
    }
    transfer.bytes.copyBytes(from: letter)
    return true
  }

  func takeNotice() -> (from: Int, bytes: [UInt8])? {
    for other in 0..<count {
      if let letter = box.take(from: other, to: rank, .notice) { return (other, letter) }
    }
    return nil
  }

  func finish() {}
}
