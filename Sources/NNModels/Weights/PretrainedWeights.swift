import Foundation
import NNCore
import NNData

/// Where the official ImageNet weights of an architecture are, and how they get here.
///
/// A file is looked for in the folder named by the environment variable `NN_HUB_DIR` (if set) and in PyTorch's own
/// cache (`$TORCH_HOME/hub/checkpoints`, by default `~/.cache/torch/hub/checkpoints`), and otherwise downloaded into
/// the first of them.
public struct PretrainedWeights: Sendable {
  /// Architecture as `model(_:)` knows it.
  public let architecture: String
  /// torchvision's file name; the digits behind the dash begin the file's SHA-256.
  public let fileName: String

  /// Official weights by architecture (torchvision 0.24, IMAGENET1K_V1).
  public static let all: [PretrainedWeights] = [
    PretrainedWeights(architecture: "resnet18", fileName: "resnet18-f37072fd.pth"),
    PretrainedWeights(architecture: "squeezenet1_0", fileName: "squeezenet1_0-b66bff10.pth"),
    PretrainedWeights(architecture: "squeezenet1_1", fileName: "squeezenet1_1-b8a52dc0.pth"),
  ]

  /// The official weights of an architecture, nil if none are known.
  public static func official(for architecture: String) -> PretrainedWeights? {
    all.first { $0.architecture == architecture }
  }

  /// The official address.
  public var url: String { "https://download.pytorch.org/models/\(fileName)" }

  /// Folders in which files are looked for, the first also for downloads.
  public static var folders: [String] {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["HOME"] ?? "."
    let torch = environment["TORCH_HOME"] ?? (environment["XDG_CACHE_HOME"] ?? home + "/.cache") + "/torch"
    return (environment["NN_HUB_DIR"].map { [$0] } ?? []) + [torch + "/hub/checkpoints"]
  }

  /// The file if it is on disk already.
  public var existingFile: String? {
    Self.folders.map { $0 + "/" + fileName }.first { FileManager.default.fileExists(atPath: $0) }
  }

  /// The file, downloaded and checked if it is not on disk.
  ///
  /// - Throws: `DownloadError`, `FileError`.
  public func file(
    downloader: Downloader = Downloader(), progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> String {
    if let existingFile { return existingFile }
    let folder = Self.folders[0]
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/" + fileName
    let digits = fileName.split(separator: "-").last?.split(separator: ".").first ?? ""
    try downloader.download(url, to: path, checksum: .sha256Prefix(String(digits)), progress: progress)
    return path
  }
}
