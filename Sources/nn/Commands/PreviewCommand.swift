import ArgumentParser
import Foundation
import NNCore
import NNData

struct PreviewCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Draws training images as the network will see them, before anything is trained.",
    discussion: """
      nn preview --data photos --arch resnet18 --augment strong --mixup 0.2

      Each row is an image: first as it is tested on, then as the training changes it at random. The options are those \
      of nn finetune; --config takes those of a file or of another run.
      """)

  @Option(
    help:
      "Folder of images, one folder per class; or such a folder as zip or tar file, or shards of WebDataset.")
  var data: String?
  @Option(help: "Configuration file (YAML or JSON); options win over it.")
  var config: String?
  @Option(help: "PNG file to draw.")
  var sheet = "preview.png"
  @Option(help: "How many images.")
  var images = 8
  @Option(help: "How many random versions of each.")
  var versions = 6
  @OptionGroup(title: "Settings") var settings: SettingOptions<PreviewCommand>

  static let name = TrainingCommandName.finetune
  static var defaults: RunConfiguration { FinetuneCommand.defaults }

  func validate() throws {
    for (option, value, range) in [("images", images, 1...100), ("versions", versions, 1...50)]
    where !range.contains(value) {
      throw ValidationError("--\(option): expected a number in \(range), found \(value)")
    }
  }

  func run() throws {
    var all = try settings.configuration(file: config)
    if let data { (all.dataset, all.root) = (.folder, data) }
    if settings.isGiven("weights") { all = try all.pinningHub(isArchGiven: settings.isGiven("arch")) }
    try all.check()
    let preprocessing = try all.preprocessing
    let found = try RunImages(all, preprocessing)
    guard let train = found.parts[.train] else { return }
    let drawn = try Self.rows(
      train, all, preprocessing, images: images, versions: versions, classes: found.classes)
    try Image.contactSheet(drawn, columns: versions + 1, cell: min(max(preprocessing.crop, 64), 160))
      .writePNG(toFile: sheet)
    let changes = [
      all.augmented(preprocessing).map { "\($0)" }, all.mixing(classes: found.classes.count).map { "\($0)" },
    ].compactMap(\.self)
    print(
      "Training images go through: "
        + (changes.isEmpty ? "\(preprocessing.transform)" : changes.joined(separator: "; ")))
    say("Wrote \(printable(sheet))")
  }

  /// Images for the sheet, row by row: as they are tested on, and in random versions.
  private static func rows(
    _ train: RunImages.Part, _ settings: RunConfiguration, _ preprocessing: Preprocessing, images: Int,
    versions: Int, classes: [String]
  ) throws -> [(image: Image?, lines: [String])] {
    let each = (images + classes.count - 1) / classes.count
    let targets = train.images.targets
    let chosen = Array(firstOfEachClass(train.indices, each, targets: targets).prefix(images))
    let labels = Dictionary(zip(train.indices, train.labels), uniquingKeysWith: { first, _ in first })
    var changed = train.images
    if let transform = settings.augmented(preprocessing) { changed.transform = transform }
    let mixing = settings.mixing(classes: classes.count)
    var columns = [try batch(train.images, chosen, version: 0, seed: settings.seed).input]
    for version in 0..<versions {
      let sample = try batch(changed, chosen, version: version, seed: settings.seed)
      let context = SampleContext(seed: UInt64(settings.seed), epoch: version, index: -1)
      columns.append((mixing.map { $0(sample, context: context) } ?? sample).input)
    }
    return chosen.indices.flatMap { row in
      columns.enumerated().map { column, input in
        let names = (labels[chosen[row]] ?? []).map { classes[$0] }.joined(separator: ", ")
        return (preprocessing.picture(of: input.select(0, index: row)), [column == 0 ? printable(names) : ""])
      }
    }
  }

  private static func batch(
    _ images: some VisionDataset, _ indices: [Int], version: Int, seed: Int
  ) throws -> Sample {
    try images.batch(
      at: indices, contexts: indices.map { SampleContext(seed: UInt64(seed), epoch: version, index: $0) })
  }
}
