extension Tensor {
  // MARK: From Swift values

  /// A scalar.
  public init<T: TensorElement>(_ value: T, dtype: DType? = nil, device: Device = .cpu) {
    self.init(flat: [value], shape: [], dtype: dtype, device: device)
  }
  /// A vector.
  public init<T: TensorElement>(_ values: [T], dtype: DType? = nil, device: Device = .cpu) {
    self.init(flat: values, shape: [values.count], dtype: dtype, device: device)
  }
  /// A tensor of the given shape from values in row-major order.
  public init<T: TensorElement>(_ values: [T], shape: [Int], dtype: DType? = nil, device: Device = .cpu) {
    self.init(flat: values, shape: shape, dtype: dtype, device: device)
  }
  /// A matrix from rows of equal length.
  public init<T: TensorElement>(_ rows: [[T]], dtype: DType? = nil, device: Device = .cpu) {
    let width = rows.first?.count ?? 0
    require(
      rows.allSatisfy { $0.count == width }, "Tensor", "rows of different lengths: \(rows.map(\.count))")
    self.init(flat: rows.flatMap { $0 }, shape: [rows.count, width], dtype: dtype, device: device)
  }
  /// A 3-dimensional tensor from nested arrays of equal lengths.
  public init<T: TensorElement>(_ planes: [[[T]]], dtype: DType? = nil, device: Device = .cpu) {
    let parts = planes.map { Tensor($0, dtype: dtype) }
    let whole = parts.isEmpty ? Tensor.zeros([0, 0, 0], dtype: dtype ?? T.dtype) : stack(parts)
    self = whole.to(device)
  }
  /// A 4-dimensional tensor from nested arrays of equal lengths.
  public init<T: TensorElement>(_ blocks: [[[[T]]]], dtype: DType? = nil, device: Device = .cpu) {
    let parts = blocks.map { Tensor($0, dtype: dtype) }
    let whole = parts.isEmpty ? Tensor.zeros([0, 0, 0, 0], dtype: dtype ?? T.dtype) : stack(parts)
    self = whole.to(device)
  }

  private init<T: TensorElement>(flat values: [T], shape: [Int], dtype: DType?, device: Device) {
    let count = shape.reduce(1, *)
    require(values.count == count, "Tensor", "\(values.count) values do not fill shape \(shape)")
    var tensor = Tensor(uninitialized: shape, dtype: T.dtype)
    values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress { tensor.hostPointer.copyMemory(from: base, byteCount: bytes.count) }
    }
    if let dtype, dtype != T.dtype { tensor = tensor.to(dtype) }
    self = device == .cpu ? tensor : tensor.to(device)
  }

  /// A tensor filled by a closure that gets its memory, for readers and kernels of other modules.
  package init<T: TensorElement>(
    shape: [Int], initializing body: (UnsafeMutableBufferPointer<T>) throws -> Void
  ) rethrows {
    let tensor = Tensor(uninitialized: shape, dtype: T.dtype)
    try body(UnsafeMutableBufferPointer(start: tensor.hostPointer(T.self), count: tensor.count))
    self = tensor
  }

  // MARK: Constant values

  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    Devices.backend(of: device).fill(shape, value, dtype: dtype)
  }
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 0, dtype: dtype, device: device)
  }
  public static func zeros(_ shape: Int..., dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 0, dtype: dtype, device: device)
  }
  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 1, dtype: dtype, device: device)
  }
  public static func ones(_ shape: Int..., dtype: DType = .float32, device: Device = .cpu) -> Tensor {
    full(shape, 1, dtype: dtype, device: device)
  }
  /// Zeros of the shape and type of another tensor.
  public static func zeros(like other: Tensor) -> Tensor {
    other.backend.fill(other.shape, 0, dtype: other.dtype)
  }
  /// Ones of the shape and type of another tensor.
  public static func ones(like other: Tensor) -> Tensor {
    other.backend.fill(other.shape, 1, dtype: other.dtype)
  }

  /// Ones on the diagonal, zeros elsewhere.
  public static func eye(
    _ rows: Int, _ columns: Int? = nil, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    (arange(rows).unsqueeze(1) .== arange(columns ?? rows)).to(dtype).to(device)
  }

  // MARK: Ranges

  /// 0, 1, …, end - 1 as int64.
  public static func arange(_ end: Int, device: Device = .cpu) -> Tensor { arange(0, end, device: device) }
  /// From start by step, without end, as int64.
  public static func arange(_ start: Int, _ end: Int, step: Int = 1, device: Device = .cpu) -> Tensor {
    require(step != 0, "arange", "step must not be 0")
    return Tensor(Array(Swift.stride(from: start, to: end, by: step)), device: device)
  }
  /// start + i * step, without end: ceil((end - start) / step) values. Computed in float64.
  public static func arange(
    _ start: Double, _ end: Double, step: Double = 1, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    require(step != 0, "arange", "step must not be 0")
    let count = Swift.max(0, Int(((end - start) / step).rounded(.up)))
    return Tensor((0..<count).map { start + Double($0) * step }, dtype: dtype, device: device)
  }
  /// `count` values from start to end, both included. Counted from both ends, as PyTorch does.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, device: Device = .cpu
  ) -> Tensor {
    require(count >= 0, "linspace", "count must not be negative, got \(count)")
    let step = count > 1 ? (end - start) / Double(count - 1) : 0
    let values = (0..<count).map { i in
      i < count / 2 || count == 1 ? start + step * Double(i) : end - step * Double(count - 1 - i)
    }
    return Tensor(values, dtype: dtype, device: device)
  }
}
