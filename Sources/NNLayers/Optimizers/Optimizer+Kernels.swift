import CNNKernels
import NNCore

extension ParameterState {
  /// Takes a tensor out of the state to change it; one that is not there yet starts filled with `value`.
  mutating func take(_ name: String, like model: Tensor, startingWith value: Double = 0) -> Tensor {
    tensors.removeValue(forKey: name) ?? Tensor.full(model.shape, value, dtype: model.dtype)
  }
}

extension Tensor {
  /// Address of the elements for changing them in row-major order, after making sure that nobody shares them.
  mutating func mutableAddress() -> UnsafeMutableRawPointer {
    if dtype == .float64 {
      withMutableElements(of: Double.self) { _ in }
    } else {
      withMutableElements(of: Float.self) { _ in }
    }
    return hostPointer
  }
}

/// Elements of one piece of an optimizer's step.
private let stepGrain = 32_768

/// Runs a kernel over pieces of some arrays of one type and length; `body` gets the length of the piece and the
/// addresses moved to its start.
///
/// The caller keeps the tensors behind the addresses alive.
func forEachPiece(
  _ count: Int, _ dtype: DType, _ addresses: [UnsafeMutableRawPointer?],
  _ body: (_ count: Int64, _ addresses: [UnsafeMutableRawPointer?]) -> Void
) {
  if count <= stepGrain {
    if count > 0 { body(Int64(count), addresses) }
    return
  }
  ThreadPool.shared.parallelFor(count: count, grain: stepGrain) { range in
    let shift = range.lowerBound * dtype.byteCount
    body(Int64(range.count), addresses.map { $0.map { $0 + shift } })
  }
}

extension Parameter {
  /// Changes the values and some state tensors together with a kernel that gets: number of elements, addresses of
  /// the values, the gradient, and the state tensors in their order.
  func update(
    gradient: Tensor, state: inout ParameterState, _ names: [(name: String, start: Double)?],
    _ body: (_ dtype: Int32, _ count: Int64, _ addresses: [UnsafeMutableRawPointer?]) -> Void
  ) {
    require(
      gradient.shape == shape, "Optimizer",
      "gradient of shape \(gradient.shape) for a parameter of shape \(shape)")
    var tensors = names.map { entry in
      entry.map { state.take($0.name, like: gradient, startingWith: $0.start) }
    }
    var addresses: [UnsafeMutableRawPointer?] = [value.mutableAddress(), gradient.hostPointer]
    for place in tensors.indices { addresses.append(tensors[place]?.mutableAddress()) }
    let dtype = gradient.dtype
    withExtendedLifetime((value, gradient, tensors)) {
      forEachPiece(gradient.count, dtype, addresses) { body(dtype.rawValue, $0, $1) }
    }
    for (entry, tensor) in zip(names, tensors) {
      if let entry { state.tensors[entry.name] = tensor }
    }
  }
}
