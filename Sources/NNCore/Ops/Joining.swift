// Tensors put together to larger ones.

/// Tensors joined along an existing axis. As `torch.cat`.
public func cat(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
  guard let first = tensors.first(where: { $0.shape != [0] }) ?? tensors.first else {
    fail("cat", "needs at least one tensor")
  }
  let a = first.axis(axis, "cat")
  let parts = tensors.filter { $0.shape != [0] || first.shape == [0] }
  let dtype = parts.reduce(first.dtype) { $0.promoted(with: $1.dtype) }
  var shape = first.shape
  shape[a] = 0
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
    shape[a] += part.shape[a]
  }
  if isTracing,
    let result = traced(
      "cat", parts, ["axis": .int(a)], obstacle: a > 0 ? nil : "adds rows", body: { cat($0, axis: a) })
  {
    return result
  }
  let isChannelsLast = first.rank == 4 && parts.allSatisfy { $0.hasInnerChannels && !$0.isContiguous }
  let result = Tensor(
    uninitialized: shape, dtype: dtype, strides: isChannelsLast ? Tensor.channelsLastStrides(shape) : nil,
    on: first.storage.backend)
  var start = 0
  for part in parts {
    let target = result.view(shape: part.shape, strides: result.strides, offset: start * result.strides[a])
    result.backend.assign(result.backend.cast(part, to: dtype), to: target)
    start += part.shape[a]
  }
  let sizes = parts.map { $0.shape[a] }
  return result.recorded("cat", inputs: parts) { g, _ in g.split(sizes, axis: a) }
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
