import NNCore
import NNFiles

/// Describable Textures: 5,640 photographs of 47 textures, a third each for training, validation and test.
///
/// Cimpoi et al., Describing Textures in the Wild, 2014; https://www.robots.ox.ac.uk/~vgg/data/dtd. As
/// `torchvision.datasets.DTD`: in `dtd/dtd`, a download of 625 MB.
public enum DTD {
  private static let archive = PublishedArchive(
    "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
    md5: "fff73e5086ae6bdbea199a49dfb8a4c1")

  /// Opens one part.
  ///
  /// - Parameters:
  ///   - root: the folder that holds `dtd`.
  ///   - part: which images.
  ///   - partition: which of the ten ways to divide them, 1...10.
  ///   - download: downloads it if it is not there, checks its MD5 and unpacks it.
  ///   - transform: what is done to each image; it must bring them to one size.
  ///   - progress: is told how far the download is.
  ///
  /// Throws ``DatasetError``, `FileError`, ``DownloadError`` or ``ArchiveError``.
  public static func open(
    root: String, part: PublishedPart = .train, partition: Int = 1, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    require((1...10).contains(partition), "DTD", "expected a partition in 1...10, got \(partition)")
    let folder = "\(root)/dtd/dtd"
    try archive.provide(folder, in: "\(root)/dtd", download: download, progress)
    let name = part == .validation ? "val" : part.rawValue
    let list = "\(folder)/labels/\(name)\(partition).txt"
    let files = try PublishedList.lines(list).map { line in
      guard let parts = componentsBelow(line.text), parts.count == 2 else {
        throw PublishedList.malformed(
          list, line.number, "a texture and a file, such as dots/dots_1.jpg", line.text)
      }
      return (path: "images/\(line.text)", label: parts[0])
    }
    return try ImageFolder(folder, files: files, transform: transform)
  }
}
