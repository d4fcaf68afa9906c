import Foundation
import NNCore
import NNFiles

/// CIFAR-10 or CIFAR-100 as it lies on disk.
package struct CIFARFiles {
  static let pixelCount = 3 * 32 * 32
  /// Bounds: the official archives have 170 MB, and 8 files or fewer of 184 MB in all.
  package static let archiveLimit = 192 << 20
  package static let contentLimit = 1 << 28
  package static let entryLimit = 100

  package enum Layout: CaseIterable {
    /// `data_batch_1.bin`, …: records of labels and pixels.
    case binary
    /// `data_batch_1`, …: Python pickles, as torchvision has them.
    case python
  }

  let version: CIFARVersion
  let folder: String
  let layout: Layout

  private static func folderName(_ version: CIFARVersion, _ layout: Layout) -> String {
    layout == .binary ? version.binaryFolder : version.pickleFolder
  }

  private static func fileName(_ batch: String, _ layout: Layout) -> String {
    layout == .binary ? "\(batch).bin" : batch
  }

  /// The layout that `root` holds or is, the binary one first.
  package static func find(_ version: CIFARVersion, in root: String) -> CIFARFiles? {
    for layout in Layout.allCases {
      var isFolder: ObjCBool = false
      let inside = "\(root)/\(folderName(version, layout))"
      if FileManager.default.fileExists(atPath: inside, isDirectory: &isFolder), isFolder.boolValue {
        return CIFARFiles(version: version, folder: inside, layout: layout)
      }
    }
    for layout in Layout.allCases {
      let batches = [version.trainFiles[0], version.testFiles[0]]
      let isHere = batches.contains {
        var isFolder: ObjCBool = false
        let path = "\(root)/\(fileName($0, layout))"
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
      }
      if isHere { return CIFARFiles(version: version, folder: root, layout: layout) }
    }
    return nil
  }

  /// Finds the files, or downloads them first.
  package static func open(
    _ version: CIFARVersion, in root: String, download source: Source?,
    progress: ((DownloadProgress) -> Void)?
  ) throws -> CIFARFiles {
    if let source, find(version, in: root) == nil {
      try source.install(version, into: root, progress: progress)
    }
    guard let files = find(version, in: root) else {
      throw DatasetError.notFound(
        folder: root, expected: "\(version.binaryFolder) or \(version.pickleFolder)")
    }
    return files
  }

  package func batches(train: Bool) throws -> [Batch] {
    try (train ? version.trainFiles : version.testFiles).map { name in
      let path = "\(folder)/\(CIFARFiles.fileName(name, layout))"
      switch layout {
      case .binary: return try CIFARFiles.binaryBatch(version, path)
      case .python: return try CIFARFiles.pythonBatch(version, path)
      }
    }
  }

  /// An archive somewhere on the net.
  package struct Source: Sendable {
    package var url: String
    package var checksum: Checksum

    package init(url: String, checksum: Checksum) {
      self.url = url
      self.checksum = checksum
    }

    func install(
      _ version: CIFARVersion, into root: String, progress: ((DownloadProgress) -> Void)? = nil
    ) throws {
      try FileError.makeFolder(root)
      let name = folderAndName(url).name
      let archive = "\(root)/\(isPlainFileName(name) ? name : "\(version.name)-python.tar.gz")"
      try Downloader().download(
        url, to: archive, checksum: checksum, maximumBytes: CIFARFiles.archiveLimit, progress: progress)
      try CIFARFiles.install(version, archive: archive, into: root)
    }
  }

  /// Unpacks an archive of either layout; all files are read before the folder gets its name.
  package static func install(_ version: CIFARVersion, archive: String, into root: String) throws {
    let limits = TarArchive.Limits(totalBytes: contentLimit, entries: entryLimit)
    try TarArchive.withExtracted(archive, beside: root, limits: limits) { temporary in
      let layout: Layout =
        FileManager.default.fileExists(atPath: "\(temporary)/\(version.pickleFolder)") ? .python : .binary
      let name = folderName(version, layout)
      let files = CIFARFiles(version: version, folder: "\(temporary)/\(name)", layout: layout)
      for train in [true, false] { _ = try files.batches(train: train) }
      try TarArchive.move(files.folder, to: "\(root)/\(name)")
    }
  }
}
