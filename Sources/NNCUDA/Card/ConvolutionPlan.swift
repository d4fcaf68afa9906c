import NNCore

/// What cuDNN needs to carry out one convolution, made once.
final class ConvolutionPlan {
  enum Part { case image, weight, result }

  struct Choice {
    var algorithm: Int32
    var mathType: Int32
    var workspace: Int
  }

  let convolution: CUDAConvolution
  /// Whether the descriptors are of plain layout, [N, C, H, W], which the operands must be brought into.
  let isPlain: Bool
  /// Descriptors of what takes part.
  let image: Handle
  let weight: Handle
  let result: Handle
  let bias: Handle
  let operation: Handle
  /// In plain layout: descriptors of the parts as they are in memory, and as they must be.
  private(set) var packed: [Part: Handle] = [:]
  private(set) var plain: [Part: Handle] = [:]
  var choice = Choice(algorithm: 0, mathType: 0, workspace: 0)
  /// Of the pass with bias and rectifier in it.
  var fused: Choice?

  /// The parts that are read, in the order of cuDNN's functions, and the one that is written.
  var sources: [Part] {
    switch convolution.pass {
    case .forward: [.image, .weight]
    case .inputGradient: [.weight, .result]
    case .weightGradient: [.image, .result]
    }
  }
  var target: Part {
    switch convolution.pass {
    case .forward: .result
    case .inputGradient: .image
    case .weightGradient: .weight
    }
  }
  var call: String {
    switch convolution.pass {
    case .forward: "cudnnConvolutionForward of \(convolution.text)"
    case .inputGradient: "cudnnConvolutionBackwardData of \(convolution.text)"
    case .weightGradient: "cudnnConvolutionBackwardFilter of \(convolution.text)"
    }
  }

  init(_ convolution: CUDAConvolution, isPlain: Bool, _ cudnn: CUDNNFunctions) throws {
    self.convolution = convolution
    self.isPlain = isPlain
    let type: Int32
    switch convolution.dtype {
    case .bfloat16: type = CUDNNFunctions.bfloat16
    case .float32: type = CUDNNFunctions.float
    case .float64: type = CUDNNFunctions.double
    default: throw CUDAError("cuDNN convolves floating-point types here, found \(convolution.dtype)")
    }
    let format = isPlain ? CUDNNFunctions.nchw : CUDNNFunctions.nhwc
    let geometry = convolution.geometry
    let sizes: [Part: [Int]] = [
      .image: [
        convolution.batch, convolution.channels, convolution.inputSize.height, convolution.inputSize.width,
      ],
      .weight: [
        convolution.outputs, convolution.channels / geometry.groups, convolution.kernelSize.height,
        convolution.kernelSize.width,
      ],
      .result: [
        convolution.batch, convolution.outputs, convolution.outputSize.height, convolution.outputSize.width,
      ],
    ]
    func tensor(_ part: Part, _ format: Int32) throws -> Handle {
      try cudnn.tensor(format, type, sizes[part] ?? [])
    }
    image = try tensor(.image, format)
    result = try tensor(.result, format)
    weight = try cudnn.filter(format, type, sizes[.weight] ?? [])
    bias = try cudnn.tensor(format, type, [1, convolution.outputs, 1, 1])
    // Sums of bfloat16 products are float32.
    operation = try cudnn.convolution(
      geometry, convolution.dtype == .float64 ? CUDNNFunctions.double : CUDNNFunctions.float)
    if isPlain {
      for part in [Part.image, .weight, .result] {
        packed[part] = try tensor(part, CUDNNFunctions.nhwc)
        plain[part] = try tensor(part, CUDNNFunctions.nchw)
      }
    }
    _ = try setMathType(convolution.mathType, cudnn)
  }

  func descriptor(_ part: Part) -> Handle {
    switch part {
    case .image: image
    case .weight: weight
    case .result: result
    }
  }

  func setMathType(_ type: Int32, _ cudnn: CUDNNFunctions) throws -> Bool {
    try cudnn.check("cudnnSetConvolutionMathType", cudnn.cudnnSetConvolutionMathType(operation, type))
    return true
  }

  func byteCount(_ part: Part) -> Int {
    let count =
      switch part {
      case .image: convolution.batch * convolution.channels * convolution.inputSize.area
      case .weight:
        convolution.outputs * (convolution.channels / convolution.geometry.groups)
          * convolution.kernelSize.area
      case .result: convolution.batch * convolution.outputs * convolution.outputSize.area
      }
    return (count * convolution.dtype.byteCount).rounded(upTo: 512)
  }

  /// 1 and 0 in the type in which cuDNN wants its factors.
  func withFactors<Result>(
    _ body: (_ one: UnsafeRawPointer, _ zero: UnsafeRawPointer) throws -> Result
  ) rethrows -> Result {
    if convolution.dtype == .float64 {
      return try withUnsafePointer(to: 1.0) { one in try withUnsafePointer(to: 0.0) { try body(one, $0) } }
    }
    return try withUnsafePointer(to: Float(1)) { one in
      try withUnsafePointer(to: Float(0)) { try body(one, $0) }
    }
  }
}

extension ConvolutionPlan.Choice {
  /// As the cache keeps it.
  var content: [UInt8] { Array("\(algorithm) \(mathType)".utf8) }

  init?(_ content: [UInt8]) {
    let numbers = String(decoding: content, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    guard numbers.count == 2, (0..<16).contains(numbers[0]), (0..<4).contains(numbers[1]) else { return nil }
    self.init(algorithm: numbers[0], mathType: numbers[1], workspace: 0)
  }
}

/// The operands of a convolution in plain layout, in a piece of memory with the workspace behind them.
struct PlainLayout {
  private let plan: ConvolutionPlan
  let operands: CUDAConvolution.Operands
  let workspace: UnsafeMutableRawPointer?

