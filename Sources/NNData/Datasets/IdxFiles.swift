import Foundation
import NNCore
import NNFiles

/// The four files of MNIST and of the data sets made after it.
package struct IdxFiles: PublishedFiles {
  /// Folder below the root.
  let folder: String
  /// Where the files are on the net, with a slash at the end.
  let address: String
  /// MD5 of the packed files: training images and labels, test images and labels.
  let checksums: [String]

  package init(folder: String, address: String, checksums: [String]) {
    self.folder = folder
    self.address = address
    self.checksums = checksums
  }

  /// Bounds in bytes: the largest official file has 26.4 MB, and 47 MB unpacked.
  package static let packedLimit = 32 << 20
  package static let unpackedLimit = 64 << 20

  private static let names = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  static let mnist = IdxFiles(
    folder: "MNIST/raw", address: "https://ossci-datasets.s3.amazonaws.com/mnist/",
    checksums: [
      "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
      "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
    ])
  static let fashionMNIST = IdxFiles(
    folder: "FashionMNIST/raw",
    address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    checksums: [
      "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
      "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
    ])
  static let kmnist = IdxFiles(
    folder: "KMNIST/raw", address: "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    checksums: [
      "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
      "5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134",
    ])

  /// The images as uint8 (N, H, W, 1), and their labels.
  package func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int]) {
    let places = download ? Array(0..<4) : train ? [0, 1] : [2, 3]
    for place in places { try provide(place, root, download: download, progress) }
    return try Self.read((train ? [0, 1] : [2, 3]).map { path(root, $0) }, classes: 10)
  }

  /// - Parameter paths: of images and labels.
  static func read(_ paths: [String], classes: Int) throws -> (data: Tensor, targets: [Int]) {
    let (images, labels) = (try IdxFile.read(paths[0], rank: 3), try IdxFile.read(paths[1], rank: 1))
    let targets = labels.array(of: UInt8.self).map { Int($0) }
    guard images.shape[0] == targets.count else {
      throw DatasetError.mismatch(
        file: paths[1], expected: "\(images.shape[0]) labels, one per image", found: "\(targets.count)")
    }
    guard images.shape[1] > 0, images.shape[2] > 0 else {
      throw DatasetError.mismatch(file: paths[0], expected: "images", found: "shape \(images.shape)")
    }
    if let place = targets.firstIndex(where: { $0 >= classes }) {
      throw DatasetError.mismatch(
        file: paths[1], expected: "labels from 0 to \(classes - 1)",
        found: "\(targets[place]) for image \(place)")
    }
    return (images.unsqueeze(3), targets)
  }

  private func path(_ root: String, _ place: Int) -> String { "\(root)/\(folder)/\(Self.names[place])" }

  /// Unpacks a file that is there only packed, and downloads one that is not there at all.
  private func provide(
    _ place: Int, _ root: String, download: Bool, _ progress: ((DownloadProgress) -> Void)?
  ) throws {
    let path = path(root, place)
    if FileManager.default.fileExists(atPath: path) { return }
    let packed = "\(path).gz"
    if download {
      try FileError.makeFolder("\(root)/\(folder)")
      try Downloader().download(
        "\(address)\(Self.names[place]).gz", to: packed, checksum: .md5(checksums[place]),
        maximumBytes: Self.packedLimit, progress: progress)
    }
    guard FileManager.default.fileExists(atPath: packed) else {
      throw DatasetError.notFound(
        folder: "\(root)/\(folder)", expected: "\(Self.names[place]) or \(Self.names[place]).gz")
    }
    try GzipFile.unpack(packed, to: path, maximumBytes: Self.unpackedLimit)
  }
}
