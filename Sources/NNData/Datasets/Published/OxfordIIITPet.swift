import NNCore
import NNFiles

/// Cats and dogs: 3,680 training and 3,669 test photographs of 37 breeds.
///
/// Parkhi et al., Cats and Dogs, 2012; https://www.robots.ox.ac.uk/~vgg/data/pets. As `torchvision.datasets.OxfordIIITPet`:
/// in `oxford-iiit-pet`, downloads of 792 and 19 MB.
public enum OxfordIIITPet {
  private static let images = PublishedArchive(
    "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz", md5: "5c4f3ee8e5d25df40f4fd59a7f44e54c")
  private static let annotations = PublishedArchive(
    "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
    md5: "95a8c909bbe2e81eed6a22bccdf3f68f")

  /// Opens the training or the test images; the parameters are those of
  /// ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, train: Bool = true, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let folder = "\(root)/oxford-iiit-pet"
    try images.provide("\(folder)/images", in: folder, download: download, progress)
    try annotations.provide("\(folder)/annotations", in: folder, download: download, progress)
    let list = "\(folder)/annotations/\(train ? "trainval" : "test").txt"
    var names: [Int: String] = [:]
    let files = try PublishedList.lines(list).map { line in
      // Abyssinian_100 1 1 1: file, breed, kind, breed within the kind.
      let cells = line.text.split(separator: " ").map(String.init)
      guard cells.count == 4, isPlainFileName(cells[0]), let number = Int(cells[1]),
        (1...37).contains(number),
        let cut = cells[0].lastIndex(of: "_")
      else {
        throw PublishedList.malformed(
          list, line.number, "a file and the numbers of its breed and kind", line.text)
      }
      let name = cells[0][..<cut].split(separator: "_").map {
        $0.prefix(1).uppercased() + $0.dropFirst().lowercased()
      }
      .joined(separator: " ")
      guard names[number, default: name] == name else {
        throw PublishedList.malformed(list, line.number, "the breed \(quoted(names[number] ?? ""))", name)
      }
      names[number] = name
      return (path: "images/\(cells[0]).jpg", label: name)
    }
    let classes = names.sorted { $0.key < $1.key }.map(\.value)
    return try ImageFolder(folder, files: files, classes: classes, transform: transform)
  }
}
