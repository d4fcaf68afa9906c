import CNNKernels
import Foundation
import NNCore
import NNFiles

extension CIFARFiles {
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
    init(records: FileBytes, labels: [Int], labelBytes: Int) {
      self.labels = labels
      pixels = .file(records)
      start = labelBytes
      stride = labelBytes + pixelCount
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

  static func binaryBatch(_ version: CIFARVersion, _ path: String) throws -> Batch {
    let recordSize = version.labelBytes + pixelCount
    let file = try FileBytes(mapping: path)
    let bytes = file.buffer
    guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
      throw FileError.malformed(
        file: path,
        expected: "records of \(recordSize) bytes (\(version.labelBytes) of labels and 32x32x3 pixels)",
        found: "\(bytes.count) bytes")
    }
    func labels(_ kind: CIFARVersion.Labels) throws -> [Int] {
      let labels = stride(from: kind.byte, to: bytes.count, by: recordSize).map { Int(bytes[$0]) }
      try check(labels, kind, path)
      return labels
    }
    for kind in version.otherLabels { _ = try labels(kind) }
    return Batch(records: file, labels: try labels(version.labels), labelBytes: version.labelBytes)
  }

  /// A dictionary with `data`, an array of uint8 (N, 3072), and lists of N integers, one per kind of label.
  static func pythonBatch(_ version: CIFARVersion, _ path: String) throws -> Batch {
    let content = try PickleValue(contentsOf: path)
    return try FileError.naming(path) {
      func labels(_ kind: CIFARVersion.Labels) throws -> [Int] {
        let labels = content[kind.key]?.items?.compactMap(\.int) ?? []
        guard !labels.isEmpty, labels.count == content[kind.key]?.items?.count else {
          throw Malformed(
            expected: "a dictionary with a list of integers under \"\(kind.key)\"", found: content.summary)
        }
        try check(labels, kind, path)
        return labels
      }
      for kind in version.otherLabels { _ = try labels(kind) }
      let labels = try labels(version.labels)
      guard case .array(let record) = content["data"]?.kind else {
        throw Malformed(expected: "a dictionary with an array under \"data\"", found: content.summary)
      }
      let images = try record.tensor()
      guard images.dtype == .uint8, images.shape == [labels.count, pixelCount] else {
        throw Malformed(
          expected: "uint8 [\(labels.count), \(pixelCount)] under \"data\"",
          found: "\(images.dtype) \(images.shape)")
      }
      return Batch(images: images, labels: labels)
    }
  }

  private static func check(_ labels: [Int], _ kind: CIFARVersion.Labels, _ path: String) throws {
    if let place = labels.firstIndex(where: { !(0..<kind.count).contains($0) }) {
      throw FileError.malformed(
        file: path, expected: "labels from 0 to \(kind.count - 1)",
        found: "\(labels[place]) for image \(place)")
    }
  }

  /// The images of several files as uint8 (N, 32, 32, 3), and their labels.
  static func joined(_ batches: [Batch]) -> (data: Tensor, targets: [Int]) {
    var data = Tensor(uninitialized: [batches.map(\.labels.count).reduce(0, +), 32, 32, 3], dtype: .uint8)
    data.withMutableElements(of: UInt8.self) { pixels in
      guard var target = pixels.baseAddress else { return }
      for batch in batches {
        batch.withPixels { source, stride in
          nn_planes_to_pixels_u8(Int64(batch.labels.count), 3, 1024, source, Int64(stride), target)
        }
        target += batch.labels.count * pixelCount
      }
    }
    return (data, batches.flatMap(\.labels))
  }
}
