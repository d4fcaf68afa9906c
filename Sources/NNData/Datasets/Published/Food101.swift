import Foundation
import NNCore
import NNFiles

/// Food: 75,750 training and 25,250 test photographs of 101 dishes.
///
/// Bossard, Guillaumin and Van Gool, Food-101 – Mining Discriminative Components with Random Forests, 2014. As
/// `torchvision.datasets.Food101`: in `food-101`, a download of 5.0 GB.
public enum Food101 {
  private static let archive = PublishedArchive(
    "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", md5: "85eeb15f3717b99a5da872d97d918f87")

  /// Opens the training or the test images; the parameters are those of
  /// ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let folder = "\(root)/food-101"
    try archive.provide(folder, in: root, download: download, progress)
    let list = "\(folder)/meta/\(train ? "train" : "test").json"
    let bytes = try PublishedList.bytes(list, in: FileTree(folder))
    guard let content = try? JSONDecoder().decode([String: [String]].self, from: Data(bytes)) else {
      throw FileError.malformed(
        file: list, expected: "lists of files by their classes", found: "another content")
    }
    let files = try content.sorted { isBefore($0.key, $1.key) }.flatMap { label, names in
      try names.map { name in
        guard componentsBelow(name) != nil else {
          throw FileError.malformed(file: list, expected: "files below the folder", found: quoted(name))
        }
        return (path: "images/\(name).jpg", label: label)
      }
    }
    return try ImageFolder(
      folder, files: files, classes: content.keys.sorted(by: isBefore), transform: transform)
  }
}
