import Foundation
import NNCore
import Synchronization

/// Signs of life between processes. Each tells the next in the ring that it is there and listens to the one before, so
/// their number grows with that of the processes, and not with its square.
final class PeerWatch {
  private let transport: any Transport
  private let patience: ProcessGroup.Patience
  private let clock = ContinuousClock()
  private var lastSent: ContinuousClock.Instant
  private var lastHeard: ContinuousClock.Instant
  private var lastLook: ContinuousClock.Instant
  private var underWay: [Transfer] = []
  private let wish = Mutex<String?>(nil)
  /// Whether the end of the group was heard of from another process.
  private(set) var wasTold = false

  private enum Sign {
    static let alive = UInt8(1)
    static let end = UInt8(2)
  }

  init(_ transport: any Transport, _ patience: ProcessGroup.Patience) {
    self.transport = transport
    self.patience = patience
    lastSent = clock.now
    lastHeard = lastSent
    lastLook = lastSent
  }

  /// From another thread: this process ends by an error.
  func requestEnd(_ reason: String) { wish.withLock { $0 = $0 ?? reason } }

  /// Throws if a process is gone, or ends.
  func look() throws {
    if let reason = wish.withLock({ $0 }) { throw ProcessError.failed(rank: transport.rank, reason: reason) }
    if transport.count == 1 { return }
    let now = clock.now
    // A process that was stopped itself has heard nothing in that time.
    if (now - lastLook).seconds > patience.silence / 4 { lastHeard = now }
    lastLook = now
    let before = (transport.rank + transport.count - 1) % transport.count
    while let (from, bytes) = try transport.takeNotice() {
      if from == before { lastHeard = now }
      if bytes.first == Sign.end {
        wasTold = true
        throw ProcessError.failed(rank: from, reason: String(decoding: bytes.dropFirst(), as: UTF8.self))
      }
    }
    if (now - lastHeard).seconds > patience.silence {
      throw ProcessError.silent(rank: before, seconds: Int(patience.silence))
    }
    if (now - lastSent).seconds > min(1, patience.silence / 4) {
      lastSent = now
      try send([Sign.alive], to: (transport.rank + 1) % transport.count)
    }
  }

  /// Throws if an exchange has lasted too long.
  func checkPatience(since start: ContinuousClock.Instant, waitingFor peer: Int) throws {
    if (clock.now - start).seconds > patience.lateness {
      throw ProcessError.late(rank: peer, seconds: Int(patience.lateness))
    }
  }

  /// Tells all others the end, as far as they can be reached in a second.
  func tell(_ reason: String) {
    let bytes = [Sign.end] + Array(reason.utf8.prefix(4_000))
    for peer in 0..<transport.count where peer != transport.rank { try? send(bytes, to: peer) }
    let limit = clock.now + .seconds(1)
    while clock.now < limit {
      let isLeft = underWay.contains { ((try? transport.isDone($0)) ?? true) == false }
      if !isLeft { break }
      usleep(1_000)
    }
  }

  private func send(_ bytes: [UInt8], to peer: Int) throws {
    try underWay.removeAll { try transport.isDone($0) }
    let copy = FixedBytes(bytes)
    let transfer = Transfer(peer: peer, kind: .notice, bytes: copy.pointer, isReceiving: false, owner: copy)
    try transport.begin(transfer)
    underWay.append(transfer)
  }
}
