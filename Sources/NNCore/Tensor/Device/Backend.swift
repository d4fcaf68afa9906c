/// What a device must be able to do: hold memory, and carry out operations. One call per operation, tensors in and out,
/// nothing recorded. Shapes and element types are checked by the caller; in which memory order a result lies is
/// the device's choice.
///
/// The first part is required. Everything below `Composed` has a default made of it (`Backend+….swift`), so that a device
/// is complete when it has the first part, and fast when it has kernels of its own for the rest.
package protocol Backend: MemoryDevice {
  /// Which of its kernels the calling thread has asked for. Lazy values are computed under the choice that was in force
  /// when they were made.
  var kernels: Int32 { get }
  /// Whether its kernels look at indices themselves, and stop with a message behind one that is out of range.
  var checksIndices: Bool { get }
  func usingKernels<Result>(_ kernels: Int32, _ body: () -> Result) -> Result

  /// What carries out operations on bfloat16 elements, with sums in float32 or wider and results that are rounded once: the
  /// device itself if it has kernels for them. Every device fills, assigns and converts such elements itself.
  var bfloat16Backend: any Backend { get }

  // MARK: Elements

  /// A tensor of one value.
  func fill(_ shape: [Int], _ value: Double, dtype: DType) -> Tensor
  /// Writes `source`, broadcast, into the part of a tensor that `view` describes; nobody else holds its storage.
  func assign(_ source: Tensor, to view: Tensor)
  func cast(_ x: Tensor, to dtype: DType) -> Tensor
  func unary(_ op: UnaryOp, _ x: Tensor) -> Tensor
  /// Operands of one element type, broadcast against each other.
  func binary(_ op: BinaryOp, _ a: Tensor, _ b: Tensor) -> Tensor
  func compare(_ op: CompareOp, _ a: Tensor, _ b: Tensor) -> Tensor
  func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor

  // MARK: Lines

  /// Reduces over `axes`, which stay as size 1. Sums and products of integers are int64, and so are those of bool.
  func reduce(_ op: ReduceOp, _ x: Tensor, axes: [Int]) -> Tensor
  /// Index of the first extreme along `axis`, which stays as size 1.
  func argReduce(_ x: Tensor, axis: Int, smallest: Bool) -> Tensor
  /// Running sum or product along `axis`.
  func scan(_ x: Tensor, axis: Int, product: Bool) -> Tensor
  /// Stable sort along `axis`: values and their former places. NaN counts as greatest.
  func sort(_ x: Tensor, axis: Int, descending: Bool) -> (values: Tensor, indices: Tensor)
  /// out[…, i, …] = x[…, index[…, i, …], …] along `axis`; negative indices count from the end.
  func gather(_ x: Tensor, axis: Int, index: Tensor) -> Tensor
  /// A copy of x into which `source` is added (or put) at `index` along `axis`.
  func scatter(_ x: Tensor, axis: Int, index: Tensor, source: Tensor, adding: Bool) -> Tensor

  // MARK: Products

  /// Products of matrices, [batch, m, k] times [batch, k, n] (plus bias [n], floating point only), of int64,
  /// float32 or float64; any strides. Each element is summed in an order that depends on k alone.
  func gemm(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> Tensor
  /// Cross-correlation of x [N, C, H, W] with weights [O, C / groups, h, w] (plus bias [O]); the result has the
  /// given height and width, what lies outside of x counts as zero.
  ///
  /// - Parameter mayBeLazy: whether nothing is recorded of it, so that what follows may be fused into it.
  func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, outputSize: Size2,
    mayBeLazy: Bool
  ) -> Tensor
  /// Gradient of `conv2d` with respect to an input of the given size (a transposed convolution), plus bias [C].
  func conv2dInputGradient(
    _ gradient: Tensor, _ weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, inputSize: Size2
  ) -> Tensor
  /// Gradient of `conv2d` with respect to weights of the given kernel size.
  func conv2dWeightGradient(
    _ gradient: Tensor, _ x: Tensor, _ geometry: ConvolutionGeometry, kernelSize: Size2
  ) -> Tensor

  // MARK: Composed: elements and lines

  /// The same elements in new memory of the given strides (row-major if nil).
  func copy(_ x: Tensor, strides: [Int]?) -> Tensor
  /// Writes op(target, b) into `target`, whose storage nobody else holds.
  func binaryInPlace(_ op: BinaryOp, _ target: inout Tensor, _ b: Tensor)
  /// f(x).
  func activate(_ function: Activation, _ x: Tensor) -> Tensor
  /// g · f'(x), with g of the shape of x.
  func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor
  /// min(max(x, 0), ceiling) fused with the lazy operation that x is the result of; nil if there is none that it fits.
  func fusedRectifier(_ x: Tensor, ceiling: Double, _ own: @escaping Fused.Rule) -> Fused?
  /// Softmax along `axis`, or its logarithm, in the memory order of x if that is dense.
  func softmax(_ x: Tensor, axis: Int, logarithm: Bool) -> Tensor
  /// Gradient of the softmax's input from that of its result y.
  func softmaxBackward(_ g: Tensor, _ y: Tensor, axis: Int, logarithm: Bool) -> Tensor
  /// For each row of x [rows, classes] minus the sum of its values times the targets' factors, [rows].
  func classSums(_ x: Tensor, _ targets: ClassTargets) -> Tensor
  /// Minus the targets' factors times the row's element of g [rows], [rows, classes].
  func classSpread(_ g: Tensor, _ targets: ClassTargets, classes: Int) -> Tensor
  /// The linear map `plan` along `axis`.
  func resample(_ x: Tensor, axis: Int, _ plan: ResamplingPlan) -> Tensor
  /// Rows `index` of x along `axis`.
  func indexSelect(_ x: Tensor, axis: Int, index: Tensor) -> Tensor
  /// A copy of x to whose rows `index` along `axis` the rows of `source` are added.
  func indexAdd(_ x: Tensor, axis: Int, index: Tensor, source: Tensor) -> Tensor
  /// [N, groups · k, …] read as [N, groups, k] and written as [N, k, groups].
  func channelShuffle(_ x: Tensor, groups: Int) -> Tensor
  /// Row-major places of the elements that are not zero, as int64 [count].
  func nonzeroPlaces(_ x: Tensor) -> Tensor
  /// Numbers drawn in PyTorch's order from a generator of the host, or from one of the device seeded by it.
  func random(_ draw: RandomDraw, _ shape: [Int], dtype: DType, generator: Generator) -> Tensor

  // MARK: Composed: pooling

  /// Greatest element of each window of images [N, C, H, W], and the places of these if asked for, in whatever form the
  /// device keeps them. `fused` is there if a lazy operation before it was taken along.
  func maxPool2d(
    _ x: Tensor, _ geometry: PoolingGeometry, keepingPlaces: Bool, _ own: @escaping Fused.Rule
  ) -> (output: Tensor, places: Tensor?, fused: Fused.Gradient?)
  /// Adds each element of `gradient` to its place in an input of zeros.
  func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor
  /// The elements of x at the places.
  func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor
  /// Places as int64 indices row * W + column.
  func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor
  /// Sum of each window of images [N, C, H, W], divided by the window's divisor.
  func avgPool2d(_ x: Tensor, _ geometry: PoolingGeometry) -> Tensor
  func avgPool2dGradient(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor

  // MARK: Composed: normalisation

  /// Mean and biased variance of each channel of x [N, C, …], float64: [1, C] over the batch, or [N, C] per sample.
  func channelMoments(_ x: Tensor, perSample: Bool) -> (mean: Tensor, variance: Tensor)
  /// The map (x - mean) · weight / sqrt(variance + eps) + bias of moments [C], or [N, C] per sample, and
  /// 1 / sqrt(variance + eps) in float64.
  func normalizationMap(
    mean: Tensor, variance: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (map: ChannelMap, inverse: Tensor)
  /// A running statistic that takes in a new value, float64: (1 - momentum) · old + momentum · (new · correction).
  func runningAverage(_ old: Tensor, _ new: Tensor, momentum: Double, correction: Double?) -> Tensor
  /// map(x).
  ///
  /// - Parameter isRecorded: whether gradients will be asked of the map or of x.
  func channelAffine(_ x: Tensor, _ map: ChannelMap, isRecorded: Bool) -> Tensor
  /// Sums of g and of g · (x - mean) per channel, float64 of mean's shape; without x the second is 0.
  func channelGradientSums(_ g: Tensor, _ x: Tensor?, mean: Tensor) -> (sums: Tensor, dots: Tensor)
  /// What the sums of a gradient (see `channelGradientSums`) say about the gradients of a normalisation's input, weight and
  /// bias; see `NormalizationGradient`.
  ///
  /// - Parameters:
  ///   - weight: its gradient and that of the bias are of its type.
  ///   - groups: how many groups of neighbouring channels have a mean and a variance of their own.
  ///   - count: number of elements of such a group.
  ///   - dtype: the type of the gradients of the input.
  func normalizationGradient(
    sums: Tensor, dots: Tensor, inverse: Tensor, weight: Tensor?, groups: Int, count: Double, dtype: DType
  ) -> NormalizationGradient
  /// The gradient of a normalisation's input; see `ChannelCombination`.
  func channelCombination(_ g: Tensor, _ combination: ChannelCombination) -> Tensor
  /// Normalises each row of x [rows, columns]; with each row's mean and 1 / sqrt(variance + eps), float64.
  func layerNorm(
    _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double
  ) -> (output: Tensor, mean: Tensor, inverse: Tensor)
  func layerNormGradient(
    _ gradient: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, inverse: Tensor, needsInput: Bool,
    needsParameters: Bool
  ) -> (input: Tensor?, weight: Tensor?, bias: Tensor?)
  /// Changes parameters and what an optimizer keeps for them, in place; see `ParameterStep`.
  func step(_ steps: [ParameterStep])
  /// Sum of |x|^power over all elements of floating-point tensors in float64, the greatest |x| if power is infinite; 0 of
  /// none. NaN spreads.
  func powerSum(_ tensors: [Tensor], _ power: Double) -> Double
  /// The same as a float64 number on the device, which nothing has waited for.
  func unreadPowerSum(_ tensors: [Tensor], _ power: Double) -> Tensor
  /// Whether no element is NaN or infinite; true for integers.
  func isAllFinite(_ x: Tensor) -> Bool
}
