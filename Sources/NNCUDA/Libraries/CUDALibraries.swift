import Foundation
import NNCore

/// NVIDIA's libraries, opened: the driver first, which tells for which CUDA the others may be.
struct CUDALibraries: Sendable {
  let driver: DriverFunctions
  let nvrtc: NVRTCFunctions
  let cublas: CUBLASFunctions
  let cudnn: CUDNNFunctions

  /// The driver of this process, or why there is none. This much is cheap where there is no GPU.
  static let installedDriver = openDriver(search)
  /// The libraries of this process, or what is missing.
  static let installed = Result(catchingCUDA: { try CUDALibraries(installedDriver, found) })
  /// What was found of each library.
  static var reports: [CUDALibrary] {
    [installedDriver.report] + found.values.map(\.report).sorted { $0.order < $1.order }
  }

  private static let search = LibrarySearch(environment: ProcessInfo.processInfo.environment)
  private static let found = openOthers(search, driver: installedDriver)

  /// A library and what is told of it.
  struct Found<Functions: Sendable>: Sendable {
    var report: CUDALibrary
    /// What is called, or why it cannot be.
    var functions: Result<Functions, CUDAError>
  }

  private init(_ driver: Found<DriverFunctions>, _ others: [CUDALibrary.Name: Found<DynamicLibrary>]) throws {
    self.driver = try driver.functions.get()
    func library(_ name: CUDALibrary.Name) throws -> DynamicLibrary {
      guard let found = others[name] else { throw CUDAError("\(name.rawValue) was not looked for") }
      return try found.functions.get()
    }
    nvrtc = try NVRTCFunctions(library(.nvrtc))
    _ = try library(.cublasLt)
    cublas = try CUBLASFunctions(library(.cublas))
    cudnn = try CUDNNFunctions(library(.cudnn))
  }

  /// Opens the driver and counts on at least one card.
  static func openDriver(_ search: LibrarySearch) -> Found<DriverFunctions> {
    let (library, searched) = search.open(CUDALibrary.Name.driver.fileNames)
    var report = CUDALibrary(name: .driver, path: library?.file, version: nil, searched: searched)
    guard let library else {
      return Found(report: report, functions: .failure(CUDAError(report.missing)))
    }
    let functions = Result(catchingCUDA: {
      let functions = try DriverFunctions(library)
      let version = try functions.version()
      report = CUDALibrary(
        name: .driver, path: library.file, version: "for CUDA \(version.major).\(version.minor)",
        searched: searched)
      guard version.major >= 12 else {
        throw CUDAError("the driver is for CUDA \(version.major).\(version.minor), expected 12 or newer")
      }
      let code = functions.cuInit(0)
      guard code != DriverFunctions.noDevice else {
        throw CUDAError(
          "the driver (\(printable(library.file))) finds no card; see nvidia-smi and CUDA_VISIBLE_DEVICES")
      }
      try functions.check("cuInit", code)
      var count: Int32 = 0
      try functions.check("cuDeviceGetCount", functions.cuDeviceGetCount(&count))
      guard count > 0 else { throw CUDAError("the driver (\(printable(library.file))) finds no card") }
      return functions
    })
    return Found(report: report, functions: functions)
  }

  /// Opens the other libraries, in the order in which they need each other, for no newer CUDA than the driver's.
  static func openOthers(
    _ search: LibrarySearch, driver: Found<DriverFunctions>?
  ) -> [CUDALibrary.Name: Found<DynamicLibrary>] {
    let newest = (try? driver?.functions.get().version().major) ?? Int.max
    var found: [CUDALibrary.Name: Found<DynamicLibrary>] = [:]
    for name in CUDALibrary.Name.allCases where name != .driver {
      let fileNames = name.fileNames.filter { $0.hasPrefix("libcudnn") || (Int($0.suffix(2)) ?? 0) <= newest }
      let (library, searched) = search.open(fileNames)
      let report = CUDALibrary(
        name: name, path: library?.file, version: library.flatMap { version(of: name, $0) },
        searched: searched)
      found[name] = Found(
        report: report,
        functions: library.map { .success($0) } ?? .failure(CUDAError(report.missing)))
    }
    return found
  }

  /// nil if the library does not even have the functions that are needed.
  private static func version(of name: CUDALibrary.Name, _ library: DynamicLibrary) -> String? {
    switch name {
    case .driver, .cublasLt: nil
    case .nvrtc: (try? NVRTCFunctions(library).version()).map { "\($0.major).\($0.minor)" }
    case .cublas: try? CUBLASFunctions(library).version
    case .cudnn: try? CUDNNFunctions(library).version
    }
  }
}

extension CUDALibrary {
  fileprivate var order: Int { Name.allCases.firstIndex(of: name) ?? 0 }
}

extension Result where Failure == CUDAError {
  /// Runs a body that throws no other error.
  init(catchingCUDA body: () throws -> Success) {
    do {
      self = .success(try body())
    } catch {
      self = .failure(error as? CUDAError ?? CUDAError("\(error)"))
    }
  }
}
