/// A handle of one of NVIDIA's libraries: a context, a stream, a module, a descriptor.
typealias Handle = UnsafeMutableRawPointer

/// What is used of the driver's interface. Names and parameters are those of NVIDIA's documentation; `_v2` is what its
/// header makes of a name without a number. An address on the card is passed as a pointer of the same bits.
struct DriverFunctions: Sendable {
  typealias Address = UnsafeMutableRawPointer
  /// 0 is success.
  typealias Code = Int32

  static let outOfMemory: Code = 2
  static let noDevice: Code = 100

  let cuInit: @convention(c) (UInt32) -> Code
  let cuDriverGetVersion: @convention(c) (UnsafeMutablePointer<Int32>?) -> Code
  let cuGetErrorName: @convention(c) (Code, UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> Code
  let cuGetErrorString: @convention(c) (Code, UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> Code
  let cuDeviceGetCount: @convention(c) (UnsafeMutablePointer<Int32>?) -> Code
  let cuDeviceGet: @convention(c) (UnsafeMutablePointer<Int32>?, Int32) -> Code
  let cuDeviceGetName: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32) -> Code
  let cuDeviceGetAttribute: @convention(c) (UnsafeMutablePointer<Int32>?, Int32, Int32) -> Code
  let cuDeviceTotalMem: @convention(c) (UnsafeMutablePointer<Int>?, Int32) -> Code
  let cuDevicePrimaryCtxRetain: @convention(c) (UnsafeMutablePointer<Handle?>?, Int32) -> Code
  let cuCtxSetCurrent: @convention(c) (Handle?) -> Code
  let cuStreamCreate: @convention(c) (UnsafeMutablePointer<Handle?>?, UInt32) -> Code
  let cuStreamSynchronize: @convention(c) (Handle?) -> Code
  let cuMemAlloc: @convention(c) (UnsafeMutablePointer<Address?>?, Int) -> Code
  let cuMemFree: @convention(c) (Address?) -> Code
  let cuMemGetInfo: @convention(c) (UnsafeMutablePointer<Int>?, UnsafeMutablePointer<Int>?) -> Code
  let cuMemAllocHost: @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>?, Int) -> Code
  let cuMemcpyHtoDAsync: @convention(c) (Address?, UnsafeRawPointer?, Int, Handle?) -> Code
  let cuMemcpyDtoHAsync: @convention(c) (UnsafeMutableRawPointer?, Address?, Int, Handle?) -> Code
  let cuMemcpyDtoDAsync: @convention(c) (Address?, Address?, Int, Handle?) -> Code
  let cuMemsetD8Async: @convention(c) (Address?, UInt8, Int, Handle?) -> Code
  let cuModuleLoadData: @convention(c) (UnsafeMutablePointer<Handle?>?, UnsafeRawPointer?) -> Code
  let cuModuleGetFunction:
    @convention(c) (UnsafeMutablePointer<Handle?>?, Handle?, UnsafePointer<CChar>?) -> Code
  let cuFuncSetAttribute: @convention(c) (Handle?, Int32, Int32) -> Code
  /// Function, grid (3), block (3), bytes of dynamic shared memory, stream, addresses of the arguments, extra.
  let cuLaunchKernel:
    @convention(c) (
      Handle?, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, Handle?,
      UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Code
  let cuEventCreate: @convention(c) (UnsafeMutablePointer<Handle?>?, UInt32) -> Code
  let cuEventRecord: @convention(c) (Handle?, Handle?) -> Code
  /// 0 once the event is passed.
  let cuEventQuery: @convention(c) (Handle?) -> Code
  let cuEventSynchronize: @convention(c) (Handle?) -> Code
  let cuEventElapsedTime: @convention(c) (UnsafeMutablePointer<Float>?, Handle?, Handle?) -> Code
  let cuEventDestroy: @convention(c) (Handle?) -> Code
  let cuStreamBeginCapture: @convention(c) (Handle?, Int32) -> Code
  let cuStreamEndCapture: @convention(c) (Handle?, UnsafeMutablePointer<Handle?>?) -> Code
  let cuGraphInstantiateWithFlags: @convention(c) (UnsafeMutablePointer<Handle?>?, Handle?, UInt64) -> Code
  let cuGraphLaunch: @convention(c) (Handle?, Handle?) -> Code
  let cuGraphDestroy: @convention(c) (Handle?) -> Code
  let cuGraphExecDestroy: @convention(c) (Handle?) -> Code

  init(_ library: DynamicLibrary) throws {
    cuInit = try library.symbol("cuInit")
    cuDriverGetVersion = try library.symbol("cuDriverGetVersion")
    cuGetErrorName = try library.symbol("cuGetErrorName")
    cuGetErrorString = try library.symbol("cuGetErrorString")
    cuDeviceGetCount = try library.symbol("cuDeviceGetCount")
    cuDeviceGet = try library.symbol("cuDeviceGet")
    cuDeviceGetName = try library.symbol("cuDeviceGetName")
    cuDeviceGetAttribute = try library.symbol("cuDeviceGetAttribute")
    cuDeviceTotalMem = try library.symbol("cuDeviceTotalMem_v2")
    cuDevicePrimaryCtxRetain = try library.symbol("cuDevicePrimaryCtxRetain")
    cuCtxSetCurrent = try library.symbol("cuCtxSetCurrent")
    cuStreamCreate = try library.symbol("cuStreamCreate")
    cuStreamSynchronize = try library.symbol("cuStreamSynchronize")
    cuMemAlloc = try library.symbol("cuMemAlloc_v2")
    cuMemFree = try library.symbol("cuMemFree_v2")
    cuMemGetInfo = try library.symbol("cuMemGetInfo_v2")
    cuMemAllocHost = try library.symbol("cuMemAllocHost_v2")
    cuMemcpyHtoDAsync = try library.symbol("cuMemcpyHtoDAsync_v2")
    cuMemcpyDtoHAsync = try library.symbol("cuMemcpyDtoHAsync_v2")
    cuMemcpyDtoDAsync = try library.symbol("cuMemcpyDtoDAsync_v2")
    cuMemsetD8Async = try library.symbol("cuMemsetD8Async")
    cuModuleLoadData = try library.symbol("cuModuleLoadData")
    cuModuleGetFunction = try library.symbol("cuModuleGetFunction")
    cuFuncSetAttribute = try library.symbol("cuFuncSetAttribute")
    cuLaunchKernel = try library.symbol("cuLaunchKernel")
    cuEventCreate = try library.symbol("cuEventCreate")
    cuEventRecord = try library.symbol("cuEventRecord")
    cuEventQuery = try library.symbol("cuEventQuery")
    cuEventSynchronize = try library.symbol("cuEventSynchronize")
    cuEventElapsedTime = try library.symbol("cuEventElapsedTime")
    cuEventDestroy = try library.symbol("cuEventDestroy_v2")
    cuStreamBeginCapture = try library.symbol("cuStreamBeginCapture_v2")
    cuStreamEndCapture = try library.symbol("cuStreamEndCapture")
    cuGraphInstantiateWithFlags = try library.symbol("cuGraphInstantiateWithFlags")
    cuGraphLaunch = try library.symbol("cuGraphLaunch")
    cuGraphDestroy = try library.symbol("cuGraphDestroy")
    cuGraphExecDestroy = try library.symbol("cuGraphExecDestroy")
  }

  /// An error's name and what it means: `CUDA_ERROR_OUT_OF_MEMORY (out of memory)`.
  func name(of code: Code) -> String {
    var (name, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
    guard cuGetErrorName(code, &name) == 0, let name else { return "error \(code)" }
    guard cuGetErrorString(code, &text) == 0, let text else { return String(cString: name) }
    return "\(String(cString: name)) (\(String(cString: text)))"
  }

  /// - Throws: `CUDAError` naming the call and the error, unless the code is success.
  func check(_ call: String, _ code: Code) throws {
    guard code != 0 else { return }
    throw CUDAError("\(call) failed: \(name(of: code))")
  }

  /// The driver's CUDA version: (13, 0).
  func version() throws -> (major: Int, minor: Int) {
    var version: Int32 = 0
    try check("cuDriverGetVersion", cuDriverGetVersion(&version))
    return (Int(version) / 1000, Int(version) % 1000 / 10)
  }
}
