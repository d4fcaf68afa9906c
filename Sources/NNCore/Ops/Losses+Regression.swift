// Losses of regression: distances between an input and a target of one shape.

/// Squared differences. As `torch.nn.functional.mse_loss`.
public func mseLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "mseLoss") else { return input.meaninglessLoss(reduction) }
  return (input - target).square().reduced(reduction)
}

/// Absolute differences. As `torch.nn.functional.l1_loss`.
public func l1Loss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "l1Loss") else { return input.meaninglessLoss(reduction) }
  return (input - target).abs().reduced(reduction)
}

/// d² / (2 beta) for differences |d| below beta, |d| - beta / 2 above. As `torch.nn.functional.smooth_l1_loss`.
public func smoothL1Loss(
  _ input: Tensor, _ target: Tensor, beta: Double = 1, reduction: Reduction = .mean
) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "smoothL1Loss") else { return input.meaninglessLoss(reduction) }
  require(beta >= 0, "smoothL1Loss", "beta must not be negative, got \(beta)")
  if beta == 0 { return l1Loss(input, target, reduction: reduction) }
  let d = input - target
  let size = d.abs()
  return `where`(size .< beta, d.square() * (0.5 / beta), size - beta / 2).reduced(reduction)
}

/// d² / 2 for differences |d| up to delta, delta · (|d| - delta / 2) above. As `torch.nn.functional.huber_loss`.
public func huberLoss(
  _ input: Tensor, _ target: Tensor, delta: Double = 1, reduction: Reduction = .mean
) -> Tensor {
  let (input, target) = (input.autocast(.float32), target.autocast(.float32))
  guard haveSameShape(input, target, "huberLoss") else { return input.meaninglessLoss(reduction) }
  require(delta > 0, "huberLoss", "delta must be positive, got \(delta)")
  let d = input - target
  let size = d.abs()
  return `where`(size .<= delta, d.square() * 0.5, (size - delta / 2) * delta).reduced(reduction)
}
