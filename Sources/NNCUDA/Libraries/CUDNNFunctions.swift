/// What is used of cuDNN 9: convolutions under their old interface, which has fixed algorithms that can be asked whether
/// they are deterministic.
struct CUDNNFunctions: Sendable {
  /// 0 is success.
  typealias Code = Int32
  typealias Create = @convention(c) (UnsafeMutablePointer<Handle?>?) -> Code
  typealias Destroy = @convention(c) (Handle?) -> Code
  /// Handle, three descriptors around that of the convolution (in the order of the pass), how many results are wanted, how
  /// many there are, and the results: see `Algorithm`.
  typealias GetAlgorithms =
    @convention(c) (
      Handle?, Handle?, Handle?, Handle?, Handle?, Int32, UnsafeMutablePointer<Int32>?,
      UnsafeMutableRawPointer?
    ) -> Code
  /// Handle, four descriptors (as above), algorithm, bytes.
  typealias GetWorkspaceSize =
    @convention(c) (Handle?, Handle?, Handle?, Handle?, Handle?, Int32, UnsafeMutablePointer<Int>?) -> Code
  /// Handle, alpha, descriptor and address of the first operand and of the second one, convolution, algorithm, workspace,
  /// its bytes, beta, descriptor and address of the result.
  typealias Convolve =
    @convention(c) (
      Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, Handle?, Int32,
      UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Handle?, UnsafeMutableRawPointer?
    ) -> Code

  /// One result of the functions that propose algorithms. The C structure is
  /// { int algo; int status; float time; size_t memory; int determinism; int mathType; int reserved[3]; }.
  struct Algorithm {
    static let stride = 48
    var number: Int32
    var status: Int32
    var workspace: Int
    var isDeterministic: Bool
    var mathType: Int32

    init(_ bytes: UnsafeRawPointer) {
      number = bytes.load(fromByteOffset: 0, as: Int32.self)
      status = bytes.load(fromByteOffset: 4, as: Int32.self)
      workspace = bytes.load(fromByteOffset: 16, as: Int.self)
      isDeterministic = bytes.load(fromByteOffset: 24, as: Int32.self) == 1
      mathType = bytes.load(fromByteOffset: 28, as: Int32.self)
    }
  }

  /// Values of enumerations: formats, element types, modes of arithmetic, algorithms, activations.
  static let (nchw, nhwc): (Int32, Int32) = (0, 1)
  static let (float, double, bfloat16): (Int32, Int32, Int32) = (0, 1, 9)
  static let crossCorrelation: Int32 = 1
  static let (defaultMath, tensorMath, fusedMultiplyAdd): (Int32, Int32, Int32) = (0, 1, 3)
  static let implicitPrecomputedProduct: Int32 = 1
  static let (rectifier, identity): (Int32, Int32) = (1, 5)
  static let propagatesNaN: Int32 = 1

  let cudnnGetVersion: @convention(c) () -> Int
  let cudnnGetErrorString: @convention(c) (Code) -> UnsafePointer<CChar>?
  /// nil before cuDNN 9.
  let cudnnGetLastErrorString: (@convention(c) (UnsafeMutablePointer<CChar>?, Int) -> Void)?
  let cudnnCreate: Create
  let cudnnSetStream: @convention(c) (Handle?, Handle?) -> Code
  let cudnnCreateTensorDescriptor: Create
  /// Descriptor, format, element type, n, c, h, w.
  let cudnnSetTensor4dDescriptor: @convention(c) (Handle?, Int32, Int32, Int32, Int32, Int32, Int32) -> Code
  let cudnnDestroyTensorDescriptor: Destroy
  let cudnnCreateFilterDescriptor: Create
  /// Descriptor, element type, format (the other way round), k, c, h, w.
  let cudnnSetFilter4dDescriptor: @convention(c) (Handle?, Int32, Int32, Int32, Int32, Int32, Int32) -> Code
  let cudnnDestroyFilterDescriptor: Destroy
  let cudnnCreateConvolutionDescriptor: Create
  /// Descriptor, padding, stride, dilation (h, w each), mode, element type of sums.
  let cudnnSetConvolution2dDescriptor:
    @convention(c) (Handle?, Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32) -> Code
  let cudnnSetConvolutionMathType: @convention(c) (Handle?, Int32) -> Code
  let cudnnSetConvolutionGroupCount: @convention(c) (Handle?, Int32) -> Code
  let cudnnDestroyConvolutionDescriptor: Destroy
  let cudnnCreateActivationDescriptor: Create
  let cudnnSetActivationDescriptor: @convention(c) (Handle?, Int32, Int32, Double) -> Code
  let cudnnGetConvolutionForwardAlgorithm: GetAlgorithms
  let cudnnGetConvolutionBackwardDataAlgorithm: GetAlgorithms
  let cudnnGetConvolutionBackwardFilterAlgorithm: GetAlgorithms
  let cudnnGetConvolutionForwardWorkspaceSize: GetWorkspaceSize
  let cudnnGetConvolutionBackwardDataWorkspaceSize: GetWorkspaceSize
  let cudnnGetConvolutionBackwardFilterWorkspaceSize: GetWorkspaceSize
  let cudnnConvolutionForward: Convolve
  let cudnnConvolutionBackwardData: Convolve
  let cudnnConvolutionBackwardFilter: Convolve
  /// Handle, alpha1, x, w (descriptor and address each), convolution, algorithm, workspace, bytes, alpha2, z, bias,
  /// activation, y.
  let cudnnConvolutionBiasActivationForward:
    @convention(c) (
      Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, Handle?, Int32,
      UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, Handle?,
      UnsafeRawPointer?, Handle?, Handle?, UnsafeMutableRawPointer?
    ) -> Code
  /// Handle, alpha, descriptor and address of what is added or brought into another layout, beta, those of the result.
  typealias Combine =
    @convention(c) (
      Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, UnsafeRawPointer?, Handle?,
      UnsafeMutableRawPointer?
    ) -> Code
  let cudnnAddTensor: Combine
  let cudnnTransformTensor: Combine
  let cudnnActivationForward:
    @convention(c) (
      Handle?, Handle?, UnsafeRawPointer?, Handle?, UnsafeRawPointer?, UnsafeRawPointer?, Handle?,
      UnsafeMutableRawPointer?
    ) -> Code

