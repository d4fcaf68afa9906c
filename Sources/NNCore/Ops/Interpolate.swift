// Resampling to another size, one dimension after the other: each is a sparse linear map, its gradient the
// transposed one.

extension Tensor {
  /// This tensor with one axis mapped by `plan`. Linear, so derivatives of any order exist.
  fileprivate func resampled(_ axis: Int, _ plan: ResamplingPlan) -> Tensor {
    backend.resample(self, axis: axis, plan)
      .recorded("interpolate", inputs: [self]) { g, _ in [g.resampled(axis, plan.transposed)] }
  }

  /// Resamples the dimensions behind the first two. As `torch.nn.functional.interpolate`.
  ///
  /// - Parameters:
  ///   - size: sizes of the result, one per resampled dimension (or one for all); or
  ///   - scaleFactor: factors instead; the size is rounded down.
  ///   - mode: `linear` for [N, C, L], `bilinear` and `bicubic` for [N, C, H, W], the others for any.
  ///   - alignCorners: whether the first and last elements keep their places (instead of the outer edges); for the
  ///     linear modes and `bicubic`.
  ///   - recomputeScaleFactor: computes positions from the rounded sizes, not from `scaleFactor`.
  ///   - antialias: widens the filter when making smaller, as Pillow does; for `bilinear` and `bicubic`.
  public func interpolate(
    size: [Int]? = nil, scaleFactor: [Double]? = nil, mode: InterpolationMode = .nearest,
    alignCorners: Bool = false, recomputeScaleFactor: Bool = false, antialias: Bool = false
  ) -> Tensor {
    require(
      rank >= 3 && dtype.isFloatingPoint, "interpolate",
      "needs a floating-point tensor of shape [N, C, …], this is \(dtype) of shape \(shape)")
    return Tensor.apply(
      Interpolation(
        size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners,
        recomputeScaleFactor: recomputeScaleFactor, antialias: antialias), self)
  }

  /// One factor for all dimensions; see `interpolate(size:scaleFactor:…)`.
  public func interpolate(
    scaleFactor: Double, mode: InterpolationMode = .nearest, alignCorners: Bool = false,
    recomputeScaleFactor: Bool = false, antialias: Bool = false
  ) -> Tensor {
    interpolate(
      scaleFactor: [scaleFactor], mode: mode, alignCorners: alignCorners,
      recomputeScaleFactor: recomputeScaleFactor, antialias: antialias)
  }
}

// MARK: - Primitives

private struct Interpolation: CompositePrimitive {
  let size: [Int]?
  let scaleFactor: [Double]?
  let mode: Tensor.InterpolationMode
  let alignCorners: Bool
  let recomputeScaleFactor: Bool
  let antialias: Bool

  var name: StaticString { "interpolate" }
  var attributes: [String: TraceAttribute] {
    [
      "size": .ints(size ?? []), "scale": .numbers(scaleFactor ?? []), "mode": .text(mode.rawValue),
      "alignCorners": .flag(alignCorners), "recomputeScaleFactor": .flag(recomputeScaleFactor),
      "antialias": .flag(antialias),
    ]
  }

  func evaluate(_ operands: [Tensor]) -> Tensor {
    let x = operands[0]
    let dimensions = x.rank - 2
    let fits: Bool
    switch mode {
    case .linear: fits = dimensions == 1
    case .bilinear, .bicubic: fits = dimensions == 2
    case .nearest, .nearestExact, .area: fits = true
    }
    require(fits, "interpolate", "mode \(mode.rawValue) does not fit shape \(x.shape)")
    require(
      !alignCorners || mode == .linear || mode == .bilinear || mode == .bicubic, "interpolate",
      "mode \(mode.rawValue) does not align corners")
    require(
      !antialias || mode == .bilinear || mode == .bicubic, "interpolate",
      "mode \(mode.rawValue) has no antialiasing")
    require(
      (size == nil) != (scaleFactor == nil), "interpolate",
      "needs either a size or a scale factor, and not both")
    func one<T>(_ values: [T], _ place: Int) -> T {
      require(
        values.count == 1 || values.count == dimensions, "interpolate",
        "\(values) for the \(dimensions) resampled dimensions of shape \(x.shape)")
      return values.count == 1 ? values[0] : values[place]
    }
    // Elements that share their weights lie side by side with the channels last.
    let start = x.rank == 4 && x.shape[1] > 1 ? x.channelsLast() : x
    return (0..<dimensions).reduce(start) { result, place in
      let length = x.shape[place + 2]
      let factor = scaleFactor.map { one($0, place) }
      let target = size.map { one($0, place) } ?? Int(Double(length) * (factor ?? 1))
      require(
        target > 0 && (length > 0 || x.count == 0), "interpolate",
        "cannot make size \(target) from shape \(x.shape)")
      let plan = ResamplingPlan(
        mode: mode, from: length, to: target, scale: recomputeScaleFactor ? nil : factor,
        alignCorners: alignCorners, antialias: antialias, inFloat32: x.dtype == .float32)
      return result.resampled(place + 2, plan)
    }
  }
}
