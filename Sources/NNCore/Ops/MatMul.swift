// Products of vectors and matrices. All run on `Backend.gemm`; floating-point types have gradients, integers wrap.

extension Tensor {
  /// Matrix product with the rules of `torch.matmul`: vectors count as a row on the left and as a column on the
  /// right, and the dimensions before the last two broadcast.
  public func matmul(_ other: Tensor) -> Tensor {
    require(
      rank > 0 && other.rank > 0, "matmul",
      "needs at least 1 dimension on both sides, got \(shape) and \(other.shape)")
    return Tensor.apply(MatrixProduct(isByWeight: rank > 1 && other.rank == 2), self, other)
  }

  fileprivate func multiplied(by other: Tensor) -> Tensor {
    let (isRow, isColumn) = (rank == 1, other.rank == 1)
    let a = isRow ? unsqueeze(0) : self
    let b = isColumn ? other.unsqueeze(1) : other
    guard
      fits(
        a.shape[a.rank - 1] == b.shape[b.rank - 2], "matmul",
        "inner sizes of \(shape) and \(other.shape) differ")
    else {
      return backend.fill(
        (isRow ? [] : Array(shape.dropLast())) + (isColumn ? [] : [other.shape[other.rank - 1]]), 0,
        dtype: dtype
      )
    }
    var result = a.matrixProduct(b)
    if isColumn { result = result.squeeze(-1) }
    if isRow { result = result.squeeze(isColumn ? -1 : -2) }
    return result
  }

  /// Operands of at least two dimensions whose inner sizes agree.
  private func matrixProduct(_ other: Tensor) -> Tensor {
    if rank == 2 && other.rank == 2 { return Tensor.product(self, other) }
    let (m, k, n) = (shape[rank - 2], shape[rank - 1], other.shape[other.rank - 1])
    if other.rank == 2 {
      // One matrix for the whole batch: all rows in one product.
      let rows = shape.dropLast().reduce(1, *)
      return Tensor.product(reshape([rows, k]), other).reshape(shape.dropLast() + [n])
    }
    let batch = Tensor.broadcastShape(Array(shape.dropLast(2)), Array(other.shape.dropLast(2)), "matmul")
    let count = batch.reduce(1, *)
    let a = expand(batch + [m, k]).reshape([count, m, k])
    let b = other.expand(batch + [k, n]).reshape([count, k, n])
    return Tensor.product(a, b).reshape(batch + [m, n])
  }

  /// Product of two matrices, or of two batches of matrices of one length.
  fileprivate static func product(_ a: Tensor, _ b: Tensor) -> Tensor { applyUnwatched(Product(), [a, b]) }

  fileprivate static func multiplied(_ a: Tensor, _ b: Tensor, bias: Tensor?, _ name: StaticString) -> Tensor
  {
    require(
      a.dtype == b.dtype && a.dtype != .bool, name,
      "needs operands of one numeric type, got \(a.dtype) and \(b.dtype)")
    if a.dtype == .int32 || a.dtype == .uint8 {
      // The low bits of a wrapping product are the same in the wider type.
      return multiplied(a.to(.int64), b.to(.int64), bias: nil, name).to(a.dtype)
    }
    let result = a.backend.gemm(a.asBatch, b.asBatch, bias: bias)
    return a.rank == 3 ? result : result.view(shape: [a.shape[0], b.shape[1]], strides: [b.shape[1], 1])
  }

  private var asBatch: Tensor { rank == 3 ? detach() : view(shape: [1] + shape, strides: [0] + strides) }

  /// Product of two matrices.
  public func mm(_ other: Tensor) -> Tensor {
    require(
      rank == 2 && other.rank == 2, "mm",
      "needs matrices of shapes [n, m] and [m, p], got \(shape) and \(other.shape)")
    guard
      fits(
        shape[1] == other.shape[0], "mm",
        "needs matrices of shapes [n, m] and [m, p], got \(shape) and \(other.shape)")
    else { return backend.fill([shape[0], other.shape[1]], 0, dtype: dtype) }
    return Tensor.product(self, other)
  }

  /// Products of two batches of matrices, of equal length.
  public func bmm(_ other: Tensor) -> Tensor {
    require(
      rank == 3 && other.rank == 3 && shape[0] == other.shape[0] && shape[2] == other.shape[1], "bmm",
      "needs shapes [b, n, m] and [b, m, p], got \(shape) and \(other.shape)")
    return Tensor.product(self, other)
  }

  /// Product of a matrix and a vector.
  public func mv(_ vector: Tensor) -> Tensor {
    require(
      rank == 2 && vector.rank == 1 && shape[1] == vector.shape[0], "mv",
      "needs shapes [n, m] and [m], got \(shape) and \(vector.shape)")
    return matmul(vector)
  }

  /// Inner product of two vectors, a scalar.
  public func dot(_ other: Tensor) -> Tensor {
    require(
      rank == 1 && other.rank == 1 && shape == other.shape, "dot",
      "needs two vectors of one length, got \(shape) and \(other.shape)")
    return matmul(other)
  }

