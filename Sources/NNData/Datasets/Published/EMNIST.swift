import Foundation
import NNCore
import NNFiles

/// Handwritten letters and digits in the format of ``MNIST``, in six divisions.
///
/// Cohen et al., EMNIST: an extension of MNIST to handwritten letters, 2017. As `torchvision.datasets.EMNIST`: in
/// `EMNIST/raw`, or else the published `gzip.zip` of 562 MB in it. The images lie on their side, as they were published.
public struct EMNIST: ImageDataset {
  /// The divisions.
  public enum Split: String, Sendable, CaseIterable {
    /// 62 classes: digits, capital and small letters.
    case byClass = "byclass"
    /// 47 classes: small letters that look like capitals are counted among these.
    case byMerge = "bymerge"
    /// The same classes, of equal size.
    case balanced
    /// 26 letters, from class 1 on; class 0 is empty, as in torchvision.
    case letters
    case digits, mnist

    /// Names of the classes in the order of their numbers.
    public var classes: [String] {
      func letters(_ range: ClosedRange<UInt8>) -> [String] { range.map { String(UnicodeScalar($0)) } }
      let (digits, capitals, small) = (letters(0x30...0x39), letters(0x41...0x5A), letters(0x61...0x7A))
      switch self {
      case .byClass: return digits + capitals + small
      case .byMerge, .balanced: return digits + capitals + small.filter { !"cijklmopsuvwxyz".contains($0) }
      case .letters: return ["N/A"] + small
      case .digits, .mnist: return digits
      }
    }
  }

  public let data: Tensor
  public let targets: [Int]
  public let classes: [String]
  public var transform: any Transform<Image, Tensor>

  private static let archive = PublishedArchive(
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip", md5: "58c8d27c78d21e728a6bc7b3cc06412e")

  /// Opens the training or the test images of a division.
  ///
  /// - Parameters:
  ///   - root: the folder that holds `EMNIST/raw`.
  ///   - train: the training images; otherwise the test images.
  ///   - download: downloads what is missing and checks its MD5.
  ///   - transform: what is done to each image.
  ///   - progress: is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public init(
    root: String, split: Split, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws {
    let folder = "\(root)/EMNIST/raw"
    let stem = "emnist-\(split.rawValue)-\(train ? "train" : "test")"
    let paths = ["images-idx3-ubyte", "labels-idx1-ubyte"].map { "\(folder)/\(stem)-\($0)" }
    for path in paths where !FileManager.default.fileExists(atPath: path) {
      let packed = "\(path).gz"
      if !FileManager.default.fileExists(atPath: packed) {
        let tree = try Self.archive.tree(
          in: folder, unpacked: "gzip", download: download, progress)
        let inside = "\(tree.root)/gzip/\(folderAndName(packed).name)"
        let bytes = try tree.bytes(of: inside, smallest: 0)
        try AtomicFile.write(packed) { file in try bytes.withBytes { try file.write($0) } }
      }
      try GzipFile.unpack(packed, to: path, maximumBytes: Self.unpackedLimit)
    }
    classes = split.classes
    (data, targets) = try IdxFiles.read(paths, classes: classes.count)
    self.transform = transform
  }

  /// Bound in bytes: the largest file has 547 MB.
  package static let unpackedLimit = 640 << 20
}
