import NNCore

/// Convolutions by cuDNN. For each one that comes up, descriptors are made and an algorithm is chosen once: of those that give
/// the same bits every time, the fastest on this card, which the cache remembers for later runs. The driver's lock is
/// held by whoever calls.
final class CardConvolutions {
  private unowned let driver: CardDriver
  let cudnn: CUDNNFunctions
  let handle: Handle
  private let rectifier: Handle
  private let identity: Handle
  private var plans: [CUDAConvolution: ConvolutionPlan] = [:]
  private let workspace: Workspace

  /// Algorithms that ask for more are not considered.
  private static let mostWorkspace = 1 << 30
  /// How many of cuDNN's proposals are timed, and how often.
  private static let (timedAlgorithms, timedRuns) = (4, 3)

  init(_ driver: CardDriver) throws {
    self.driver = driver
    cudnn = driver.functions.cudnn
    var handle: Handle?
    try cudnn.check("cudnnCreate", cudnn.cudnnCreate(&handle))
    guard let handle else { throw CUDAError("cudnnCreate made nothing") }
    self.handle = handle
    try cudnn.check("cudnnSetStream", cudnn.cudnnSetStream(handle, driver.stream))
    rectifier = try cudnn.activation(CUDNNFunctions.rectifier)
    identity = try cudnn.activation(CUDNNFunctions.identity)
    workspace = Workspace(driver)
  }

  func run(_ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands) throws {
    let plan = try plans[convolution] ?? make(convolution, operands)
    if convolution.pass != .forward {
      try convolve(plan, operands)
    } else if try !runFused(plan, operands) {
      try runForward(plan, operands)
    }
  }

  // MARK: Carrying out

  /// One pass without anything behind it.
  private func convolve(_ plan: ConvolutionPlan, _ operands: CUDAConvolution.Operands) throws {
    guard plan.isPlain else {
      return try cudnn.check(
        plan.call, code(plan, plan.choice, operands, workspace.bytes(plan.choice.workspace)))
    }
    let layout = PlainLayout(plan, try workspace.bytes(PlainLayout.byteCount(plan)))
    for part in plan.sources { try layout.load(part, operands, self) }
    try cudnn.check(plan.call, code(plan, plan.choice, layout.operands, layout.workspace))
    try layout.store(plan.target, operands, self)
  }

  /// - Parameter operands: In the layout of the plan's descriptors.
  private func code(
    _ plan: ConvolutionPlan, _ choice: ConvolutionPlan.Choice, _ operands: CUDAConvolution.Operands,
    _ workspace: UnsafeMutableRawPointer?
  ) -> CUDNNFunctions.Code {
    let function =
      switch plan.convolution.pass {
      case .forward: cudnn.cudnnConvolutionForward
      case .inputGradient: cudnn.cudnnConvolutionBackwardData
      case .weightGradient: cudnn.cudnnConvolutionBackwardFilter
      }
    let (first, second) = (plan.sources[0], plan.sources[1])
    return plan.withFactors { one, zero in
      function(
        handle, one, plan.descriptor(first), operands.address(first), plan.descriptor(second),
        operands.address(second), plan.operation, choice.algorithm, workspace, choice.workspace, zero,
        plan.descriptor(plan.target), operands.address(plan.target))
    }
  }

  /// Convolution, bias, addend and rectifier in one pass, where cuDNN has that.
  private func runFused(_ plan: ConvolutionPlan, _ operands: CUDAConvolution.Operands) throws -> Bool {
    guard let choice = plan.fused, let bias = operands.bias else { return false }
    let workspace = try workspace.bytes(choice.workspace)
    let code = plan.withFactors { one, zero in
      cudnn.cudnnConvolutionBiasActivationForward(
        handle, one, plan.image, operands.image, plan.weight, operands.weight, plan.operation,
        choice.algorithm, workspace, choice.workspace, operands.addend == nil ? zero : one, plan.result,
        operands.addend ?? operands.result, plan.bias, bias,
        plan.convolution.isRectified ? rectifier : identity, plan.result, operands.result)
    }
    if code == 0 { return true }
    // Up to 3999 the library refuses beforehand; then nothing was done.
    guard code < 4000 else {
      try cudnn.check("cudnnConvolutionBiasActivationForward", code)
      return false
    }
    plan.fused = nil
    return false
  }