  static func byteCount(_ plan: ConvolutionPlan) -> Int {
    plan.byteCount(.image) + plan.byteCount(.weight) + plan.byteCount(.result) + plan.choice.workspace
  }

  init(_ plan: ConvolutionPlan, _ memory: UnsafeMutableRawPointer?) {
    guard let memory else { fail("PlainLayout", "there is no memory") }
    self.plan = plan
    let weight = memory + plan.byteCount(.image)
    let result = weight + plan.byteCount(.weight)
    operands = CUDAConvolution.Operands(image: memory, weight: weight, result: result)
    workspace = result + plan.byteCount(.result)
  }

  func load(
    _ part: ConvolutionPlan.Part, _ outside: CUDAConvolution.Operands, _ convolutions: CardConvolutions
  ) throws {
    guard let from = plan.packed[part], let to = plan.plain[part] else { return }
    try convolutions.transform(plan, from, outside.address(part), to, operands.address(part))
  }

  func store(
    _ part: ConvolutionPlan.Part, _ outside: CUDAConvolution.Operands, _ convolutions: CardConvolutions
  ) throws {
    guard let from = plan.plain[part], let to = plan.packed[part] else { return }
    try convolutions.transform(plan, from, operands.address(part), to, outside.address(part))
  }
}

extension CUDAConvolution.Operands {
  func address(_ part: ConvolutionPlan.Part) -> UnsafeMutableRawPointer {
    switch part {
    case .image: image
    case .weight: weight
    case .result: result
    }
  }
}

extension CUDAConvolution {
  /// How products are to be made: with TF32, or in the element type itself.
  var mathType: Int32 {
    if dtype == .float64 { return CUDNNFunctions.defaultMath }
    if dtype == .bfloat16 { return CUDNNFunctions.tensorMath }
    return allowsTF32 ? CUDNNFunctions.tensorMath : CUDNNFunctions.fusedMultiplyAdd
  }

  /// Whether an algorithm may be used that multiplies so.
  func allows(_ mathType: Int32) -> Bool { dtype != .float32 || allowsTF32 || mathType == self.mathType }

  /// Everything that an algorithm depends on.
  var text: String {
    "\(pass) \(dtype) \(batch)x\(channels)x\(inputSize.height)x\(inputSize.width) to "
      + "\(outputs)x\(outputSize.height)x\(outputSize.width), kernel \(kernelSize.height)x\(kernelSize.width), "
      + "stride \(geometry.stride.height)x\(geometry.stride.width), "
      + "padding \(geometry.padding.height)x\(geometry.padding.width), "
      + "dilation \(geometry.dilation.height)x\(geometry.dilation.width), groups \(geometry.groups), "
      + (allowsTF32 && dtype == .float32 ? "TF32" : "exact")
  }
}

extension Size2 {
  fileprivate var area: Int { height * width }
}

extension CUDNNFunctions {
  func tensor(_ format: Int32, _ type: Int32, _ sizes: [Int]) throws -> Handle {
    let descriptor = try create("cudnnCreateTensorDescriptor", cudnnCreateTensorDescriptor)
    let n = try ints(sizes)
    try check(
      "cudnnSetTensor4dDescriptor of \(sizes)",
      cudnnSetTensor4dDescriptor(descriptor, format, type, n[0], n[1], n[2], n[3]))
    return descriptor
  }

  func filter(_ format: Int32, _ type: Int32, _ sizes: [Int]) throws -> Handle {
    let descriptor = try create("cudnnCreateFilterDescriptor", cudnnCreateFilterDescriptor)
    let n = try ints(sizes)
    try check(
      "cudnnSetFilter4dDescriptor of \(sizes)",
      cudnnSetFilter4dDescriptor(descriptor, type, format, n[0], n[1], n[2], n[3]))
    return descriptor
  }

  func convolution(_ geometry: ConvolutionGeometry, _ type: Int32) throws -> Handle {
    let descriptor = try create("cudnnCreateConvolutionDescriptor", cudnnCreateConvolutionDescriptor)
    let (padding, stride, dilation) = (geometry.padding, geometry.stride, geometry.dilation)
    let n = try ints([
      padding.height, padding.width, stride.height, stride.width, dilation.height, dilation.width,
      geometry.groups,
    ])
    try check(
      "cudnnSetConvolution2dDescriptor",
      cudnnSetConvolution2dDescriptor(
        descriptor, n[0], n[1], n[2], n[3], n[4], n[5], Self.crossCorrelation, type))
    try check("cudnnSetConvolutionGroupCount", cudnnSetConvolutionGroupCount(descriptor, n[6]))
    return descriptor
  }

  func activation(_ mode: Int32) throws -> Handle {
    let descriptor = try create("cudnnCreateActivationDescriptor", cudnnCreateActivationDescriptor)
    try check(
      "cudnnSetActivationDescriptor", cudnnSetActivationDescriptor(descriptor, mode, Self.propagatesNaN, 0))
    return descriptor
  }

  private func create(_ call: String, _ function: Create) throws -> Handle {
    var descriptor: Handle?
    try check(call, function(&descriptor))
    guard let descriptor else { throw CUDAError("\(call) made nothing") }
    return descriptor
  }

  private func ints(_ sizes: [Int]) throws -> [Int32] {
    try sizes.map {
      guard let size = Int32(exactly: $0) else {
        throw CUDAError("cuDNN takes sizes below 2^31, found \($0)")
      }
      return size
    }
  }
}
