import Foundation
import NNCore
import NNFiles

/// Flowers: 8,189 photographs of 102 kinds, ten of each for training, ten for validation and the others for the test.
///
/// Nilsback and Zisserman, Automated Flower Classification over a Large Number of Classes, 2008;
/// https://www.robots.ox.ac.uk/~vgg/data/flowers/102. As `torchvision.datasets.Flowers102`: in `flowers-102`, a download of
/// 345 MB.
public enum Flowers102 {
  private static let address = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
  private static let images = PublishedArchive(
    address + "102flowers.tgz", md5: "52808999861908f626f3c1f4e79d11fa")
  private static let labels = PublishedArchive(
    address + "imagelabels.mat", md5: "e0620be6f572b9609742df49c70aed4d")
  private static let parts = PublishedArchive(address + "setid.mat", md5: "a5357ecc9cb78c4bef273ce3793fc85c")

  /// Opens one part; the parameters are those of ``DTD/open(root:part:partition:download:transform:progress:)``.
  public static func open(
    root: String, part: PublishedPart = .train, download: Bool = false,
    transform: any Transform<Image, Tensor> = ToTensor(),
    progress: ((DownloadProgress) -> Void)? = Downloader.printingLines()
  ) throws -> ImageFolder {
    let folder = "\(root)/flowers-102"
    try images.provide("\(folder)/jpg", in: folder, download: download, progress)
    for file in [labels, parts] where !FileManager.default.fileExists(atPath: "\(folder)/\(file.name)") {
      guard download else {
        throw DatasetError.notFound(folder: folder, expected: "\(file.name) or a download")
      }
      try file.download(into: folder, progress)
    }
    let classes = try MATFile(contentsOf: "\(folder)/\(labels.name)").integers("labels")
    let list = "\(folder)/\(parts.name)"
    let names: [PublishedPart: String] = [.train: "trnid", .validation: "valid", .test: "tstid"]
    let files = try MATFile(contentsOf: list).integers(names[part] ?? "").map { number in
      guard (1...classes.count).contains(number), (1...102).contains(classes[number - 1]) else {
        throw DatasetError.mismatch(
          file: list, expected: "numbers of \(classes.count) images of 102 classes", found: "\(number)")
      }
      return (path: String(format: "jpg/image_%05d.jpg", number), label: classNames[classes[number - 1] - 1])
    }
    return try ImageFolder(folder, files: files, classes: classNames, transform: transform)
  }

  /// Names of the classes in the order of their labels.
  public static let classNames = [
    "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea", "english marigold",
    "tiger lily", "moon orchid", "bird of paradise", "monkshood", "globe thistle", "snapdragon",
    "colt's foot", "king protea", "spear thistle", "yellow iris", "globe-flower", "purple coneflower",
    "peruvian lily", "balloon flower", "giant white arum lily", "fire lily", "pincushion flower",
    "fritillary", "red ginger", "grape hyacinth", "corn poppy", "prince of wales feathers",
    "stemless gentian", "artichoke", "sweet william", "carnation", "garden phlox", "love in the mist",
    "mexican aster", "alpine sea holly", "ruby-lipped cattleya", "cape flower", "great masterwort",
    "siam tulip", "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia",
    "bolero deep blue", "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion",
    "petunia", "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura",
    "geranium", "orange dahlia", "pink-yellow dahlia?", "cautleya spicata", "japanese anemone",
    "black-eyed susan", "silverbush", "californian poppy", "osteospermum", "spring crocus", "bearded iris",
    "windflower", "tree poppy", "gazania", "azalea", "water lily", "rose", "thorn apple", "morning glory",
    "passion flower", "lotus", "toad lily", "anthurium", "frangipani", "clematis", "hibiscus", "columbine",
    "desert-rose", "tree mallow", "magnolia", "cyclamen", "watercress", "canna lily", "hippeastrum",
    "bee balm", "ball moss", "foxglove", "bougainvillea", "camellia", "mallow", "mexican petunia",
    "bromelia", "blanket flower", "trumpet creeper", "blackberry lily",
  ]
}
