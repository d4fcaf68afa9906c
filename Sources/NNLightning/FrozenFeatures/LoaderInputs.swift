import NNCore
import NNData
import Synchronization

/// The inputs of one loader: made as usual as long as something is computed from them, and lazy once everything that is
/// read is in the cache.
final class LoaderInputs: InputDeferral {
  /// What the loader is for: "training", "validation", …
  let role: String
  let dataset: any RepeatableDataset
  /// Whether rows are kept at all: not if the same number is another image in each epoch.
  let isKept: Bool
  /// Versions of each input.
  let views: Int
  /// Where the inputs are to be.
  private let device: Device
  private let tables = Mutex<[FeatureTable]>([])
  /// Something is computed from the inputs themselves every time.
  private let needsInputs = Mutex(false)
  private let rowShape = Mutex<(shape: [Int], dtype: DType)?>(nil)

  init(role: String, _ dataset: any RepeatableDataset, on device: Device, isKept: Bool, views: Int) {
    self.role = role
    self.dataset = dataset
    self.device = device
    self.isKept = isKept
    self.views = views
  }

  /// Rows that there can be.
  var rowCount: Int { dataset.sourceCount * views }

  func add(_ table: FeatureTable) { tables.withLock { $0.append(table) } }
  func alwaysMakeInputs() { needsInputs.withLock { $0 = true } }

  func inputs(
    _ sources: [Int], seed: UInt64, epoch: Int,
    make: @escaping @Sendable (_ seed: UInt64, _ epoch: Int) throws -> Tensor
  ) throws -> Tensor {
    let rows = views == 1 ? sources : sources.map { $0 * views + epoch % views }
    // Views are the same in every run, so that they can be kept from run to run.
    let (seed, epoch) = views == 1 ? (seed, epoch) : (0, epoch % views)
    let isKnown =
      isKept && !needsInputs.withLock { $0 }
      && tables.withLock { !$0.isEmpty && $0.allSatisfy { $0.holds(rows) } }
    if isKnown, let (shape, dtype) = rowShape.withLock({ $0 }) {
      let batch = TracedBatch(rows: rows, owner: self, device: device, input: nil) { [device] in
        do {
          return try make(seed, epoch).to(device)
        } catch {
          misfit("DataLoader", .unreadable, "inputs that were read before cannot be read again: \(error)")
          return Tensor.zeros([rows.count] + shape, dtype: dtype).to(device)
        }
      }
      return batch.tracedInput(shape: [rows.count] + shape, dtype: dtype)
    }
    let input = try make(seed, epoch).to(device)
    rowShape.withLock { $0 = (Array(input.shape.dropFirst()), input.dtype) }
    return TracedBatch(rows: rows, owner: self, device: device, input: input) { input }
      .tracedInput(shape: input.shape, dtype: input.dtype)
  }
}