  /// The same, one after the other.
  private func runForward(_ plan: ConvolutionPlan, _ operands: CUDAConvolution.Operands) throws {
    let convolution = plan.convolution
    var (operands, layout) = (operands, PlainLayout?.none)
    let original = operands
    if plan.isPlain {
      let plain = PlainLayout(plan, try workspace.bytes(PlainLayout.byteCount(plan)))
      for part in plan.sources { try plain.load(part, operands, self) }
      try cudnn.check(plan.call, code(plan, plan.choice, plain.operands, plain.workspace))
      (operands.result, layout) = (plain.operands.result, plain)
    } else {
      try convolve(plan, operands)
    }
    try plan.withFactors { one, zero in
      if let bias = original.bias {
        try cudnn.check(
          "cudnnAddTensor",
          cudnn.cudnnAddTensor(handle, one, plan.bias, bias, one, plan.result, operands.result))
      }
      if let addend = original.addend {
        let (call, function) =
          plan.isPlain
          ? ("cudnnTransformTensor", cudnn.cudnnTransformTensor) : ("cudnnAddTensor", cudnn.cudnnAddTensor)
        try cudnn.check(
          call,
          function(
            handle, one, plan.packed[.result] ?? plan.result, addend, one, plan.result, operands.result))
      }
      if convolution.isRectified {
        try cudnn.check(
          "cudnnActivationForward",
          cudnn.cudnnActivationForward(
            handle, rectifier, one, plan.result, operands.result, zero, plan.result, operands.result))
      }
    }
    try layout?.store(.result, original, self)
  }

  // MARK: Choosing

  private func make(
    _ convolution: CUDAConvolution, _ operands: CUDAConvolution.Operands
  ) throws -> ConvolutionPlan {
    // Channels-last first. What cuDNN has in no such form (float64) is brought into its plain layout and back.
    var plan: ConvolutionPlan?
    for isPlain in convolution.dtype == .float64 ? [true] : [false, true] where plan == nil {
      let candidate = try ConvolutionPlan(convolution, isPlain: isPlain, cudnn)
      if try choose(candidate, operands) { plan = candidate }
    }
    guard let plan else { throw CUDAError("cuDNN \(cudnn.version) has no algorithm for \(convolution.text)") }
    if convolution.hasBias, !plan.isPlain {
      // Without a rectifier this is the only algorithm that takes a bias along.
      let algorithm =
        convolution.isRectified ? plan.choice.algorithm : CUDNNFunctions.implicitPrecomputedProduct
      plan.fused = workspaceSize(plan, algorithm).map {
        ConvolutionPlan.Choice(algorithm: algorithm, mathType: plan.choice.mathType, workspace: $0)
      }
    }
    plans[convolution] = plan
    return plan
  }

  /// Sets the plan's algorithm; false if there is none.
  private func choose(_ plan: ConvolutionPlan, _ operands: CUDAConvolution.Operands) throws -> Bool {
    let key =
      "\(plan.convolution.text) \(plan.isPlain ? "plain" : "channels last") cuDNN \(cudnn.version) \(driver.card.name)"
    if let kept = driver.cache.content(key), let choice = ConvolutionPlan.Choice(kept),
      plan.convolution.allows(choice.mathType), try plan.setMathType(choice.mathType, cudnn),
      let workspace = workspaceSize(plan, choice.algorithm)
    {
      plan.choice = choice
      plan.choice.workspace = workspace
      return true
    }
    let proposals = proposals(plan)
    guard let first = proposals.first else { return false }
    // While work is recorded nothing runs, and an addend in the place of the result must not be overwritten.
    if driver.isRecording || operands.addend == operands.result {
      plan.choice = first
      return try plan.setMathType(first.mathType, cudnn)
    }
    var best: (choice: ConvolutionPlan.Choice, time: Double)?
    for choice in proposals.prefix(Self.timedAlgorithms) {
      guard let time = try time(plan, choice, operands), time < best?.time ?? .infinity else { continue }
      best = (choice, time)
    }
    guard let best, try plan.setMathType(best.choice.mathType, cudnn) else { return false }
    plan.choice = best.choice
    driver.cache.store(best.choice.content, under: key)
    return true
  }

