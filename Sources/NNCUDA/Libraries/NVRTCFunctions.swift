/// What is used of NVRTC, the compiler beside the card.
struct NVRTCFunctions: Sendable {
  /// 0 is success.
  typealias Code = Int32

  static let invalidOption: Code = 5

  let nvrtcVersion: @convention(c) (UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?) -> Code
  let nvrtcGetErrorString: @convention(c) (Code) -> UnsafePointer<CChar>?
  let nvrtcGetNumSupportedArchs: @convention(c) (UnsafeMutablePointer<Int32>?) -> Code
  let nvrtcGetSupportedArchs: @convention(c) (UnsafeMutablePointer<Int32>?) -> Code
  /// Program, source, its name, and the headers: how many, their texts, their names.
  let nvrtcCreateProgram:
    @convention(c) (
      UnsafeMutablePointer<Handle?>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, Int32,
      UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?
    ) -> Code
  let nvrtcDestroyProgram: @convention(c) (UnsafeMutablePointer<Handle?>?) -> Code
  let nvrtcCompileProgram: @convention(c) (Handle?, Int32, UnsafePointer<UnsafePointer<CChar>?>?) -> Code
  let nvrtcGetCUBINSize: @convention(c) (Handle?, UnsafeMutablePointer<Int>?) -> Code
  let nvrtcGetCUBIN: @convention(c) (Handle?, UnsafeMutablePointer<CChar>?) -> Code
  let nvrtcGetPTXSize: @convention(c) (Handle?, UnsafeMutablePointer<Int>?) -> Code
  let nvrtcGetPTX: @convention(c) (Handle?, UnsafeMutablePointer<CChar>?) -> Code
  let nvrtcGetProgramLogSize: @convention(c) (Handle?, UnsafeMutablePointer<Int>?) -> Code
  let nvrtcGetProgramLog: @convention(c) (Handle?, UnsafeMutablePointer<CChar>?) -> Code

  init(_ library: DynamicLibrary) throws {
    nvrtcVersion = try library.symbol("nvrtcVersion")
    nvrtcGetErrorString = try library.symbol("nvrtcGetErrorString")
    nvrtcGetNumSupportedArchs = try library.symbol("nvrtcGetNumSupportedArchs")
    nvrtcGetSupportedArchs = try library.symbol("nvrtcGetSupportedArchs")
    nvrtcCreateProgram = try library.symbol("nvrtcCreateProgram")
    nvrtcDestroyProgram = try library.symbol("nvrtcDestroyProgram")
    nvrtcCompileProgram = try library.symbol("nvrtcCompileProgram")
    nvrtcGetCUBINSize = try library.symbol("nvrtcGetCUBINSize")
    nvrtcGetCUBIN = try library.symbol("nvrtcGetCUBIN")
    nvrtcGetPTXSize = try library.symbol("nvrtcGetPTXSize")
    nvrtcGetPTX = try library.symbol("nvrtcGetPTX")
    nvrtcGetProgramLogSize = try library.symbol("nvrtcGetProgramLogSize")
    nvrtcGetProgramLog = try library.symbol("nvrtcGetProgramLog")
  }

  func version() -> (major: Int, minor: Int) {
    var (major, minor): (Int32, Int32) = (0, 0)
    guard nvrtcVersion(&major, &minor) == 0 else { return (0, 0) }
    return (Int(major), Int(minor))
  }
}
