import NNCore
import Synchronization

/// Rows of bytes by number, of which some are there.
final class FeatureTable: Sendable {
  /// Bytes of a row.
  let rowBytes: Int
  /// Rows that there can be.
  let count: Int
  private let state: Mutex<State>

  private struct State {
    /// Where each row is: block and place in it; block -1: nowhere.
    var places: [(block: Int32, row: Int32)]
    /// uint8 [rows, rowBytes] each.
    var blocks: [Tensor] = []
    /// The block that is being filled, and how far; the others lie in files or are full.
    var open: (block: Int, filled: Int)?
    /// Rows that were stored since they were last taken.
    var fresh: [Int] = []
    /// Rows that this process computed, and other processes do not know.
    var unsent: [Int] = []
    var stored = 0
  }

  init(rowBytes: Int, count: Int) {
    self.rowBytes = rowBytes
    self.count = count
    state = Mutex(State(places: Array(repeating: (-1, 0), count: count)))
  }

  /// Number of rows that are there.
  var storedCount: Int { state.withLock { $0.stored } }

  func holds(_ rows: [Int]) -> Bool {
    state.withLock { state in rows.allSatisfy { state.places[$0].block >= 0 } }
  }

  /// Places in `rows` whose rows are not there.
  func missing(_ rows: [Int]) -> [Int] {
    state.withLock { state in rows.indices.filter { state.places[rows[$0]].block < 0 } }
  }

  /// Takes rows over that are not there yet.
  ///
  /// - Parameters:
  ///   - bytes: uint8 [rows, rowBytes].
  ///   - isOwn: whether this process computed them.
  func store(_ rows: [Int], _ bytes: Tensor, isOwn: Bool = true) {
    // Blocks of some megabytes: large enough for the allocator, small enough for tables that are hardly filled.
    let blockRows = Swift.max(1, Swift.min(count, (4 << 20) / Swift.max(1, rowBytes)))
    state.withLock { state in
      for (place, row) in rows.enumerated() where state.places[row].block < 0 {
        var open = state.open ?? (state.blocks.count, 0)
        if open.block == state.blocks.count {
          state.blocks.append(Tensor(uninitialized: [blockRows, rowBytes], dtype: .uint8))
        }
        (state.blocks[open.block].hostPointer + open.filled * rowBytes).copyMemory(
          from: bytes.hostPointer + place * rowBytes, byteCount: rowBytes)
        state.places[row] = (Int32(open.block), Int32(open.filled))
        open.filled += 1
        state.open = open.filled == blockRows ? nil : open
        state.stored += 1
        state.fresh.append(row)
        if isOwn { state.unsent.append(row) }
      }
    }
  }

  /// Takes rows over as they lie in a file.
  ///
  /// - Parameter block: uint8 [rows, rowBytes].
  func adopt(_ rows: [Int], _ block: Tensor) {
    state.withLock { state in
      state.blocks.append(block)
      for (place, row) in rows.enumerated() where state.places[row].block < 0 {
        state.places[row] = (Int32(state.blocks.count - 1), Int32(place))
        state.stored += 1
      }
    }
  }

  /// uint8 [rows, rowBytes] of rows that are there.
  func gather(_ rows: [Int]) -> Tensor {
    let result = Tensor(uninitialized: [rows.count, rowBytes], dtype: .uint8)
    state.withLock { state in
      for (place, row) in rows.enumerated() {
        let (block, inside) = state.places[row]
        guard block >= 0 else { fail("FeatureTable", "row \(row) is not there") }
        (result.hostPointer + place * rowBytes).copyMemory(
          from: state.blocks[Int(block)].hostPointer + Int(inside) * rowBytes, byteCount: rowBytes)
      }
    }
    return result
  }

  /// Rows that this process computed since the last call.
  func takeUnsent() -> [Int] {
    state.withLock { state in
      defer { state.unsent = [] }
      return state.unsent
    }
  }

  /// Rows that were stored since the last call, if they are at least so many bytes.
  func takeFresh(atLeast bytes: Int) -> [Int] {
    state.withLock { state in
      if state.fresh.isEmpty || state.fresh.count * rowBytes < bytes { return [] }
      defer { state.fresh = [] }
      return state.fresh
    }
  }
}
