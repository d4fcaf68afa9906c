import Foundation
import NNCore
import NNFiles

/// Faces: 28,709 training and 7,178 test images of seven expressions, 48x48 pixels in gray.
///
/// Goodfellow et al., Challenges in Representation Learning, 2013. As `torchvision.datasets.FER2013`: `fer2013.csv` or
/// `icml_face_data.csv` in the folder `fer2013`, or `train.csv` for the training images alone. They are on Kaggle, for those
/// who accept its terms, so they are not downloaded.
public struct FER2013: PublishedDataset {
  public let data: Tensor
  public let targets: [Int]
  public var transform: any Transform<Image, Tensor>
  public static var files: any PublishedFiles { FER2013Files() }

  public static let classNames = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]

  public init(data: Tensor, targets: [Int], transform: any Transform<Image, Tensor>) {
    (self.data, self.targets, self.transform) = (data, targets, transform)
  }
}

struct FER2013Files: PublishedFiles {
  private static let side = 48

  func read(
    from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
  ) throws -> (data: Tensor, targets: [Int]) {
    let folder = "\(root)/fer2013"
    let names = ["fer2013.csv", "icml_face_data.csv"] + (train ? ["train.csv"] : [])
    guard let name = names.first(where: { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }) else {
      throw DatasetError.notFound(
        folder: folder, expected: "\(names.joined(separator: " or ")) (from Kaggle, not downloaded)")
    }
    let path = "\(folder)/\(name)"
    let table = try LabelRecords(contentsOf: path)
    func column(_ name: String) throws -> Int {
      guard let place = table.names.firstIndex(of: name) else {
        throw FileError.malformed(
          file: "\(path):1", expected: "a column \(quoted(name))",
          found: table.names.prefix(5).map(quoted).joined(separator: ", "))
      }
      return place
    }
    let (label, pixels) = (try column("emotion"), try column("pixels"))
    let usage = name == "train.csv" ? nil : try column("usage")
    let wanted: Set<String> = train ? ["Training"] : ["PublicTest", "PrivateTest"]
    var (values, targets): ([UInt8], [Int]) = ([], [])
    for record in table.records.dropFirst() {
      func cell(_ column: Int) -> String {
        record.values.indices.contains(column)
          ? record.values[column]?.first?.trimmingCharacters(in: .whitespaces) ?? "" : ""
      }
      if let usage, !wanted.contains(cell(usage)) { continue }
      func bad(_ expected: String, _ found: String) -> FileError {
        .malformed(file: "\(path):\(record.line)", expected: expected, found: quoted(found))
      }
      guard let target = Int(cell(label)), FER2013.classNames.indices.contains(target) else {
        throw bad("an expression from 0 to 6", cell(label))
      }
      let start = values.count
      for text in cell(pixels).split(separator: " ") {
        guard let value = UInt8(text) else { throw bad("pixels from 0 to 255", String(text)) }
        values.append(value)
      }
      guard values.count - start == Self.side * Self.side else {
        throw bad("\(Self.side * Self.side) pixels", "\(values.count - start)")
      }
      targets.append(target)
    }
    guard !targets.isEmpty else {
      throw DatasetError.mismatch(
        file: path, expected: train ? "training images" : "test images", found: "none")
    }
    return (Tensor(values, shape: [targets.count, Self.side, Self.side, 1]), targets)
  }
}
