/// A step that is done again and again on a GPU, such as that of a training written out. When what it asks of the card repeats,
/// its commands are recorded, and started as one or a few CUDA graphs from then on:
///
///     let step = RepeatedStep(on: .gpu())
///     for batch in loader {
///       let batch = step.placed(batch)
///       step {
///         optimizer.zeroGrad()
///         crossEntropy(net(batch.input), batch.target).backward()
///         optimizer.step()
///       }
///     }
///
/// The body runs each time, and results are the same bits as without. What a program does by itself in between, such as
/// reading a loss, is done as it says: commands whose numbers or memory change are started by themselves. A step of another
/// shape, such as a last smaller batch, is done as if there were no recording. Elsewhere than on a GPU the body just runs.
///
/// A `Trainer` does so by itself. Use a value from one thread at a time.
public final class RepeatedStep {
  private let device: Device
  private let repeater: (any WorkRepeater)?
  /// Tensors of the batch in memory of their own.
  private var places: [Tensor] = []
  private var isRunning = false

  public init(on device: Device) {
    self.device = device
    repeater = Devices.backend(of: device).makeWorkRepeater()
  }

  /// Why the step is not recorded, in one line; nil as long as it is or may be.
  public var problem: String? { isSupported ? repeater?.problem : "\(device) keeps no recordings" }

  /// Whether the device keeps recordings.
  package var isSupported: Bool { repeater != nil }

  /// How often the whole step was started as recorded.
  public var repeats: Int { repeater?.progress.repeats ?? 0 }

  /// Runs a step.
  public func callAsFunction<T>(_ body: () throws -> T) rethrows -> T {
    guard let repeater, !isRunning else { return try body() }
    isRunning = true
    repeater.begin()
    defer {
      repeater.end()
      isRunning = false
    }
    return try body()
  }

  /// The batch with its tensors in the memory where those of the former batch were, so that a recording finds them there.
  /// Tensors of a former batch that somebody holds stay what they are. A batch of a type that is no ``DeviceMovable`` comes
  /// back as it is.
  public func placed<Batch>(_ batch: Batch) -> Batch {
    guard let repeater, repeater.problem == nil else { return batch }
    let placement = Placement(places, on: device)
    places = []
    let result = Moving.$placement.withValue(placement) { moved(batch, to: device) }
    places = placement.tensors
    return result
  }

  package var progress: WorkProgress? { repeater?.progress }
}

/// Copies the tensors of a batch into the memory of another batch's.
///
/// Invariant for `@unchecked Sendable`: used by the thread that made it.
final class Placement: @unchecked Sendable {
  private let device: Device
  private var former: [Tensor]
  private(set) var tensors: [Tensor] = []

  init(_ former: [Tensor], on device: Device) {
    self.former = former
    self.device = device
  }

  func place(_ tensor: Tensor) -> Tensor {
    guard tensor.device == device, tensor.node == nil, tensor.isNonOverlappingAndDense else { return tensor }
    let index = tensors.count
    let hasPlace =
      index < former.count && former[index].shape == tensor.shape && former[index].strides == tensor.strides
      && former[index].dtype == tensor.dtype && isKnownUniquelyReferenced(&former[index].storage)
    let place: Tensor
    if hasPlace {
      place = former[index]
      tensor.backend.assign(tensor, to: place)
    } else {
      place = tensor.backend.copy(tensor, strides: tensor.strides)
    }
    place.storage.mirror = tensor.mirrored.map(HostMirror.init)
    tensors.append(place)
    return place
  }
}
