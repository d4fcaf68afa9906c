// Rearrangements of channels and pixels.

extension Tensor {
  /// Channels dealt out over groups: [N, groups · k, …] read as [N, groups, k] and written as [N, k, groups]
  /// (Zhang et al. 2018). As `torch.nn.functional.channel_shuffle`.
  public func channelShuffle(groups: Int) -> Tensor {
    require(
      rank >= 3 && groups > 0 && shape[1] % groups == 0, "channelShuffle",
      "cannot deal the channels of shape \(shape) out over \(groups) groups")
    return Tensor.apply(ChannelShuffle(groups: groups), self)
  }

  /// [N, C · r², H, W] as [N, C, H · r, W · r], r being the factor: sub-pixel convolution (Shi et al. 2016).
  /// As `torch.nn.functional.pixel_shuffle`.
  public func pixelShuffle(upscaleFactor r: Int) -> Tensor {
    require(
      rank >= 3 && r > 0 && shape[rank - 3] % (r * r) == 0, "pixelShuffle",
      "factor \(r) does not fit shape \(shape)")
    let lead = Array(shape.dropLast(3))
    let (c, h, w) = (shape[rank - 3] / (r * r), shape[rank - 2], shape[rank - 1])
    let n = lead.count
    let mixed = reshape(lead + [c, r, r, h, w])
      .permute(Array(0..<n) + [n, n + 3, n + 1, n + 4, n + 2])
      .reshape(lead + [c, h * r, w * r])
    return keepingLayout(mixed)
  }

  /// The inverse of `pixelShuffle`. As `torch.nn.functional.pixel_unshuffle`.
  public func pixelUnshuffle(downscaleFactor r: Int) -> Tensor {
    require(
      rank >= 3 && r > 0 && shape[rank - 2] % r == 0 && shape[rank - 1] % r == 0, "pixelUnshuffle",
      "factor \(r) does not fit shape \(shape)")
    let lead = Array(shape.dropLast(3))
    let (c, h, w) = (shape[rank - 3], shape[rank - 2] / r, shape[rank - 1] / r)
    let n = lead.count
    let mixed = reshape(lead + [c, h, r, w, r])
      .permute(Array(0..<n) + [n, n + 2, n + 4, n + 1, n + 3])
      .reshape(lead + [c * r * r, h, w])
    return keepingLayout(mixed)
  }

  /// `result` with the channels last in memory if this tensor has them last.
  private func keepingLayout(_ result: Tensor) -> Tensor {
    rank == 4 && isChannelsLast && !isContiguous ? result.channelsLast() : result
  }
}

// MARK: - Primitives

private struct ChannelShuffle: UnaryPrimitive {
  let groups: Int

  var name: StaticString { "channelShuffle" }
  var attributes: [String: TraceAttribute] { ["groups": .int(groups)] }
  var gradients: Gradients {
    { [groups] g, _ in [g.channelShuffle(groups: Swift.max(1, g.shape[1] / groups))] }
  }

  func evaluate(_ x: Tensor) -> Tensor { x.backend.channelShuffle(x.detach(), groups: groups) }
}