  /// Algorithms that give the same bits every time, the most promising first.
  private func proposals(_ plan: ConvolutionPlan) -> [ConvolutionPlan.Choice] {
    let function =
      switch plan.convolution.pass {
      case .forward: cudnn.cudnnGetConvolutionForwardAlgorithm
      case .inputGradient: cudnn.cudnnGetConvolutionBackwardDataAlgorithm
      case .weightGradient: cudnn.cudnnGetConvolutionBackwardFilterAlgorithm
      }
    let most = 24
    var count: Int32 = 0
    return withUnsafeTemporaryAllocation(byteCount: most * CUDNNFunctions.Algorithm.stride, alignment: 8) {
      buffer -> [ConvolutionPlan.Choice] in
      guard let start = buffer.baseAddress,
        function(
          handle, plan.descriptor(plan.sources[0]), plan.descriptor(plan.sources[1]), plan.operation,
          plan.descriptor(plan.target), Int32(most), &count, start) == 0
      else { return [] }
      let algorithms = (0..<min(most, Int(count))).map {
        CUDNNFunctions.Algorithm(start + $0 * CUDNNFunctions.Algorithm.stride)
      }
      return algorithms.compactMap { algorithm in
        let isChosen = plan.convolution.allowsTF32 || plan.convolution.dtype == .bfloat16
        let mathType = isChosen ? algorithm.mathType : plan.convolution.mathType
        guard algorithm.status == 0, algorithm.isDeterministic, plan.convolution.allows(mathType),
          (try? plan.setMathType(mathType, cudnn)) == true,
          let workspace = workspaceSize(plan, algorithm.number)
        else { return nil }
        return ConvolutionPlan.Choice(algorithm: algorithm.number, mathType: mathType, workspace: workspace)
      }
    }
  }

  /// nil if the algorithm cannot be used.
  private func workspaceSize(_ plan: ConvolutionPlan, _ algorithm: Int32) -> Int? {
    let function =
      switch plan.convolution.pass {
      case .forward: cudnn.cudnnGetConvolutionForwardWorkspaceSize
      case .inputGradient: cudnn.cudnnGetConvolutionBackwardDataWorkspaceSize
      case .weightGradient: cudnn.cudnnGetConvolutionBackwardFilterWorkspaceSize
      }
    var size = 0
    let code = function(
      handle, plan.descriptor(plan.sources[0]), plan.descriptor(plan.sources[1]), plan.operation,
      plan.descriptor(plan.target), algorithm, &size)
    return code == 0 && size <= Self.mostWorkspace ? size : nil
  }

  /// Milliseconds of one run on the card; nil if it refuses.
  private func time(
    _ plan: ConvolutionPlan, _ choice: ConvolutionPlan.Choice, _ operands: CUDAConvolution.Operands
  ) throws -> Double? {
    guard try plan.setMathType(choice.mathType, cudnn) else { return nil }
    plan.choice = choice
    // In the plain layout what lies in memory does not matter here.
    guard
      let space = try? Optional.some(
        workspace.bytes(plan.isPlain ? PlainLayout.byteCount(plan) : choice.workspace))
    else { return nil }
    let layout = plan.isPlain ? PlainLayout(plan, space) : nil
    let (operands, bytes) = layout.map { ($0.operands, $0.workspace) } ?? (operands, space)
    guard code(plan, choice, operands, bytes) == 0 else { return nil }
    let start = driver.mark()
    for _ in 0..<Self.timedRuns {
      guard code(plan, choice, operands, bytes) == 0 else { return nil }
    }
    return start.milliseconds(until: driver.mark()) / Double(Self.timedRuns)
  }

  /// Brings images from one layout into another one.
  func transform(
    _ plan: ConvolutionPlan, _ from: Handle, _ source: UnsafeRawPointer, _ to: Handle,
    _ target: UnsafeMutableRawPointer
  ) throws {
    try plan.withFactors { one, zero in
      try cudnn.check(
        "cudnnTransformTensor", cudnn.cudnnTransformTensor(handle, one, from, source, zero, to, target))
    }
  }
}

/// Memory of the card that whoever runs may use until the next one does.
private final class Workspace {
  private unowned let driver: CardDriver
  private var address: UnsafeMutableRawPointer?
  private var byteCount = 0

  init(_ driver: CardDriver) { self.driver = driver }

  /// nil if none is asked for.
  func bytes(_ count: Int) throws -> UnsafeMutableRawPointer? {
    if count <= byteCount { return count == 0 ? nil : address }
    let size = count.rounded(upTo: 2 << 20)
    guard let new = driver.allocate(size) else {
      throw CUDAError("out of memory: \(size) bytes asked for as a workspace of cuDNN")
    }
    // A recording may go on using the former one.
    if let address, !driver.hasRecorded { driver.free(address) }
    (address, byteCount) = (new, size)
    return new
  }
}
