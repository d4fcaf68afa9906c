import NNCore

/// What the backend asks of one card: memory, kernels, products and convolutions, all in the order of one stream.
///
/// Addresses are those of the card. Nothing but `download` and `synchronize` waits for the card. The real conformance opens
/// NVIDIA's libraries at run time; the emulated one of the tests keeps its memory on the host and runs the same kernels there.
package protocol CUDADriver: AnyObject, Sendable {
  var card: CUDACard { get }

  // MARK: Memory

  /// A block of the card's memory, not set; nil if there is not so much left.
  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer?
  func free(_ address: UnsafeMutableRawPointer)
  /// Bytes that are free on the card, and all there are.
  var memory: (free: Int, total: Int) { get }
  /// The host's bytes may be overwritten when the call returns.
  func upload(_ bytes: UnsafeRawBufferPointer, to address: UnsafeMutableRawPointer)
  func download(_ address: UnsafeMutableRawPointer, to bytes: UnsafeMutableRawBufferPointer)
  func copy(_ source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, byteCount: Int)
  func clear(_ address: UnsafeMutableRawPointer, byteCount: Int)
  func synchronize()

  // MARK: Work

  func launch(
    _ kernel: CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int,
    _ arguments: KernelArguments)
  func multiply(_ product: CUDAProduct)
  func convolve(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands)

  // MARK: Recording

  /// Whether work can be recorded and started again as a whole.
  var supportsGraphs: Bool { get }
  /// From here until `endCapture`, which the same thread calls, work is recorded and not carried out; other threads wait.
  /// Every kernel and every convolution must have run before, and memory for the work is best set aside in an arena.
  func beginCapture()
  /// - Throws: Why the work cannot be recorded: something in it waits for the card or brings values of the host. Then none of
  ///   it was carried out.
  func endCapture() throws(CUDAError) -> any CUDAGraph
  func mark() -> any CUDAMark
}

/// What a card is.
package struct CUDACard: Sendable {
  package let name: String
  package let index: Int
  package let computeCapability: (major: Int, minor: Int)
  package let multiprocessors: Int
  package let totalMemory: Int

  package init(
    name: String, index: Int, computeCapability: (major: Int, minor: Int), multiprocessors: Int,
    totalMemory: Int
  ) {
    self.name = name
    self.index = index
    self.computeCapability = computeCapability
    self.multiprocessors = multiprocessors
    self.totalMemory = totalMemory
  }
}

/// Matrix products on the card, in row-major terms: C[i] = A[i] · B[i] + keep · C[i], of one floating-point type; those
/// of bfloat16 are added up in float32.
package struct CUDAProduct {
  /// A matrix [rows, columns] whose element (i, j) is at i · stride + j, or, transposed, at j · stride + i.
  package struct Matrix: Equatable {
    package var address: UnsafeMutableRawPointer
    package var stride: Int
    package var isTransposed = false
    /// Elements from one matrix of the batch to the next; 0 repeats one.
    package var batchStride = 0

    package init(
      _ address: UnsafeMutableRawPointer, stride: Int, isTransposed: Bool = false, batchStride: Int = 0
    ) {
      self.address = address
      self.stride = stride
      self.isTransposed = isTransposed
      self.batchStride = batchStride
    }
  }
  package var dtype: DType
  package var (rows, columns, depth, batch): (Int, Int, Int, Int)
  package var a: Matrix
  package var b: Matrix
  /// Never transposed.
  package var c: Matrix
  /// Whether C's values are added to; otherwise they are not read.
  package var keepsC: Bool
  /// Whether float32 factors may be rounded to TF32.
  package var allowsTF32: Bool

  package init(
    dtype: DType, rows: Int, columns: Int, depth: Int, batch: Int, a: Matrix, b: Matrix, c: Matrix,
    keepsC: Bool, allowsTF32: Bool
  ) {
    self.dtype = dtype
    (self.rows, self.columns, self.depth, self.batch) = (rows, columns, depth, batch)
    (self.a, self.b, self.c) = (a, b, c)
    (self.keepsC, self.allowsTF32) = (keepsC, allowsTF32)
  }
}

/// A 2-D convolution on the card. Images are dense [N, H, W, C] and weights dense [O, kh, kw, C / groups] in memory.
/// What lies outside of x counts as zero: `padding` elements before and the same number behind, and the result has the size that
/// follows, (input + 2 · padding - window) / stride + 1. Other frames are the caller's to make.
package struct CUDAConvolution: Hashable, Sendable {
  package enum Pass: Sendable { case forward, inputGradient, weightGradient }

  package var pass: Pass
  package var dtype: DType
  package var batch: Int
  package var channels: Int
  package var inputSize: Size2
  package var outputs: Int
  package var outputSize: Size2
  package var kernelSize: Size2
  package var geometry: ConvolutionGeometry
  package var allowsTF32: Bool
  /// In a forward pass: whether a bias [O] is added, and whether what is below 0 then becomes 0.
  package var hasBias = false
  package var isRectified = false

  /// Which of these are read and which one is written follows from the pass.
  package struct Operands: Equatable {
    package var image: UnsafeMutableRawPointer
    package var weight: UnsafeMutableRawPointer
    package var result: UnsafeMutableRawPointer
    package var bias: UnsafeMutableRawPointer?
    /// Of the result's shape, added to it before it is rectified.
    package var addend: UnsafeMutableRawPointer?

    package init(
      image: UnsafeMutableRawPointer, weight: UnsafeMutableRawPointer, result: UnsafeMutableRawPointer,
      bias: UnsafeMutableRawPointer? = nil, addend: UnsafeMutableRawPointer? = nil
    ) {
      (self.image, self.weight, self.result) = (image, weight, result)
      (self.bias, self.addend) = (bias, addend)
    }
  }

  package init(
    pass: Pass, dtype: DType, batch: Int, channels: Int, inputSize: Size2, outputs: Int, outputSize: Size2,
    kernelSize: Size2, geometry: ConvolutionGeometry, allowsTF32: Bool, hasBias: Bool = false,
    isRectified: Bool = false
  ) {
    (self.pass, self.dtype, self.batch) = (pass, dtype, batch)
    (self.channels, self.inputSize) = (channels, inputSize)
    (self.outputs, self.outputSize) = (outputs, outputSize)
    (self.kernelSize, self.geometry, self.allowsTF32) = (kernelSize, geometry, allowsTF32)
    (self.hasBias, self.isRectified) = (hasBias, isRectified)
  }
}
