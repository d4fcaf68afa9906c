import Foundation
import NNCore
import NNFiles

/// STL-10: 5,000 training and 8,000 test photographs of ten classes, 96x96 pixels in colour. The 100,000 without labels are
/// not read.
///
/// Coates, Lee and Ng, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, 2011;
/// https://cs.stanford.edu/~acoates/stl10. As `torchvision.datasets.STL10`: in `stl10_binary`, a download of 2.6 GB.
public struct STL10: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { STL10Files() }

  public static let classNames = [
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
  ]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}

struct STL10Files: PublishedFiles {
  private static let archive = PublishedArchive(
    "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz", md5: "91f7769df0f17e558f3565bffb0c7dfb")
  private static let side = 96

  func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int]) {
    let folder = "\(root)/stl10_binary"
    if !isFolder(folder) {
      guard download else {
        throw DatasetError.notFound(folder: root, expected: "stl10_binary or a download")
      }
      try Self.archive.install(into: root, progress)
    }
    let part = train ? "train" : "test"
    let labels = try FileBytes(mapping: "\(folder)/\(part)_y.bin").whole.withBytes { $0.map { Int($0) - 1 } }
    let path = "\(folder)/\(part)_X.bin"
    let images = try FileBytes(mapping: path).whole
    let size = 3 * Self.side * Self.side
    guard !labels.isEmpty, images.count == labels.count * size else {
      throw DatasetError.mismatch(
        file: path, expected: "\(labels.count) images of \(size) bytes, one per label",
        found: "\(images.count) bytes")
    }
    if let place = labels.firstIndex(where: { !(0..<10).contains($0) }) {
      throw DatasetError.mismatch(
        file: "\(folder)/\(part)_y.bin", expected: "labels from 1 to 10",
        found: "\(labels[place] + 1) for image \(place)")
    }
    return (
      images.withBytes { Tensor(columnMajor: $0, count: labels.count, channels: 3, side: Self.side) }, labels
    )
  }
}
