import Foundation
import NNCore

/// CIFAR-10 as it lies on disk.
package struct CIFAR10Files {
  static let pixelCount = 3 * 32 * 32
  private static let recordSize = 1 + pixelCount

  package enum Layout: String, CaseIterable {
    /// `data_batch_1.bin`, …: records of label and pixels.
    case binary = "cifar-10-batches-bin"
    /// `data_batch_1`, …: Python pickles.
    case python = "cifar-10-batches-py"

    func name(_ batch: String) -> String { self == .binary ? "\(batch).bin" : batch }
  }

  let folder: String
  let layout: Layout

  /// The version that `root` holds or is, the binary one first.
  package static func find(in root: String) -> CIFAR10Files? {
    for layout in Layout.allCases {
      var isFolder: ObjCBool = false
      let inside = "\(root)/\(layout.rawValue)"
      if FileManager.default.fileExists(atPath: inside, isDirectory: &isFolder), isFolder.boolValue {
        return CIFAR10Files(folder: inside, layout: layout)
      }
    }
    for layout in Layout.allCases {
      let batches = ["data_batch_1", "test_batch"]
      if batches.contains(where: { FileManager.default.fileExists(atPath: "\(root)/\(layout.name($0))") }) {
        return CIFAR10Files(folder: root, layout: layout)
      }
    }
    return nil
  }

  package func batches(train: Bool) throws -> [Batch] {
    let names = train ? (1...5).map { "data_batch_\($0)" } : ["test_batch"]
    return try names.map { name in
      let path = "\(folder)/\(layout.name(name))"
      switch layout {
      case .binary: return try CIFAR10Files.binaryBatch(path)
      case .python: return try CIFAR10Files.pythonBatch(path)
      }
    }
  }

  /// The content of one file.
  package struct Batch {
    package let labels: [Int]
    private let pixels: Pixels
    /// Where the first image starts, and how far apart images are.
    private let start: Int
    private let stride: Int

    private enum Pixels {
      case file(FileBytes)
      case tensor(Tensor)
    }

    /// Records as they lie in a file of the binary version.
    init(records: FileBytes, labels: [Int]) {
      self.labels = labels
      pixels = .file(records)
      start = 1
      stride = recordSize
    }

    /// Images one after the other.
    init(images: Tensor, labels: [Int]) {
      self.labels = labels
      pixels = .tensor(images)
      start = 0
      stride = pixelCount
    }

    /// Hands out the first image, channel after channel, and the distance to the next.
    func withPixels(_ body: (UnsafePointer<UInt8>, Int) -> Void) {
      switch pixels {
      case .file(let file):
        file.whole.withBytes { bytes in
          if let base = bytes.baseAddress { body(base.assumingMemoryBound(to: UInt8.self) + start, stride) }
        }
      case .tensor(let tensor):
        tensor.withElements(of: UInt8.self) { elements in
          if let base = elements.baseAddress { body(base + start, stride) }
        }
      }
    }
  }

  static func binaryBatch(_ path: String) throws -> Batch {
    let file = try FileBytes(mapping: path)
    let bytes = file.buffer
    guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
      throw FileError.malformed(
        file: path, expected: "records of \(recordSize) bytes (a label and 32x32x3 pixels)",
        found: "\(bytes.count) bytes")
    }
    let labels = stride(from: 0, to: bytes.count, by: recordSize).map { Int(bytes[$0]) }
    try check(labels, path)
    return Batch(records: file, labels: labels)
  }

  /// A dictionary with `data`, an array of uint8 (N, 3072), and `labels`, a list of N integers.
  static func pythonBatch(_ path: String) throws -> Batch {
    let content = try PickleValue(contentsOf: path)
    return try FileError.naming(path) {
      let labels = content["labels"]?.items?.compactMap(\.int) ?? []
      guard !labels.isEmpty, labels.count == content["labels"]?.items?.count else {
        throw Malformed(
          expected: "a dictionary with a list of integers under \"labels\"", found: content.summary)
      }
      guard case .array(let record) = content["data"]?.kind else {
        throw Malformed(expected: "a dictionary with an array under \"data\"", found: content.summary)
      }
      let images = try record.tensor()
      guard images.dtype == .uint8, images.shape == [labels.count, pixelCount] else {
        throw Malformed(
          expected: "uint8 [\(labels.count), \(pixelCount)] under \"data\"",
          found: "\(images.dtype) \(images.shape)")
      }
      try check(labels, path)
      return Batch(images: images, labels: labels)
    }
  }

  private static func check(_ labels: [Int], _ path: String) throws {
    if let place = labels.firstIndex(where: { !(0..<10).contains($0) }) {
      throw FileError.malformed(
        file: path, expected: "labels from 0 to 9", found: "\(labels[place]) for image \(place)")
    }
  }

  /// An archive of the binary version somewhere on the net.
  package struct Source: Sendable {
    package var url: String
    package var checksum: Checksum

    package init(url: String, checksum: Checksum) {
      self.url = url
      self.checksum = checksum
    }

    static let official = Source(
      url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      checksum: .md5("c32a1d4ab5d03f1284b67883e8d87530"))

    package func install(into root: String, progress: ((DownloadProgress) -> Void)? = nil) throws {
      do {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      } catch {
        throw FileError.unwritable(file: root, reason: "the folder cannot be made")
      }
      let archive = "\(root)/cifar-10-binary.tar.gz"
      try Downloader().download(
        url, to: archive, checksum: checksum, maximumBytes: 1 << 30, progress: progress)
      try CIFAR10Files.install(archive: archive, into: root)
    }
  }

  /// Unpacks an archive of the binary version; all six files are read before the folder gets its name.
  package static func install(archive: String, into root: String) throws {
    // The official archive holds 184 MB.
    let limits = TarArchive.Limits(totalBytes: 1 << 28, entries: 100)
    try TarArchive.withExtracted(archive, beside: root, limits: limits) { temporary in
      let files = CIFAR10Files(folder: "\(temporary)/\(Layout.binary.rawValue)", layout: .binary)
      for train in [true, false] { _ = try files.batches(train: train) }
      try TarArchive.move(files.folder, to: "\(root)/\(Layout.binary.rawValue)")
    }
  }
}