  /// All products of an element of this vector and one of another, [n, m].
  public func outer(_ other: Tensor) -> Tensor {
    require(rank == 1 && other.rank == 1, "outer", "needs two vectors, got \(shape) and \(other.shape)")
    return unsqueeze(1) * other
  }

  /// beta · self + alpha · (a · b), self broadcast to the product's shape. As `torch.addmm`.
  public func addmm(_ a: Tensor, _ b: Tensor, beta: Double = 1, alpha: Double = 1) -> Tensor {
    let (addend, product) = (autocast(.lower), a.mm(b))
    require(
      Tensor.broadcastShape(shape, product.shape, "addmm") == product.shape, "addmm",
      "shape \(shape) does not broadcast to \(product.shape)")
    let scaled = alpha == 1 ? product : product * alpha
    // PyTorch ignores what is multiplied by 0, NaN included.
    return beta == 0 ? scaled : (beta == 1 ? addend : addend * beta) + scaled
  }

  /// x · weightᵀ + bias over the last dimension. As `torch.nn.functional.linear`.
  ///
  /// - Parameters:
  ///   - weight: [outputs, inputs].
  ///   - bias: [outputs].
  /// - Returns: this tensor's shape [..., inputs] with `outputs` in place of `inputs`.
  public func linear(_ weight: Tensor, bias: Tensor? = nil) -> Tensor {
    require(weight.rank == 2, "linear", "needs a weight [outputs, inputs], got shape \(weight.shape)")
    if let bias {
      require(
        bias.shape == [weight.shape[0]] && Tensor.meet(bias, weight, .lower), "linear",
        "bias of shape \(bias.shape) and type \(bias.dtype) for \(weight.shape[0]) outputs of type "
          + "\(weight.dtype)")
    }
    guard
      fits(
        rank >= 1 && shape[rank - 1] == weight.shape[1], "linear",
        "input of shape \(shape) does not fit a weight of shape \(weight.shape) [outputs, inputs]"),
      fits(
        Tensor.meet(self, weight, .lower), "linear", .type,
        "input of type \(dtype) for weights of type \(weight.dtype)")
    else { return weight.backend.fill(shape.dropLast() + [weight.shape[0]], 0, dtype: weight.dtype) }
    return Tensor.apply(Linear(), [self, weight] + (bias.map { [$0] } ?? []))
  }
}

// MARK: - Primitives

private struct MatrixProduct: CompositePrimitive {
  /// Whether a batch of rows is multiplied by one matrix.
  let isByWeight: Bool

  var name: StaticString { "matmul" }
  var autocast: AutocastRule { .lower }
  var operandsWithRows: Int? { isByWeight ? 1 : 2 }

  func obstacle(_ operands: [Tensor]) -> String? {
    let isByRow = operands[0].rank > 2 && operands[0].rank == operands[1].rank
    return isByWeight || isByRow ? nil : "mixes the rows"
  }
  func evaluate(_ operands: [Tensor]) -> Tensor { operands[0].multiplied(by: operands[1]) }
}

/// The product that `MatrixProduct` and its like come down to.
private struct Product: VariadicPrimitive {
  var name: StaticString { "matmul" }
  var autocast: AutocastRule { .lower }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let product = Tensor.multiplied(operands[0], operands[1], bias: nil, name)
    return Evaluation(product, saving: operands) { g, context in
      let (a, b) = (context.saved(0), context.saved(1))
      return [
        context.needs(0) ? Tensor.product(g, b.transpose(-1, -2)) : nil,
        context.needs(1) ? Tensor.product(a.transpose(-1, -2), g) : nil,
      ]
    }
  }
}

private struct Linear: VariadicPrimitive {
  var name: StaticString { "linear" }
  var autocast: AutocastRule { .lower }
  var operandsWithRows: Int? { 1 }

  func obstacle(_ operands: [Tensor]) -> String? {
    operands[0].rank > 1 ? nil : "takes the rows for features"
  }

  func evaluate(_ operands: [Tensor]) -> Evaluation {
    let (x, weight) = (operands[0], operands[1])
    let transposed = weight.view(
      shape: [weight.shape[1], weight.shape[0]], strides: weight.strides.reversed())
    let rows = x.rank == 2 ? x : x.rearranged(x.shapeOfRows)
    let product = Tensor.multiplied(
      rows, transposed, bias: operands.count > 2 ? operands[2] : nil, "linear")
    let result = x.rank == 2 ? product : product.rearranged(x.shape.dropLast() + [weight.shape[0]])
    return Evaluation(result, saving: [weight, x]) { g, context in
      let (weight, x) = (context.saved(0), context.saved(1))
      let rows = g.flattened
      return [
        context.needs(0) ? rows.mm(weight).reshape(x.shape) : nil,
        context.needs(1) ? rows.transpose(0, 1).mm(x.flattened) : nil,
        context.needs(2) ? rows.sum(0) : nil,
      ]
    }
  }
}

extension Tensor {
  /// All rows of the last dimension as a matrix.
  fileprivate var flattened: Tensor { rank == 2 ? self : reshape(shapeOfRows) }

  fileprivate var shapeOfRows: [Int] { [shape.dropLast().reduce(1, *), shape[rank - 1]] }
}
