import Foundation
import NNCore

// What the thread does. Every exchange begins with headers, in which all say what they are about to do.
extension ProcessGroup {
  enum Kind: UInt64 {
    case gather = 1
    case broadcast, mean, sum, barrier, end

    var name: String {
      switch self {
      case .gather: "a gathering"
      case .broadcast: "a broadcast"
      case .mean: "a mean of gradients"
      case .sum: "a sum"
      case .barrier: "a barrier"
      case .end: "the end of the program"
      }
    }
  }

  struct Header {
    var sequence: UInt64
    var kind: UInt64
    var size: UInt64
    var weight: Double

    func text(withSize: Bool) -> String {
      let name = Kind(rawValue: kind)?.name ?? "an unknown exchange"
      return withSize ? "\(name) of \(size) bytes" : name
    }
  }

  /// Bytes of one message at most.
  private static var messageLimit: Int { 1 << 28 }

  /// Exchanges headers with all others.
  ///
  /// - Parameter sameSize: whether all must have the same number of bytes.
  @discardableResult
  func meet(_ kind: Kind, size: Int, weight: Double = 0, sameSize: Bool = true) throws -> [Header] {
    sequence += 1
    let own = Header(sequence: sequence, kind: kind.rawValue, size: UInt64(size), weight: weight)
    if count == 1 { return [own] }
    let length = MemoryLayout<Header>.stride
    let all = FixedBytes(count: length * count)
    func place(_ rank: Int) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(rebasing: all.pointer[rank * length..<(rank + 1) * length])
    }
    place(rank).storeBytes(of: own, as: Header.self)
    try complete(
      peers.map { transfer($0, .header, place($0), isReceiving: true, all) }
        + peers.map { transfer($0, .header, place(rank), isReceiving: false, all) })
    let headers = (0..<count).map { place($0).load(as: Header.self) }
    for (peer, header) in headers.enumerated() {
      let isSame = header.kind == own.kind && header.sequence == own.sequence
      if !isSame || (sameSize && header.size != own.size) {
        throw ProcessError.mismatch(
          rank: peer, expected: own.text(withSize: isSame) + ", as rank \(rank) does",
          found: header.text(withSize: isSame))
      }
      if header.size > 1 << 40 || !(header.weight >= 0 && header.weight.isFinite) {
        throw ProcessError.mismatch(rank: peer, expected: "a sound message", found: "a damaged one")
      }
    }
    return headers
  }

  private var peers: [Int] { (0..<count).filter { $0 != rank } }

  private func transfer(
    _ peer: Int, _ kind: MessageKind, _ bytes: UnsafeMutableRawBufferPointer, isReceiving: Bool,
    _ owner: AnyObject
  ) -> Transfer { Transfer(peer: peer, kind: kind, bytes: bytes, isReceiving: isReceiving, owner: owner) }

  /// Data of any length, in messages that are not too long.
  private func data(
    _ peer: Int, _ bytes: UnsafeMutableRawBufferPointer, isReceiving: Bool, _ owner: AnyObject
  ) -> [Transfer] {
    stride(from: 0, to: bytes.count, by: Self.messageLimit).map { start in
      let part = bytes[start..<min(start + Self.messageLimit, bytes.count)]
      return transfer(
        peer, .data, UnsafeMutableRawBufferPointer(rebasing: part), isReceiving: isReceiving, owner)
    }
  }

  /// Begins transfers and waits for their ends.
  private func complete(_ transfers: [Transfer]) throws {
    var left = transfers
    do {
      for transfer in left { try transport.begin(transfer) }
      let start = ContinuousClock().now
      var rounds = 0
      while true {
        try left.removeAll { try transport.isDone($0) }
        guard let waitedFor = left.first(where: \.isReceiving) ?? left.first else { break }
        rounds += 1
        // The thread that computes needs the processor more, and who sleeps gets it back before those who do not.
        if rounds > 50 { usleep(10) }
        if rounds % 64 == 0 {
          try watch.look()
          try watch.checkPatience(since: start, waitingFor: waitedFor.peer)
        }
      }
    } catch {
      abandoned += left
      throw error
    }
    let bytes = transfers.reduce(0) { $0 + ($1.isReceiving ? 0 : $1.bytes.count) }
    count { $0.bytesSent += bytes }
  }

  // MARK: Gathering and broadcasting

  func gather(_ bytes: Data) throws -> [Data] {
    let headers = try meet(.gather, size: bytes.count, sameSize: false)
    let own = FixedBytes(bytes)
    let parts = headers.enumerated().map { $0 == rank ? own : FixedBytes(count: Int($1.size)) }
    try complete(
      peers.flatMap { data($0, parts[$0].pointer, isReceiving: true, parts[$0]) }
        + peers.flatMap { data($0, own.pointer, isReceiving: false, own) })
    return parts.map { Data($0.pointer) }
  }

  /// Replaces bytes by the first process's, along a tree.
  func broadcast(_ parts: [(bytes: UnsafeMutableRawBufferPointer, owner: AnyObject)]) throws {
    try meet(.broadcast, size: parts.reduce(0) { $0 + $1.bytes.count })
    var mask = 1
    while mask < count {
      if rank & mask != 0 {
        try complete(parts.flatMap { data(rank - mask, $0.bytes, isReceiving: true, $0.owner) })
        break
      }
      mask <<= 1
    }
    mask >>= 1
    while mask > 0 {
      if rank + mask < count {
        try complete(parts.flatMap { data(rank + mask, $0.bytes, isReceiving: false, $0.owner) })
      }
      mask >>= 1
    }
  }

  // MARK: Sums

  /// Replaces values by their weighted sum: each process makes that of one part, in the order of the ranks, and sends it to
  /// all.
  func reduce<T: Summand>(
    _ kind: Kind, _ values: UnsafeMutableBufferPointer<T>, weight: Double, owner: AnyObject
  ) throws {
    let weights = try meetForSum(kind, size: values.count * MemoryLayout<T>.stride, weight)
    if count == 1 {
      T.sum([UnsafePointer(values.baseAddress)], weights, into: values)
      return
    }
    let ranges = parts(of: values.count)
    let own = ranges[rank]
    let arrived = scratch(count * own.count * MemoryLayout<T>.stride)
    let slots = (0..<count).map { slot($0, own.count, of: T.self) }
    func bytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: values[range]))
    }
    _ = slots[rank].update(fromContentsOf: values[own])
    try complete(
      peers.flatMap { data($0, UnsafeMutableRawBufferPointer(slots[$0]), isReceiving: true, arrived) }
        + peers.flatMap { data($0, bytes(ranges[$0]), isReceiving: false, owner) })
    T.sum(
      slots.map { UnsafePointer($0.baseAddress) }, weights,
      into: UnsafeMutableBufferPointer(rebasing: values[own]))
    try complete(
      peers.flatMap { data($0, bytes(ranges[$0]), isReceiving: true, owner) }
        + peers.flatMap { data($0, bytes(own), isReceiving: false, owner) })
  }

  /// The same with values of half the size under way.
  func reduce(
    _ values: UnsafeMutableBufferPointer<Float>, weight: Double, owner: AnyObject, _ feedback: ErrorFeedback
  ) throws {
    let weights = try meetForSum(.mean, size: values.count * 2, weight)
    if count == 1 {
      Float.sum([UnsafePointer(values.baseAddress)], weights, into: values)
      return
    }
    let ranges = parts(of: values.count)
    let own = ranges[rank]
    let halves = FixedBytes(count: values.count * 2)
    let sent = halves.pointer.bindMemory(to: UInt16.self)
    feedback.round(values, into: sent, areMeans: false)
    let arrived = scratch(count * own.count * 2)
    let slots = (0..<count).map { slot($0, own.count, of: UInt16.self) }
    func bytes(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: sent[range]))
    }
    _ = slots[rank].update(fromContentsOf: sent[own])
    try complete(
      peers.flatMap { data($0, UnsafeMutableRawBufferPointer(slots[$0]), isReceiving: true, arrived) }
        + peers.flatMap { data($0, bytes(ranges[$0]), isReceiving: false, halves) })
    let means = UnsafeMutableBufferPointer(rebasing: values[own])
    for place in means.indices {
      var sum = Float(0)
      for (slot, weight) in zip(slots, weights) { sum += float(slot[place]) * Float(weight) }
      means[place] = sum
    }
    feedback.round(means, into: UnsafeMutableBufferPointer(rebasing: sent[own]), areMeans: true)
    try complete(
      peers.flatMap { data($0, bytes(ranges[$0]), isReceiving: true, halves) }
        + peers.flatMap { data($0, bytes(own), isReceiving: false, halves) })
    for place in values.indices where !own.contains(place) { values[place] = float(sent[place]) }
  }

  /// The weights of all, those of a mean as parts of 1.
  private func meetForSum(_ kind: Kind, size: Int, _ weight: Double) throws -> [Double] {
    let weights = try meet(kind, size: size, weight: weight).map(\.weight)
    if kind == .sum { return weights }
    let total = weights.reduce(0, +)
    return weights.map { total > 0 ? $0 / total : 0 }
  }

  /// The part of each process, in whole cache lines.
  private func parts(of length: Int) -> [Range<Int>] {
    let size = ((length + count - 1) / count + 15) / 16 * 16
    return (0..<count).map { min($0 * size, length)..<min(($0 + 1) * size, length) }
  }

  private func scratch(_ size: Int) -> FixedBytes {
    if room.pointer.count < size { room = FixedBytes(count: size) }
    return room
  }

  private func slot<T>(_ rank: Int, _ length: Int, of type: T.Type) -> UnsafeMutableBufferPointer<T> {
    let size = length * MemoryLayout<T>.stride
    return UnsafeMutableRawBufferPointer(rebasing: room.pointer[rank * size..<(rank + 1) * size])
      .bindMemory(to: type)
  }
}

