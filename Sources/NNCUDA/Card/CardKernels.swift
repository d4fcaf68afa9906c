import NNCore

/// The kernels of one card by number: a file is compiled, or taken from the cache, when the first of its kernels is needed.
/// The driver's lock is held by whoever calls.
final class CardKernels {
  private let cuda: DriverFunctions
  private let compiler: KernelCompiler
  private let target: KernelCompiler.Target
  private let cache: KernelCache
  private var functions: [Handle?] = []
  private var modules: [String: Handle] = [:]

  init(
    _ cuda: DriverFunctions, _ compiler: KernelCompiler, capability: (major: Int, minor: Int),
    cache: KernelCache
  ) throws {
    self.cuda = cuda
    self.compiler = compiler
    self.cache = cache
    target = try compiler.target(for: capability)
  }

  /// - Throws: `CUDAError` if the file cannot be compiled or has no such kernel.
  func function(_ kernel: CUDAKernel) throws -> Handle {
    if kernel.number < functions.count, let function = functions[kernel.number] { return function }
    var function: Handle?
    try cuda.check(
      "cuModuleGetFunction of \(kernel.name)",
      cuda.cuModuleGetFunction(&function, module(kernel.file), kernel.name))
    guard let function else { throw CUDAError("\(kernel.file) has no kernel \(kernel.name)") }
    functions += Array(repeating: nil, count: max(0, kernel.number + 1 - functions.count))
    functions[kernel.number] = function
    return function
  }

  private func module(_ file: String) throws -> Handle {
    if let module = modules[file] { return module }
    let key = try key(file)
    var module: Handle?
    // The driver refuses what it cannot use, such as a file made on another machine: it is made again.
    if let image = cache.content(key), cuda.cuModuleLoadData(&module, image) == 0, let module {
      modules[file] = module
      return module
    }
    let image = try compiler.compile(file, for: target).bytes
    try cuda.check("loading the kernels of \(file)", cuda.cuModuleLoadData(&module, image))
    guard let module else { throw CUDAError("the driver loaded nothing of \(file)") }
    cache.store(image, under: key)
    modules[file] = module
    return module
  }

  /// Everything that an image depends on.
  private func key(_ file: String) throws -> String {
    guard let program = compiler.sources.programs.first(where: { $0.name == file }) else {
      throw CUDAError("there is no kernel file \(file)")
    }
    let version = compiler.nvrtc.version()
    return "\(file) \(compiler.sources.fingerprint(of: program)) \(target.options.joined(separator: " ")) "
      + "NVRTC \(version.major).\(version.minor)"
  }
}
