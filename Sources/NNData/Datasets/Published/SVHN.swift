import Foundation
import NNCore
import NNFiles

/// House numbers: 73,257 training and 26,032 test images of ten digits, 32x32 pixels in colour.
///
/// Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011;
/// http://ufldl.stanford.edu/housenumbers. As `torchvision.datasets.SVHN`: `train_32x32.mat` and `test_32x32.mat` in the
/// folder, downloads of 182 and 64 MB. The label 10 of the files, which stands for the digit 0, is 0.
public struct SVHN: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { SVHNFiles() }

  public static let classNames = (0...9).map { "\($0)" }

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}

struct SVHNFiles: PublishedFiles {
  private static let train = PublishedArchive(
    "http://ufldl.stanford.edu/housenumbers/train_32x32.mat", md5: "e26dedcc434d2e4c54c9b2d4a06d8373")
  private static let test = PublishedArchive(
    "http://ufldl.stanford.edu/housenumbers/test_32x32.mat", md5: "eb5a983be6a315427106f1b164d9cef3")

  func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int]) {
    let file = train ? Self.train : Self.test
    let path = "\(root)/\(file.name)"
    if !FileManager.default.fileExists(atPath: path) {
      guard download else {
        throw DatasetError.notFound(folder: root, expected: "\(file.name) or a download")
      }
      try file.download(into: root, progress)
    }
    let content = try MATFile(contentsOf: path)
    let (shape, bytes) = try content.bytes("X")
    let labels = try content.integers("y")
    guard shape.count == 4, shape[0] == 32, shape[1] == 32, shape[2] == 3, shape[3] == labels.count else {
      throw DatasetError.mismatch(
        file: path, expected: "X of 32x32x3x\(labels.count)", found: "\(shape)")
    }
    if let place = labels.firstIndex(where: { !(1...10).contains($0) }) {
      throw DatasetError.mismatch(
        file: path, expected: "labels from 1 to 10", found: "\(labels[place]) for image \(place)")
    }
    return (
      bytes.withBytes { Tensor(columnMajor: $0, count: labels.count, channels: 3, side: 32) },
      labels.map { $0 % 10 }
    )
  }
}

extension Tensor {
  /// Images whose channels lie one after the other, each column by column, as uint8 (N, H, W, C).
  init(columnMajor bytes: UnsafeRawBufferPointer, count: Int, channels: Int, side: Int) {
    self.init(uninitialized: [count, side, side, channels], dtype: .uint8)
    withMutableElements(of: UInt8.self) { pixels in
      let size = side * side
      for image in 0..<count {
        let start = image * size * channels
        for channel in 0..<channels {
          for x in 0..<side {
            for y in 0..<side {
              pixels[start + (y * side + x) * channels + channel] =
                bytes[start + channel * size + x * side + y]
            }
          }
        }
      }
    }
  }
}
