import CNNKernels
import Foundation

extension Tensor {
  /// Draws `count` places from the weights this tensor holds ([categories], or [rows, categories] with one
  /// draw per row), as `torch.multinomial`: int64 [count] or [rows, count]. Weights need not sum to 1.
  ///
  /// With replacement (and more than one draw) a uniform number is looked up in the running sum of the
  /// weights; otherwise the greatest quotients of weight and exponential number are taken.
  public func multinomial(
    _ count: Int, replacement: Bool = false, generator: Generator = .default
  ) -> Tensor {
    Tensor.requireFloat(dtype, "multinomial")
    require(
      rank == 1 || rank == 2, "multinomial", "needs weights [categories] or [rows, categories], got \(shape)")
    if device != .cpu {
      return to(.cpu).multinomial(count, replacement: replacement, generator: generator).to(device)
    }
    let categories = shape[rank - 1]
    require(
      count > 0 && (replacement || count <= categories), "multinomial",
      "cannot draw \(count) of \(categories) categories\(replacement ? "" : " without replacement")")
    let weights = detach().contiguous()
    if weights.count == 0 { return backend.fill(Array(shape.dropLast()) + [count], 0, dtype: .int64) }
    let (low, high) = (weights.amin().item(), weights.amax().item())
    require(
      low >= 0 && high.isFinite, "multinomial",
      "weights must be finite and not negative, found \(low)...\(high)")
    let choices = (weights .!= 0).to(.int64).sum([-1]).amin().item()
    require(
      Int(choices) >= (replacement ? 1 : count), "multinomial",
      "only \(Int(choices)) weights are greater than 0, needed \(replacement ? 1 : count)")
    if replacement && count > 1 {
      return dtype == .float32
        ? weights.drawnFromRunningSum(of: Float.self, count, generator)
        : weights.drawnFromRunningSum(of: Double.self, count, generator)
    }
    let odds = weights / Tensor.exponential(shape, generator: generator, dtype: dtype)
    return count == 1 ? odds.argmax(-1, keepDim: true) : odds.topk(count).indices
  }

  private func drawnFromRunningSum<T: TensorElement & BinaryFloatingPoint>(
    of type: T.Type, _ draws: Int, _ generator: Generator
  ) -> Tensor {
    let categories = shape[rank - 1]
    let result = Tensor(uninitialized: Array(shape.dropLast()) + [draws], dtype: .int64)
    let (weights, places) = (hostPointer(T.self), result.hostPointer(Int64.self))
    generator.draw { engine in
      var sums = [T](repeating: 0, count: categories)
      for row in 0..<count / categories {
        var sum: T = 0
        for i in 0..<categories {
          sum += weights[row * categories + i]
          sums[i] = sum
        }
        for i in 0..<categories { sums[i] /= sum }
        sums[categories - 1] = 1
        for draw in 0..<draws {
          let unit = nn_random_unit(engine)
          var (low, high) = (0, categories)
          while low < high {
            let middle = low + (high - low) / 2
            if Double(sums[middle]) < unit { low = middle + 1 } else { high = middle }
          }
          places[row * draws + draw] = Int64(low)
        }
      }
    }
    return result
  }
}
