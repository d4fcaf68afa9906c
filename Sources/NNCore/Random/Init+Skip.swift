extension Init {
  /// Whether starting values are left out, see ``skipInit(_:)``.
  @TaskLocal static var isSkipped = false

  /// Zeros in the place of starting values: one element seen through strides of 0, so that they take neither time
  /// nor memory, however large the shape.
  static func placeholder(_ shape: [Int], _ dtype: DType) -> Tensor {
    Tensor.zeros([], dtype: dtype).expand(shape)
  }
}

/// Runs `body` without drawing starting values: the functions of ``Init`` give zeros there, and leave the generator
/// where it is. For networks whose weights are loaded right afterwards; VGG-16 would draw 138 million numbers for
/// nothing. As `torch.nn.utils.skip_init`.
///
///     let network = skipInit { vgg16() }
///     try network.loadWeights(from: "vgg16-397923af.pth")
///
/// `Init.orthogonal` and numbers drawn without ``Init`` are not affected. The setting holds for the calling task
/// alone.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.skip_init.html
public func skipInit<T>(_ body: () throws -> T) rethrows -> T {
  try Init.$isSkipped.withValue(true, operation: body)
}
