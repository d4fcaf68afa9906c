import CCUDAKernels
import NNCore

/// Which threads take which elements of matrices of positions times channels: a matter of shapes, alignment and the card.
struct ChannelPlan {
  private(set) var plan = nn_cuda_channels()
  let grid: (x: Int, y: Int, z: Int)
  /// Into how many runs the rows are cut.
  var parts: Int { grid.x }

  /// - Parameters:
  ///   - tensors: what is read or written at the same places, 16 bytes at a time where that is possible.
  ///   - rowsPerThread: how many rows a thread takes at least, if there are so many.
  init(
    rows: Int, channels: Int, matrices: Int, _ tensors: [Tensor], isWide: Bool = true, rowsPerThread: Int,
    on backend: CUDABackend
  ) {
    let each = 16 / (tensors.first?.dtype.byteCount ?? 16)
    let wide =
      isWide && channels % each == 0
      && tensors.allSatisfy { UInt(bitPattern: $0.cardAddress) % 16 == 0 }
    let vectors = wide ? channels / each : channels
    var width = 1
    while width < vectors && width < 32 { width *= 2 }
    let tiles = vectors.quotient(roundedUp: width)
    let lines = CUDABackend.block / width
    let matricesAtOnce = min(max(matrices, 1), 65_535)
    // A whole number of rounds whether three or four blocks fit on a multiprocessor.
    let wanted = backend.driver.card.multiprocessors * 12
    let most = max(1, rows / (lines * rowsPerThread))
    let cuts = min(most, max(1, wanted.quotient(roundedUp: tiles * matricesAtOnce)))
    let part = max(1, rows.quotient(roundedUp: cuts).quotient(roundedUp: lines) * lines)
    plan.rows = Int64(rows)
    plan.part = Int64(part)
    plan.channels = Int32(channels)
    plan.matrices = Int32(matrices)
    plan.width = Int32(width)
    plan.is_wide = wide ? 1 : 0
    grid = (max(1, rows.quotient(roundedUp: part)), tiles, matricesAtOnce)
  }

  /// Over x [N, C, …] in memory order [N, …, C], as one matrix or one per sample.
  init(like x: Tensor, matrices: Int, _ tensors: [Tensor], rowsPerThread: Int = 4, on backend: CUDABackend) {
    let rows = x.count / max(1, x.shape[1] * matrices)
    self.init(
      rows: rows, channels: x.shape[1], matrices: matrices, tensors, rowsPerThread: rowsPerThread, on: backend)
  }
}

extension CUDABackend {
  func launch(_ kernel: CUDAKernel, _ plan: ChannelPlan, _ arguments: KernelArguments) {
    driver.launch(kernel, grid: plan.grid, block: Self.block, sharedBytes: 0, arguments)
  }

  /// x in memory order [N, …, C] without gaps.
  func withInnerChannels(_ x: Tensor) -> Tensor {
    let strides = Tensor.innerChannelStrides(x.shape)
    let isDense = x.shape.indices.allSatisfy { x.shape[$0] == 1 || x.strides[$0] == strides[$0] }
    return isDense ? x.view(shape: x.shape, strides: strides) : copy(x, strides: strides)
  }
}

/// A channel map as kernels take it, with its tensors.
struct CardMap {
  private let tensors: [Tensor]
  let values: nn_cuda_channel_map

  init(_ map: ChannelMap, on backend: CUDABackend) {
    let tensors = [map.mean, map.scale, map.shift].map(backend.rowMajor)
    func step(_ place: Int) -> Int64 { tensors[place].shape[0] == 1 ? 0 : Int64(tensors[place].shape[1]) }
    func address(_ place: Int) -> UnsafePointer<Double> {
      UnsafePointer(tensors[place].cardAddress.assumingMemoryBound(to: Double.self))
    }
    self.tensors = tensors
    values = nn_cuda_channel_map(
      mean: address(0), scale: address(1), shift: address(2), mean_step: step(0), scale_step: step(1),
      shift_step: step(2))
  }

  /// Means alone, [1, C] or [N, C].
  init(mean: Tensor, on backend: CUDABackend) {
    self.init(ChannelMap(mean: mean, scale: mean, shift: mean), on: backend)
  }
}
