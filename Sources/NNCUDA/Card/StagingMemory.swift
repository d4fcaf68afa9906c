import NNCore

/// Memory of the host that the card reads and writes by itself, for copies that nobody waits for. A block is used again when
/// the card has passed the event behind its copy. The driver's lock is held by whoever calls.
final class StagingMemory {
  struct Block {
    let address: UnsafeMutableRawPointer
    let capacity: Int
    let event: Handle
  }

  /// Copies to the card up to this size need none of it.
  static let small = 64 << 10
  /// Copies from the card up to this size let other threads work meanwhile.
  static let largestDownload = 1 << 20
  /// Beyond this, a block that is under way is waited for.
  private static let most = 512 << 20

  private let cuda: DriverFunctions
  private let stream: Handle
  /// Blocks whose copies may be under way, the oldest first.
  private var blocks: [Block] = []
  private var byteCount = 0

  init(_ cuda: DriverFunctions, stream: Handle) {
    self.cuda = cuda
    self.stream = stream
  }

  /// A block that is free, until it is given back; nil if there is no such memory.
  func take(_ size: Int) -> Block? {
    if let index = blocks.firstIndex(where: {
      $0.capacity >= size && $0.capacity <= 4 * max(size, Self.small) && isPassed($0)
    }) {
      return blocks.remove(at: index)
    }
    let capacity = max(Self.small, 1 << (Int.bitWidth - (size - 1).leadingZeroBitCount))
    if byteCount + capacity <= Self.most, let block = make(capacity) { return block }
    guard let index = blocks.firstIndex(where: { $0.capacity >= size }),
      cuda.cuEventSynchronize(blocks[index].event) == 0
    else { return nil }
    return blocks.remove(at: index)
  }

  /// Takes a block back, whose copy was handed to the stream.
  func giveBack(_ block: Block) {
    if cuda.cuEventRecord(block.event, stream) == 0 { blocks.append(block) }
  }

  private func isPassed(_ block: Block) -> Bool { cuda.cuEventQuery(block.event) == 0 }

  private func make(_ capacity: Int) -> Block? {
    var address: UnsafeMutableRawPointer?
    var event: Handle?
    guard cuda.cuMemAllocHost(&address, capacity) == 0, let address,
      cuda.cuEventCreate(&event, Self.withoutTime) == 0, let event
    else { return nil }
    byteCount += capacity
    return Block(address: address, capacity: capacity, event: event)
  }

  private static let withoutTime: UInt32 = 2
}
