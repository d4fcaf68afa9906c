// Tensors put together to larger ones.

/// Tensors joined along an existing axis. As `torch.cat`.
public func cat(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = tensors.first(where: { $0.shape != [0] }) ?? tensors.first else {
    fail("cat", "needs at least one tensor")
  }
  let a = first.axis(axis, "cat")
  let parts = tensors.filter { $0.shape != [0] || first.shape == [0] }
  let dtype = parts.reduce(first.dtype) { $0.promoted(with: $1.dtype) }
  for part in parts {
    var matching = part.shape
    guard
      fits(
        part.rank == first.rank
          && {
            matching[a] = first.shape[a]; return matching == first.shape
          }(), "cat",
        "shapes \(first.shape) and \(part.shape) differ outside axis \(axis)")
    else { return first.backend.fill(first.shape, 0, dtype: dtype) }
  }
  return Tensor.apply(Concatenation(axis: a, dtype: dtype), parts)
}

/// Tensors of one shape joined along a new axis. As `torch.stack`.
public func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = tensors.first else { fail("stack", "needs at least one tensor") }
  for tensor in tensors {
    guard fits(tensor.shape == first.shape, "stack", "shapes \(first.shape) and \(tensor.shape) differ")
    else { return stack(tensors.map { _ in first }, axis: axis) }
  }
  return cat(
    tensors.map { $0.unsqueeze(first.axis(axis, "stack", extra: 1)) },
    axis: first.axis(axis, "stack", extra: 1))
}

// MARK: - Primitives

private struct Concatenation: VariadicPrimitive {
  let axis: Int
  let dtype: DType

  var name: StaticString { "cat" }
  var attributes: [String: TraceAttribute] { ["axis": .int(axis)] }

  func obstacle(_ operands: [Tensor]) -> String? { axis > 0 ? nil : "adds rows" }

  func evaluate(_ parts: [Tensor]) -> Evaluation {
    let sizes = parts.map { $0.shape[axis] }
    var shape = parts[0].shape
    shape[axis] = sizes.reduce(0, +)
    let isChannelsLast = shape.count == 4 && parts.allSatisfy { $0.hasInnerChannels && !$0.isContiguous }
    let result = Tensor(
      uninitialized: shape, dtype: dtype, strides: isChannelsLast ? Tensor.channelsLastStrides(shape) : nil,
      on: parts[0].storage.backend)
    var start = 0
    for part in parts {
      let offset = start * result.strides[axis]
      let target = result.view(shape: part.shape, strides: result.strides, offset: offset)
      result.backend.assign(result.backend.cast(part, to: dtype), to: target)
      start += part.shape[axis]
    }
    return Evaluation(result) { [axis] g, _ in g.split(sizes, axis: axis) }
  }
}
