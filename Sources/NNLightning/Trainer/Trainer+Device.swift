import NNCore
import NNData
import NNLayers

// A run on a device beside the CPU: the model is moved there and comes back, batches are moved as they come.
extension Trainer {
  /// Runs `body` with the model on the Trainer's device. Afterwards it is back where it was, as with Lightning: what a program
  /// does with it then does not depend on which machine it was trained on.
  func withModel<T>(_ model: Module, _ body: () throws -> T) rethrows -> T {
    let home = (model.parameters().first?.value ?? model.buffers().first?.value)?.device ?? device
    model.to(device)
    defer { model.to(home) }
    return try body()
  }

  /// Says once which device the Trainer found by itself.
  func tellDevice() {
    guard let text = accelerator.note, !isDeviceTold else { return }
    isDeviceTold = true
    note(text)
  }

  /// Batches that the loader's workers make are moved by them, while a step runs.
  func deliver<Batch>(_ loader: any BatchLoader<Batch>) {
    (loader as? any DeliveringLoader)?.deliver(to: device)
  }

  /// A batch on the Trainer's device.
  ///
  /// - Throws: `TrainerError.batchStays` if its type does not say how it is moved.
  func moved<Batch>(_ batch: Batch) throws -> Batch {
    if device == .cpu { return batch }
    let result = NNCore.moved(batch, to: device)
    // Looking into values of any type is slow, and those of one type are alike.
    if movedTypes.insert(ObjectIdentifier(Batch.self)).inserted, isLeftBehind(result, by: device) {
      throw TrainerError.batchStays(type: "\(Batch.self)", device: device)
    }
    return result
  }
}
