import NNCore

/// One of NVIDIA's libraries on this machine: where it was found and its version, or where it was looked for.
public struct CUDALibrary: Sendable, Equatable {
  /// The libraries that a GPU needs, in the order in which they are opened.
  public enum Name: String, Sendable, CaseIterable {
    case driver = "driver"
    case nvrtc = "NVRTC"
    case cublasLt = "cuBLASLt"
    case cublas = "cuBLAS"
    case cudnn = "cuDNN"

    /// Names of the file, the best one first.
    var fileNames: [String] {
      switch self {
      case .driver: ["libcuda.so.1"]
      case .nvrtc: ["libnvrtc.so.13", "libnvrtc.so.12"]
      case .cublasLt: ["libcublasLt.so.13", "libcublasLt.so.12"]
      case .cublas: ["libcublas.so.13", "libcublas.so.12"]
      case .cudnn: ["libcudnn.so.9"]
      }
    }

    /// How to get it.
    public var remedy: String {
      switch self {
      case .driver: "install NVIDIA's driver (550 or newer)"
      case .nvrtc: "pip install nvidia-cuda-nvrtc"
      case .cublasLt, .cublas: "pip install nvidia-cublas"
      case .cudnn: "pip install nvidia-cudnn-cu13"
      }
    }
  }

  public let name: Name
  /// The file that was opened, as the loader knows it; nil if there is none.
  public let path: String?
  /// Such as 13.0.48.
  public let version: String?
  /// Folders that were looked into, and files that were there but could not be opened, with the reason.
  public let searched: [String]

  /// What a report says of it: `cuDNN 9.19.0 (/opt/…/libcudnn.so.9)`, or what is missing.
  public var description: String {
    guard let path else { return missing }
    return "\(name.rawValue) \(version ?? "of unknown version") (\(printable(path)))"
  }

  /// One line: what is missing, where it was looked for, and how to get it.
  var missing: String {
    "\(name.rawValue) (\(name.fileNames.joined(separator: " or "))) was not found; looked in "
      + "\(searched.map { printable($0) }.joined(separator: ", ")); \(name.remedy), or name its folder in NN_CUDA_LIBRARIES"
  }
}
