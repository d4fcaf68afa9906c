import NNCore

/// Makes what a card runs out of the kernels' text, with NVRTC.
struct KernelCompiler: Sendable {
  let nvrtc: NVRTCFunctions
  var sources = KernelSources.all

  /// For what a program is compiled: a card itself, or (for one that NVRTC does not know yet) code that the driver
  /// translates for it.
  struct Target: Sendable, Hashable {
    var architecture: Int
    var isForDriver: Bool

    var options: [String] {
      [
        "--gpu-architecture=\(isForDriver ? "compute" : "sm")_\(architecture)", "--std=c++17",
        "-default-device",
      ]
    }
  }

  /// What the driver loads, and what NVRTC had to say.
  struct Image {
    var bytes: [UInt8]
    var log: String
  }

  /// The best target for a card of this compute capability: code for a card runs on those of the same major number and the
  /// same or a higher minor one.
  ///
  /// - Throws: `CUDAError` if NVRTC knows only newer cards.
  func target(for capability: (major: Int, minor: Int)) throws -> Target {
    var count: Int32 = 0
    try check("nvrtcGetNumSupportedArchs", nvrtc.nvrtcGetNumSupportedArchs(&count))
    var known = [Int32](repeating: 0, count: Int(count))
    try check("nvrtcGetSupportedArchs", nvrtc.nvrtcGetSupportedArchs(&known))
    let wanted = capability.major * 10 + capability.minor
    guard let best = known.map(Int.init).filter({ $0 <= wanted }).max() else {
      let version = nvrtc.version()
      throw CUDAError(
        "NVRTC \(version.major).\(version.minor) compiles for compute capability \((known.min() ?? 0) / 10).\((known.min() ?? 0) % 10) "
          + "and newer, found a card of \(capability.major).\(capability.minor): an older NVRTC is needed")
    }
    return Target(architecture: best, isForDriver: best / 10 != capability.major)
  }

  /// Compiles one file.
  ///
  /// - Throws: `CUDAError` with NVRTC's log.
  func compile(_ name: String, for target: Target, options: [String] = []) throws -> Image {
    guard let program = sources.programs.first(where: { $0.name == name }) else {
      throw CUDAError("there is no kernel file \(name)")
    }
    let headers = sources.headers
    var handle: Handle?
    try withCStrings(headers.map(\.name)) { names in
      try withPointers(headers.map(\.text)) { texts in
        try program.text.withUnsafeBufferPointer { text in
          try check(
            "nvrtcCreateProgram",
            nvrtc.nvrtcCreateProgram(&handle, text.baseAddress, name, Int32(headers.count), texts, names))
        }
      }
    }
    defer { _ = nvrtc.nvrtcDestroyProgram(&handle) }
    let options = target.options + options
    let code = withCStrings(options) { nvrtc.nvrtcCompileProgram(handle, Int32(options.count), $0) }
    let log = (try? text(handle, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)) ?? ""
    guard code == 0 else {
      throw CUDAError("compiling \(name) (\(options.joined(separator: " "))) failed: \(reason(code))\n\(log)")
    }
    let bytes =
      try target.isForDriver
      ? read("nvrtcGetPTX", handle, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
      : read("nvrtcGetCUBIN", handle, nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN)
    return Image(bytes: bytes, log: log)
  }

  private typealias Size = @convention(c) (Handle?, UnsafeMutablePointer<Int>?) -> NVRTCFunctions.Code
  private typealias Content = @convention(c) (Handle?, UnsafeMutablePointer<CChar>?) -> NVRTCFunctions.Code

  private func read(_ call: String, _ program: Handle?, _ size: Size, _ content: Content) throws -> [UInt8] {
    var count = 0
    try check(call + "Size", size(program, &count))
    var bytes = [CChar](repeating: 0, count: count)
    try check(call, content(program, &bytes))
    return bytes.map { UInt8(bitPattern: $0) }
  }

  private func text(_ program: Handle?, _ size: Size, _ content: Content) throws -> String {
    String(decoding: try read("nvrtcGetProgramLog", program, size, content).prefix { $0 != 0 }, as: UTF8.self)
  }

  private func reason(_ code: NVRTCFunctions.Code) -> String {
    nvrtc.nvrtcGetErrorString(code).map { String(cString: $0) } ?? "error \(code)"
  }

  private func check(_ call: String, _ code: NVRTCFunctions.Code) throws {
    guard code != 0 else { return }
    throw CUDAError("\(call) failed: \(reason(code))")
  }
}

/// The addresses of strings as C takes a list of them.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) throws -> Result
) rethrows -> Result {
  try withPointers(strings.map { Array($0.utf8CString) }, body)
}

private func withPointers<Result>(
  _ texts: [[CChar]], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) throws -> Result
) rethrows -> Result {
  // All texts in one buffer, which does not move while the body runs.
  var starts: [Int] = []
  var bytes: [CChar] = []
  for text in texts {
    starts.append(bytes.count)
    bytes += text
  }
  return try bytes.withUnsafeBufferPointer { buffer in
    let pointers = starts.map { start in buffer.baseAddress.map { $0 + start } }
    return try pointers.withUnsafeBufferPointer { try body($0.baseAddress) }
  }
}
