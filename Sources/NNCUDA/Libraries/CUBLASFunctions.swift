/// What is used of cuBLAS: products of column-major matrices.
struct CUBLASFunctions: Sendable {
  /// 0 is success.
  typealias Code = Int32
  /// Handle, operations (0 none, 1 transpose), m, n, k, alpha, A, its stride, B, its stride, beta, C, its stride.
  typealias Product =
    @convention(c) (
      Handle?, Int32, Int32, Int32, Int32, Int32, UnsafeRawPointer?, UnsafeRawPointer?, Int32,
      UnsafeRawPointer?, Int32, UnsafeRawPointer?, UnsafeMutableRawPointer?, Int32
    ) -> Code
  /// The same with a number of elements from one matrix to the next behind each stride, and the number of matrices.
  typealias BatchedProduct =
    @convention(c) (
      Handle?, Int32, Int32, Int32, Int32, Int32, UnsafeRawPointer?, UnsafeRawPointer?, Int32, Int64,
      UnsafeRawPointer?, Int32, Int64, UnsafeRawPointer?, UnsafeMutableRawPointer?, Int32, Int64, Int32
    ) -> Code

  /// As `Product`, with the element type behind each matrix' address, and in the end the type of sums and an algorithm.
  typealias MixedProduct =
    @convention(c) (
      Handle?, Int32, Int32, Int32, Int32, Int32, UnsafeRawPointer?, UnsafeRawPointer?, Int32, Int32,
      UnsafeRawPointer?, Int32, Int32, UnsafeRawPointer?, UnsafeMutableRawPointer?, Int32, Int32, Int32, Int32
    ) -> Code
  /// As `BatchedProduct`, likewise.
  typealias BatchedMixedProduct =
    @convention(c) (
      Handle?, Int32, Int32, Int32, Int32, Int32, UnsafeRawPointer?, UnsafeRawPointer?, Int32, Int32, Int64,
      UnsafeRawPointer?, Int32, Int32, Int64, UnsafeRawPointer?, UnsafeMutableRawPointer?, Int32, Int32,
      Int64, Int32, Int32, Int32
    ) -> Code

  /// Values of cudaDataType, cublasComputeType_t and cublasGemmAlgo_t.
  static let (bfloat16, sumsInFloat32, defaultAlgorithm): (Int32, Int32, Int32) = (14, 68, -1)
  /// Values of cublasMath_t.
  static let (defaultMath, tf32Math): (Int32, Int32) = (0, 3)

  let cublasGetProperty: @convention(c) (Int32, UnsafeMutablePointer<Int32>?) -> Code
  let cublasGetStatusName: @convention(c) (Code) -> UnsafePointer<CChar>?
  let cublasCreate: @convention(c) (UnsafeMutablePointer<Handle?>?) -> Code
  let cublasSetStream: @convention(c) (Handle?, Handle?) -> Code
  let cublasSetWorkspace: @convention(c) (Handle?, UnsafeMutableRawPointer?, Int) -> Code
  let cublasSetMathMode: @convention(c) (Handle?, Int32) -> Code
  let cublasSgemm: Product
  let cublasDgemm: Product
  let cublasSgemmStridedBatched: BatchedProduct
  let cublasDgemmStridedBatched: BatchedProduct
  let cublasGemmEx: MixedProduct
  let cublasGemmStridedBatchedEx: BatchedMixedProduct

  init(_ library: DynamicLibrary) throws {
    cublasGetProperty = try library.symbol("cublasGetProperty")
    cublasGetStatusName = try library.symbol("cublasGetStatusName")
    cublasCreate = try library.symbol("cublasCreate_v2")
    cublasSetStream = try library.symbol("cublasSetStream_v2")
    cublasSetWorkspace = try library.symbol("cublasSetWorkspace_v2")
    cublasSetMathMode = try library.symbol("cublasSetMathMode")
    cublasSgemm = try library.symbol("cublasSgemm_v2")
    cublasDgemm = try library.symbol("cublasDgemm_v2")
    cublasSgemmStridedBatched = try library.symbol("cublasSgemmStridedBatched")
    cublasDgemmStridedBatched = try library.symbol("cublasDgemmStridedBatched")
    cublasGemmEx = try library.symbol("cublasGemmEx")
    cublasGemmStridedBatchedEx = try library.symbol("cublasGemmStridedBatchedEx")
  }

  func check(_ call: String, _ code: Code) throws {
    guard code != 0 else { return }
    throw CUDAError(
      "\(call) failed: \(cublasGetStatusName(code).map { String(cString: $0) } ?? "status \(code)")")
  }

  /// Such as 13.1.0.
  var version: String {
    (0..<3 as Range<Int32>).map { property in
      var value: Int32 = 0
      return cublasGetProperty(property, &value) == 0 ? "\(value)" : "?"
    }.joined(separator: ".")
  }
}
