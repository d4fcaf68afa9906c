import NNCore

/// Which of the two data sets, and how its files are laid out.
package struct CIFARVersion: Sendable {
  /// What a label is among the bytes before the pixels of a record, and in the pickles.
  struct Labels: Sendable {
    let byte: Int
    let key: String
    let count: Int
  }

  let name: String
  /// Label bytes before the pixels of a record.
  let labelBytes: Int
  let labels: Labels
  /// Labels that are checked and not used.
  let otherLabels: [Labels]
  let trainFiles: [String]
  let testFiles: [String]
  package var archive: CIFARFiles.Source

  var pickleFolder: String { "\(name)-\(name == "cifar-10" ? "batches-py" : "python")" }
  var binaryFolder: String { "\(name)-\(name == "cifar-10" ? "batches-bin" : "binary")" }

  package static let cifar10 = CIFARVersion(
    name: "cifar-10", labelBytes: 1, labels: Labels(byte: 0, key: "labels", count: 10), otherLabels: [],
    trainFiles: (1...5).map { "data_batch_\($0)" }, testFiles: ["test_batch"],
    archive: CIFARFiles.Source(
      url: "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
      checksum: .md5("c58f30108f718f92721af3b95e74349a")))

  package static let cifar100 = CIFARVersion(
    name: "cifar-100", labelBytes: 2, labels: Labels(byte: 1, key: "fine_labels", count: 100),
    otherLabels: [Labels(byte: 0, key: "coarse_labels", count: 20)], trainFiles: ["train"],
    testFiles: ["test"],
    archive: CIFARFiles.Source(
      url: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
      checksum: .md5("eb9058c3a382ffc7106e4002c42a8d85")))
}

extension CIFARVersion: PublishedFiles {
  package func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int]) {
    let files = try CIFARFiles.open(self, in: root, download: download ? archive : nil, progress: progress)
    return CIFARFiles.joined(try files.batches(train: train))
  }
}
