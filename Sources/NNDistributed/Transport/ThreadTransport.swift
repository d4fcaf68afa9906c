import Synchronization

/// Letters between threads of one process, for tests and for trying out.
final class LetterBox: Sendable {
  struct Address: Hashable {
    let from: Int
    let to: Int
    let kind: MessageKind
  }

  let count: Int
  private let letters = Mutex<[Address: [[UInt8]]]>([:])

  init(_ count: Int) { self.count = count }

  func post(_ letter: [UInt8], _ address: Address) {
    letters.withLock { $0[address, default: []].append(letter) }
  }

  func take(_ address: Address) -> [UInt8]? {
    letters.withLock { letters in
      guard letters[address]?.isEmpty == false else { return nil }
      return letters[address]?.removeFirst()
    }
  }
}

final class ThreadTransport: Transport {
  let rank: Int
  private let box: LetterBox
  /// Letters that were asked for, and those that were taken: they come in the order in which they were asked for.
  private var asked: [LetterBox.Address: UInt64] = [:]
  private var taken: [LetterBox.Address: UInt64] = [:]

  init(_ box: LetterBox, rank: Int) { (self.box, self.rank) = (box, rank) }

  var count: Int { box.count }

  func begin(_ transfer: Transfer) {
    if transfer.isReceiving {
      transfer.request = asked[address(transfer), default: 0]
      asked[address(transfer)] = transfer.request + 1
      return
    }
    box.post(
      Array(transfer.bytes), LetterBox.Address(from: rank, to: transfer.peer, kind: transfer.kind))
  }

  func isDone(_ transfer: Transfer) throws -> Bool {
    guard transfer.isReceiving else { return true }
    let address = address(transfer)
    guard taken[address, default: 0] == transfer.request, let letter = box.take(address) else { return false }
    taken[address] = transfer.request + 1
    guard letter.count == transfer.bytes.count else {
      throw ProcessError.mismatch(
        rank: transfer.peer, expected: "a message of \(transfer.bytes.count) bytes", found: "\(letter.count)")
    }
    transfer.bytes.copyBytes(from: letter)
    return true
  }

  func takeNotice() -> (from: Int, bytes: [UInt8])? {
    for other in 0..<count {
      let address = LetterBox.Address(from: other, to: rank, kind: .notice)
      if let letter = box.take(address) { return (other, letter) }
    }
    return nil
  }

  private func address(_ transfer: Transfer) -> LetterBox.Address {
    LetterBox.Address(from: transfer.peer, to: rank, kind: transfer.kind)
  }

  func finish() {}
}
