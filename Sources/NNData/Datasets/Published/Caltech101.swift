import Foundation
import NNCore
import NNFiles

/// Caltech 101: 8,677 photographs of 101 kinds of objects. There is no test part.
///
/// Fei-Fei, Fergus and Perona, Learning Generative Visual Models from Few Training Examples, 2004;
/// https://data.caltech.edu/records/mzrjq-6wc02. As `torchvision.datasets.Caltech101`: in `caltech101`, a download of 137 MB.
/// The class `BACKGROUND_Google` is left out.
public enum Caltech101 {
  private static let archive = PublishedArchive(
    "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
    md5: "3138e1922a9193bfa496528edbbc45d0")

  /// Opens all images; the parameters are those of ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, download: Bool = false, transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let folder = "\(root)/caltech101"
    let images = "\(folder)/101_ObjectCategories"
    if !isFolder(images) {
      let tree = try archive.tree(in: folder, unpacked: "caltech-101", download: download, progress)
      // A packed tar file in the zip file.
      let packed = "\(folder)/101_ObjectCategories.tar.gz"
      let bytes = try tree.bytes(of: "\(tree.root)/caltech-101/101_ObjectCategories.tar.gz", smallest: 0)
      try AtomicFile.write(packed) { file in try bytes.withBytes { try file.write($0) } }
      defer { unlink(packed) }
      try TarArchive.extract(
        packed, into: folder,
        limits: .init(totalBytes: PublishedArchive.contentLimit, entries: PublishedArchive.entryLimit))
    }
    let tree = try FileTree(images)
    let names = try ImageFolder.folders(of: images, in: tree).filter { $0 != "BACKGROUND_Google" }
    return try ImageFolder(tree, transform: transform, choosing: names)
  }
}
