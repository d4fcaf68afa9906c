import NNCore

/// Compares the gradients of `body` with central differences, in float64.
///
/// The output is weighted by fixed numbers and summed, so that every element of it counts.
///
/// - Parameters:
///   - inputs: floating-point tensors (converted to float64); they must lie away from kinks of the function.
///   - step: half the distance of the two points of a difference.
/// - Returns: what differs, one line each.
public func checkGradients(
  _ inputs: [Tensor], step: Double = 1e-5, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6,
  _ body: ([Tensor]) -> Tensor
) -> [String] {
  func total(_ values: [Tensor]) -> Tensor {
    let y = body(values)
    return (y * FormulaNumbers.uniform("weights of the output", y.shape).to(.float64)).sum()
  }
  let points = inputs.map { $0.detach().to(.float64).contiguous() }
  let leaves = points.map { $0.requiringGrad() }
  let loss = total(leaves)
  // A function whose value does not depend on the inputs (the slope of a linear one) has no graph.
  if loss.requiresGrad { loss.backward() }
  var found: [String] = []
  for (place, point) in points.enumerated() {
    let values = point.array(of: Double.self)
    let slopes = values.indices.map { index -> Double in
      func value(_ shift: Double) -> Double {
        var moved = values
        moved[index] += shift
        var arguments = points
        arguments[place] = Tensor(moved, shape: point.shape)
        return noGrad { total(arguments).item() }
      }
      return (value(step) - value(-step)) / (2 * step)
    }
    let gradient = leaves[place].grad ?? Tensor.zeros(like: point)
    found += tensorDifferences(
      gradient, Tensor(slopes, shape: point.shape), name: "gradient of input \(place)",
      relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance)
  }
  return found
}

/// Compares second derivatives with central differences of the gradients, in float64; see `checkGradients`.
public func checkSecondDerivatives(
  _ inputs: [Tensor], step: Double = 1e-5, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6,
  _ body: ([Tensor]) -> Tensor
) -> [String] {
  checkGradients(
    inputs, step: step, relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance
  ) { values in
    // The gradients need a graph also where the outer check evaluates without one.
    withGradient(true) {
      let leaves = values.map { $0.requiresGrad ? $0 : $0.requiringGrad() }
      let y = body(leaves)
      let loss = (y * FormulaNumbers.uniform("weights of the inner output", y.shape).to(.float64)).sum()
      let gradients = grad(of: loss, withRespectTo: leaves, createGraph: true)
      return cat(zip(gradients, leaves).map { ($0 ?? Tensor.zeros(like: $1)).reshape([-1]) })
    }
  }
}
