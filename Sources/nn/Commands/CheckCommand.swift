import ArgumentParser
import Foundation
import NNCore
import NNData
import NNLightning

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Reads every image of a folder once, and lists those that are damaged or odd.",
    discussion: """
      Lists what is damaged, what is no image, images that are there twice (the same pixels), and images of odd size or \
      colour. Exit status: 0 if every image can be read and none is there twice, else 1. nn train and nn finetune leave \
      damaged images out with --skip-damaged.
      """)

  @Argument(help: "Folder of images, with folders in it or without, or a zip or tar archive of images.")
  var folder: String
  @Option(help: "PNG file to draw the images on that something is wrong with.")
  var sheet: String?
  @Option(help: "Threads that read images (default: all processors).")
  var workers: Int?

  func validate() throws {
    if let workers, !(0...1_024).contains(workers) {
      throw ValidationError("--workers: expected a number in 0...1024, found \(workers)")
    }
  }

  func run() throws {
    let tree = try ImageSource(folder).tree
    let listing = try ImageFolder.listing(of: tree)
    if listing.paths.isEmpty { throw CommandError("\(printable(folder)): expected images, found none") }
    let progress = ProgressLine(label: "Reading", total: listing.paths.count, unit: "image")
    var done = 0
    let scan = ImageScan(listing.paths, in: tree, workers: workers) { count in
      progress.update(by: count - done)
      done = count
    }
    progress.finish()
    for finding in scan.findings { print(finding) }
    for note in skippedNotes(listing.skipped) { print(note) }
    let counts = ImageFinding.Kind.allCases.compactMap { kind in
      let count = scan.findings.count { $0.kind == kind }
      return count == 0 ? nil : "\(count) \(kind.rawValue)"
    }
    print(
      "\(scan.count) images" + (counts.isEmpty ? ", nothing found" : ": " + counts.joined(separator: ", ")))
    if let sheet {
      if let image = scan.contactSheet() {
        try image.writePNG(toFile: sheet)
        say("Wrote \(printable(sheet))")
      } else {
        say("\(printable(sheet)): not written, as nothing was found")
      }
    }
    if scan.findings.contains(where: { $0.isUnreadable || $0.kind == .duplicate }) { throw ExitCode.failure }
  }
}
