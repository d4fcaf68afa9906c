import Foundation
import NNCore
import NNFiles

/// German traffic signs: 26,640 training and 12,630 test images of 43 signs, 15 to 250 pixels wide. Classes are called by
/// their numbers of five digits.
///
/// Stallkamp et al., Man vs. Computer: Benchmarking Machine Learning Algorithms for Traffic Sign Recognition, 2012. As
/// `torchvision.datasets.GTSRB`: in `gtsrb/GTSRB`, or else the published zip files in `gtsrb` (197, 88 and 0.1 MB), which
/// are downloaded and read without unpacking them.
public enum GTSRB {
  private static let address = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
  private static let train = PublishedArchive(
    address + "GTSRB-Training_fixed.zip", md5: "513f3c79a4c5141765e10e952eaa2478")
  private static let test = PublishedArchive(
    address + "GTSRB_Final_Test_Images.zip", md5: "c7e4e6327067d32654124b0fe9e82185")
  private static let truth = PublishedArchive(
    address + "GTSRB_Final_Test_GT.zip", md5: "fe31e9c9270bbcd7b84b7f21a9d9d9e5")

  /// Opens the training or the test images; the parameters are those of
  /// ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, train isTrain: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let folder = "\(root)/gtsrb"
    if isTrain {
      let tree = try train.tree(in: folder, unpacked: "GTSRB/Training", download: download, progress)
      return try ImageFolder(tree, below: "\(tree.root)/GTSRB/Training", transform: transform)
    }
    let tree = try test.tree(in: folder, unpacked: "GTSRB/Final_Test/Images", download: download, progress)
    var list = "\(folder)/GT-final_test.csv"
    var lists = try FileTree(folder)
    if !FileManager.default.fileExists(atPath: list) {
      lists = try truth.tree(in: folder, unpacked: "GT-final_test", download: download, progress)
      list = "\(lists.root)/GT-final_test.csv"
    }
    let table = try LabelRecords(bytes: PublishedList.bytes(list, in: lists), path: list)
    guard let name = table.names.firstIndex(of: "filename"),
      let number = table.names.firstIndex(of: "classid")
    else {
      throw FileError.malformed(
        file: "\(list):1", expected: "columns \"Filename\" and \"ClassId\"",
        found: table.names.prefix(8).map(quoted).joined(separator: ", "))
    }
    let files = try table.records.dropFirst().map { record in
      let cells = [name, number].map {
        record.values.indices.contains($0) ? record.values[$0]?.first ?? "" : ""
      }
      guard isPlainFileName(cells[0]), let label = Int(cells[1]), (0..<43).contains(label) else {
        throw PublishedList.malformed(
          list, record.line, "a file and a class from 0 to 42", cells.joined(separator: ";"))
      }
      return (path: "GTSRB/Final_Test/Images/\(cells[0])", label: className(label))
    }
    return try ImageFolder(tree, files: files, classes: (0..<43).map(className), transform: transform)
  }

  private static func className(_ number: Int) -> String { String(format: "%05d", number) }
}