  init(_ library: DynamicLibrary) throws {
    cudnnGetVersion = try library.symbol("cudnnGetVersion")
    cudnnGetErrorString = try library.symbol("cudnnGetErrorString")
    cudnnGetLastErrorString = try? library.symbol("cudnnGetLastErrorString")
    cudnnCreate = try library.symbol("cudnnCreate")
    cudnnSetStream = try library.symbol("cudnnSetStream")
    cudnnCreateTensorDescriptor = try library.symbol("cudnnCreateTensorDescriptor")
    cudnnSetTensor4dDescriptor = try library.symbol("cudnnSetTensor4dDescriptor")
    cudnnDestroyTensorDescriptor = try library.symbol("cudnnDestroyTensorDescriptor")
    cudnnCreateFilterDescriptor = try library.symbol("cudnnCreateFilterDescriptor")
    cudnnSetFilter4dDescriptor = try library.symbol("cudnnSetFilter4dDescriptor")
    cudnnDestroyFilterDescriptor = try library.symbol("cudnnDestroyFilterDescriptor")
    cudnnCreateConvolutionDescriptor = try library.symbol("cudnnCreateConvolutionDescriptor")
    cudnnSetConvolution2dDescriptor = try library.symbol("cudnnSetConvolution2dDescriptor")
    cudnnSetConvolutionMathType = try library.symbol("cudnnSetConvolutionMathType")
    cudnnSetConvolutionGroupCount = try library.symbol("cudnnSetConvolutionGroupCount")
    cudnnDestroyConvolutionDescriptor = try library.symbol("cudnnDestroyConvolutionDescriptor")
    cudnnCreateActivationDescriptor = try library.symbol("cudnnCreateActivationDescriptor")
    cudnnSetActivationDescriptor = try library.symbol("cudnnSetActivationDescriptor")
    cudnnGetConvolutionForwardAlgorithm = try library.symbol("cudnnGetConvolutionForwardAlgorithm_v7")
    cudnnGetConvolutionBackwardDataAlgorithm = try library.symbol(
      "cudnnGetConvolutionBackwardDataAlgorithm_v7")
    cudnnGetConvolutionBackwardFilterAlgorithm = try library.symbol(
      "cudnnGetConvolutionBackwardFilterAlgorithm_v7")
    cudnnGetConvolutionForwardWorkspaceSize = try library.symbol("cudnnGetConvolutionForwardWorkspaceSize")
    cudnnGetConvolutionBackwardDataWorkspaceSize = try library.symbol(
      "cudnnGetConvolutionBackwardDataWorkspaceSize")
    cudnnGetConvolutionBackwardFilterWorkspaceSize = try library.symbol(
      "cudnnGetConvolutionBackwardFilterWorkspaceSize")
    cudnnConvolutionForward = try library.symbol("cudnnConvolutionForward")
    cudnnConvolutionBackwardData = try library.symbol("cudnnConvolutionBackwardData")
    cudnnConvolutionBackwardFilter = try library.symbol("cudnnConvolutionBackwardFilter")
    cudnnConvolutionBiasActivationForward = try library.symbol("cudnnConvolutionBiasActivationForward")
    cudnnAddTensor = try library.symbol("cudnnAddTensor")
    cudnnTransformTensor = try library.symbol("cudnnTransformTensor")
    cudnnActivationForward = try library.symbol("cudnnActivationForward")
  }

  /// Such as 9.19.0.
  var version: String {
    let version = cudnnGetVersion()
    return "\(version / 10000).\(version / 100 % 100).\(version % 100)"
  }

  func check(_ call: String, _ code: Code) throws {
    guard code != 0 else { return }
    var text = cudnnGetErrorString(code).map { String(cString: $0) } ?? "status \(code)"
    if let cudnnGetLastErrorString {
      var bytes = [CChar](repeating: 0, count: 512)
      cudnnGetLastErrorString(&bytes, bytes.count)
      let last = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      if !last.isEmpty { text += " (\(last.split(whereSeparator: \.isNewline).joined(separator: "; ")))" }
    }
    throw CUDAError("\(call) failed: \(text)")
  }
}
