import CMPI

/// Messages of MPI.
final class MPITransport: Transport {
  let rank: Int
  let count: Int

  /// Begins MPI. From here on only the calling thread may use the transport.
  init() throws {
    var (rank, count): (Int32, Int32) = (0, 0)
    let code = nn_mpi_start(&rank, &count)
    guard code == 0 else { throw ProcessError.transport(rank: 0, "MPI cannot begin: \(Self.text(code))") }
    (self.rank, self.count) = (Int(rank), Int(count))
  }

  func begin(_ transfer: Transfer) throws {
    let count = Int32(transfer.bytes.count)
    let (peer, tag) = (Int32(transfer.peer), transfer.kind.rawValue)
    try check(
      transfer.isReceiving
        ? nn_mpi_receive(transfer.bytes.baseAddress, count, peer, tag, &transfer.request)
        : nn_mpi_send(transfer.bytes.baseAddress, count, peer, tag, &transfer.request), transfer.peer)
  }

  func isDone(_ transfer: Transfer) throws -> Bool {
    var isDone: Int32 = 0
    try check(nn_mpi_test(&transfer.request, &isDone), transfer.peer)
    return isDone != 0
  }

  func takeNotice() throws -> (from: Int, bytes: [UInt8])? {
    var (isThere, from, count): (Int32, Int32, Int32) = (0, 0, 0)
    try check(nn_mpi_probe(MessageKind.notice.rawValue, &isThere, &from, &count), rank)
    guard isThere != 0 else { return nil }
    let room = FixedBytes(count: Int(count))
    let transfer = Transfer(
      peer: Int(from), kind: .notice, bytes: room.pointer, isReceiving: true, owner: room)
    try begin(transfer)
    // It is there already.
    while try !isDone(transfer) {}
    return (Int(from), Array(room.pointer))
  }

  func finish() throws { try check(nn_mpi_finish(), rank) }

  /// The library's name and version.
  static var version: String {
    let size = 256
    return String(
      decoding: [CChar](unsafeUninitializedCapacity: size) { room, count in
        nn_mpi_version(room.baseAddress, size)
        count = room.firstIndex(of: 0) ?? 0
      }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func check(_ code: Int32, _ peer: Int) throws {
    if code != 0 { throw ProcessError.transport(rank: peer, Self.text(code)) }
  }

  private static func text(_ code: Int32) -> String {
    String(
      decoding: [CChar](unsafeUninitializedCapacity: Int(nn_mpi_text_size())) { room, count in
        nn_mpi_text(code, room.baseAddress)
        count = room.firstIndex(of: 0) ?? 0
      }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
