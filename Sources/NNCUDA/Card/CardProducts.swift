import NNCore

/// Products by cuBLAS, which knows column-major matrices only: a row-major C is Cᵀ there, and Cᵀ = Bᵀ · Aᵀ. The driver's lock is
/// held by whoever calls.
final class CardProducts {
  private let cublas: CUBLASFunctions
  private let handle: Handle
  private var mathMode = CUBLASFunctions.defaultMath

  /// A workspace of one's own makes results the same from run to run, and lets products be recorded.
  private static let workspaceBytes = 32 << 20

  init(_ cuda: DriverFunctions, _ cublas: CUBLASFunctions, stream: Handle) throws {
    self.cublas = cublas
    var handle: Handle?
    try cublas.check("cublasCreate", cublas.cublasCreate(&handle))
    guard let handle else { throw CUDAError("cublasCreate made nothing") }
    self.handle = handle
    try cublas.check("cublasSetStream", cublas.cublasSetStream(handle, stream))
    var workspace: UnsafeMutableRawPointer?
    try cuda.check("cuMemAlloc", cuda.cuMemAlloc(&workspace, Self.workspaceBytes))
    try cublas.check("cublasSetWorkspace", cublas.cublasSetWorkspace(handle, workspace, Self.workspaceBytes))
    try cublas.check("cublasSetMathMode", cublas.cublasSetMathMode(handle, mathMode))
  }

  func multiply(_ product: CUDAProduct) throws {
    guard product.rows > 0, product.columns > 0, product.batch > 0 else { return }
    let isDouble = product.dtype == .float64
    guard product.dtype.isFloatingPoint else {
      throw CUDAError("cuBLAS multiplies floating-point types here, found \(product.dtype)")
    }
    let isMixed = product.dtype == .bfloat16
    let mode =
      product.allowsTF32 && !isDouble && !isMixed ? CUBLASFunctions.tf32Math : CUBLASFunctions.defaultMath
    if mode != mathMode {
      try cublas.check("cublasSetMathMode", cublas.cublasSetMathMode(handle, mode))
      mathMode = mode
    }
    let size = try (m: int(product.columns), n: int(product.rows), k: int(product.depth))
    let (first, second) = (product.b, product.a)
    let strides = try (int(first.stride), int(second.stride), int(product.c.stride))
    let transposes: (Int32, Int32) = (first.isTransposed ? 1 : 0, second.isTransposed ? 1 : 0)
    let batch = try int(product.batch)
    func call(_ one: UnsafeRawPointer, _ keep: UnsafeRawPointer) throws {
      let type = CUBLASFunctions.bfloat16
      if isMixed, batch == 1 {
        try cublas.check(
          "cublasGemmEx",
          cublas.cublasGemmEx(
            handle, transposes.0, transposes.1, size.m, size.n, size.k, one, first.address, type, strides.0,
            second.address, type, strides.1, keep, product.c.address, type, strides.2,
            CUBLASFunctions.sumsInFloat32, CUBLASFunctions.defaultAlgorithm))
      } else if isMixed {
        try cublas.check(
          "cublasGemmStridedBatchedEx",
          cublas.cublasGemmStridedBatchedEx(
            handle, transposes.0, transposes.1, size.m, size.n, size.k, one, first.address, type, strides.0,
            Int64(first.batchStride), second.address, type, strides.1, Int64(second.batchStride), keep,
            product.c.address, type, strides.2, Int64(product.c.batchStride), batch,
            CUBLASFunctions.sumsInFloat32, CUBLASFunctions.defaultAlgorithm))
      } else if batch == 1 {
        let function = isDouble ? cublas.cublasDgemm : cublas.cublasSgemm
        try cublas.check(
          isDouble ? "cublasDgemm" : "cublasSgemm",
          function(
            handle, transposes.0, transposes.1, size.m, size.n, size.k, one, first.address, strides.0,
            second.address, strides.1, keep, product.c.address, strides.2))
      } else {
        let function = isDouble ? cublas.cublasDgemmStridedBatched : cublas.cublasSgemmStridedBatched
        try cublas.check(
          isDouble ? "cublasDgemmStridedBatched" : "cublasSgemmStridedBatched",
          function(
            handle, transposes.0, transposes.1, size.m, size.n, size.k, one, first.address, strides.0,
            Int64(first.batchStride), second.address, strides.1, Int64(second.batchStride), keep,
            product.c.address, strides.2, Int64(product.c.batchStride), batch))
      }
    }
    // Factors are of the type that sums are made in.
    if isDouble {
      try withUnsafePointer(to: 1.0) { one in
        try withUnsafePointer(to: product.keepsC ? 1.0 : 0.0) { try call(one, $0) }
      }
    } else {
      try withUnsafePointer(to: Float(1)) { one in
        try withUnsafePointer(to: product.keepsC ? Float(1) : 0) { try call(one, $0) }
      }
    }
  }

  private func int(_ size: Int) throws -> Int32 {
    guard let number = Int32(exactly: size) else {
      throw CUDAError("cuBLAS takes sizes below 2^31, found \(size)")
    }
    return number
  }
}
