import Foundation
import NNCore
import NNFiles

/// Ten classes of ImageNet that are easy to tell apart, about 9,500 training and 3,900 validation photographs.
///
/// https://github.com/fastai/imagenette. As `torchvision.datasets.Imagenette`.
public enum Imagenette {
  /// Shorter side of the images.
  public enum Size: String, Sendable, CaseIterable {
    case full = "imagenette2"
    case pixels320 = "imagenette2-320"
    case pixels160 = "imagenette2-160"

    var checksum: Checksum {
      switch self {
      case .full: .md5("fe2fc210e6bb7c5664d602c3cd71e612")
      case .pixels320: .md5("3df6f0d01a2c9592104656642f5e78a3")
      case .pixels160: .md5("e793b78cc4c9e9a4ccc0c1155377a412")
      }
    }
  }

  /// Bounds, packed and unpacked alike: the largest archive has 1.6 GB of 13,394 photographs, which hardly pack.
  package static let archiveLimit = 2 << 30
  package static let entryLimit = 50_000

  /// Names of the classes by the folders they are in.
  static let names = [
    "n01440764": "tench", "n02102040": "English springer", "n02979186": "cassette player",
    "n03000684": "chain saw", "n03028079": "church", "n03394916": "French horn", "n03417042": "garbage truck",
    "n03425413": "gas pump", "n03445777": "golf ball", "n03888257": "parachute",
  ]

  /// Opens the training or the validation images.
  ///
  /// - Parameters:
  ///   - root: The folder that holds `imagenette2`, `imagenette2-320` or `imagenette2-160`.
  ///   - train: The training images; otherwise those for validation.
  ///   - size: Which of the three.
  ///   - download: If it is not there, downloads it (1.6 GB, 342 MB, 99 MB), checks its MD5 and unpacks it.
  ///   - transform: What is done to each image; it must bring them to one size.
  ///   - progress: Is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public static func open(
    root: String, train: Bool = true, size: Size = .full, download: Bool = false,
    transform: any Transform<Image, Tensor>,
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let url = "https://s3.amazonaws.com/fast-ai-imageclas/\(size.rawValue).tgz"
    return try open(
      root: root, train: train, size: size, download: download ? (url, size.checksum) : nil,
      transform: transform, progress: progress)
  }

  package static func open(
    root: String, train: Bool, size: Size, download: (url: String, checksum: Checksum)?,
    transform: any Transform<Image, Tensor>, progress: ((DownloadProgress) -> Void)? = nil
  ) throws -> ImageFolder {
    let folder = "\(root)/\(size.rawValue)"
    if let download, !FileManager.default.fileExists(atPath: folder) {
      try FileError.makeFolder(root)
      let archive = "\(folder).tgz"
      try Downloader().download(
        download.url, to: archive, checksum: download.checksum, maximumBytes: archiveLimit, progress: progress
      )
      try TarArchive.extract(
        archive, into: root, limits: .init(totalBytes: archiveLimit, entries: entryLimit))
    }
    guard FileManager.default.fileExists(atPath: folder) else {
      throw DatasetError.notFound(folder: root, expected: "\(size.rawValue) or a download")
    }
    let images = "\(folder)/\(train ? "train" : "val")"
    let tree = try FileTree(images)
    let folders = try ImageFolder.folders(of: images, in: tree)
    return try ImageFolder(
      images, tree, classes: folders.map { names[$0] ?? $0 }, names: folders, mode: .rgb,
      transform: transform,
      allowEmpty: false)
  }
}