/// A number that processes add up.
protocol Summand {
  /// Weighted sums of the values at each place, in the order in which they are given.
  static func sum(
    _ parts: [UnsafePointer<Self>?], _ weights: [Double], into sums: UnsafeMutableBufferPointer<Self>)
}

extension Summand where Self: BinaryFloatingPoint {
  @inline(__always)
  fileprivate static func add(
    _ parts: [UnsafePointer<Self>?], _ weights: [Double], into sums: UnsafeMutableBufferPointer<Self>
  ) {
    for (rank, (part, weight)) in zip(parts, weights).enumerated() {
      guard let part else { continue }
      let weight = Self(weight)
      if rank == 0 {
        for place in 0..<sums.count { sums[place] = part[place] * weight }
      } else {
        for place in 0..<sums.count { sums[place] += part[place] * weight }
      }
    }
  }
}

extension Float: Summand {
  static func sum(
    _ parts: [UnsafePointer<Float>?], _ weights: [Double], into sums: UnsafeMutableBufferPointer<Float>
  ) { add(parts, weights, into: sums) }
}

extension Double: Summand {
  static func sum(
    _ parts: [UnsafePointer<Double>?], _ weights: [Double], into sums: UnsafeMutableBufferPointer<Double>
  ) { add(parts, weights, into: sums) }
}
