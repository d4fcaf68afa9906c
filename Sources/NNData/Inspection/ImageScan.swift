import Foundation
import NNCore
import NNFiles

/// Something about an image file that whoever trains on it wants to know.
public struct ImageFinding: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// It cannot be read, or not to its end.
    case damaged
    /// It is no image, or one of a format that is not read.
    case notAnImage = "not an image"
    /// Its pixels are those of an image before it.
    case duplicate
    /// Far from the others in size or proportions.
    case size = "odd size"
    /// Gray among colour images, with opacity among those without, or the other way round.
    case color = "odd colour"
  }

  public let path: String
  public let kind: Kind
  /// What was found, in one line that need not name the file.
  public let reason: String

  /// Whether the file is of no use for a training.
  public var isUnreadable: Bool { kind == .damaged || kind == .notAnImage }
  public var description: String { "\(printable(path)): \(kind.rawValue): \(reason)" }
}

/// A look at every image of a list, each read once by all cores. What is in a file never makes it fail.
///
///     let scan = try ImageScan(ImageFolder("photos").paths)
///     for finding in scan.findings { print(finding) }
///     try scan.contactSheet()?.writePNG(toFile: "suspects.png")
///
/// - **Odd size**: the longer side is more than 4 times the shorter one and that is not so for half of the images, or the
///   area is less than a sixteenth of the median.
/// - **Odd colour**: another kind (gray, colour, with opacity) than more than half of the images have.
public struct ImageScan: Sendable {
  /// Number of files that were looked at.
  public let count: Int
  /// In the order of the files.
  public let findings: [ImageFinding]
  private let tree: FileTree?

  /// - Parameters:
  ///   - paths: the files.
  ///   - workers: threads that read; all processors by default.
  ///   - progress: told how many files are done, on the calling thread.
  public init(_ paths: [String], workers: Int? = nil, progress: ((Int) -> Void)? = nil) {
    self.init(paths, in: nil, workers: workers, progress: progress)
  }

  /// - Parameter tree: where the files are, if archives may be among their folders.
  package init(
    _ paths: [String], in tree: FileTree?, workers: Int? = nil, progress: ((Int) -> Void)? = nil
  ) {
    self.tree = tree
    let facts = Self.facts(paths, workers) { path in
      let image = try Self.image(path, in: tree, mode: .unchanged)
      var digest = Digest.sha256()
      digest.update("\(image.width)x\(image.height)")
      image.rgb().pixels.withUnsafeBytes { digest.update($0) }
      return Facts(
        width: image.width, height: image.height, channels: image.channels, digest: digest.finished())
    } progress: {
      progress?($0)
    }
    count = paths.count
    findings = Self.findings(paths, facts)
  }

  /// The files that cannot be read, read as a training on `images` would, which then finds them in their cache.
  package static func unreadable(
    _ images: ImageFolder, workers: Int? = nil, progress: (Int) -> Void = { _ in }
  ) -> [ImageFinding] {
    let places = Dictionary(zip(images.paths, images.paths.indices), uniquingKeysWith: { first, _ in first })
    let paths = images.paths
    let facts = Self.facts(paths, workers) { path in
      _ = try images.reader(places[path] ?? 0, SampleContext())
      return Facts(width: 0, height: 0, channels: 0, digest: "")
    } progress: {
      progress($0)
    }
    return zip(paths, facts).compactMap { path, fact in
      if case .failure(let problem) = fact { return problem.finding(path) }
      return nil
    }
  }

  // MARK: Reading

  private static func image(_ path: String, in tree: FileTree?, mode: Image.Mode) throws -> Image {
    let reading = Image.Reading(mode: mode)
    guard let tree else { return try Image(contentsOfFile: path, reading: reading) }
    return try Image(path, in: tree, reading: reading, for: ToTensor())
  }

  private struct Facts: Sendable {
    var width: Int
    var height: Int
    var channels: Int
    var digest: String
  }

  private struct Problem: Error {
    var kind: ImageFinding.Kind
    var reason: String

    init(_ error: any Error, _ path: String) {
      switch error {
      case ImageError.damaged(_, let reason): (kind, self.reason) = (.damaged, printable(reason))
      case ImageError.unknownFormat(_, let found): (kind, reason) = (.notAnImage, printable(found))
      case ImageError.unsupported(_, let format):
        (kind, reason) = (.notAnImage, "\(format), which is not read")
      case ImageError.tooLarge(_, let width, let height, _):
        (kind, reason) = (.damaged, "\(width)x\(height) pixels")
      case FileError.unreadable(_, let text): (kind, reason) = (.damaged, printable(text))
      default: (kind, reason) = (.damaged, printable("\(error)"))
      }
    }

    func finding(_ path: String) -> ImageFinding { ImageFinding(path: path, kind: kind, reason: reason) }
  }

  private struct Files: Dataset {
    let paths: [String]
    let look: @Sendable (String) throws -> Facts
    var count: Int { paths.count }

    subscript(index: Int) -> Result<Facts, Problem> {
      do { return .success(try look(paths[index])) } catch { return .failure(Problem(error, paths[index])) }
    }
  }

  private static func facts(
    _ paths: [String], _ workers: Int?, look: @escaping @Sendable (String) throws -> Facts,
    progress: (Int) -> Void
  ) -> [Result<Facts, Problem>] {
    var facts: [Result<Facts, Problem>] = []
    let loader = DataLoader(
      Files(paths: paths, look: look), batchSize: 4, workers: workers ?? ThreadPool.shared.threadCount,
      generator: Generator(seed: 0), collate: { $0 })
    let batches = loader.makeIterator()
    // No element throws, so no batch does.
    while let batch = try? batches.next() {
      facts += batch
      progress(facts.count)
    }
    return facts
  }

  // MARK: Judging

  private static func findings(_ paths: [String], _ facts: [Result<Facts, Problem>]) -> [ImageFinding] {
    let readable = facts.compactMap { try? $0.get() }
    let areas = readable.map { $0.width * $0.height }.sorted()
    let median = areas.isEmpty ? 0 : areas[areas.count / 2]
    func isLong(_ fact: Facts) -> Bool { max(fact.width, fact.height) > 4 * min(fact.width, fact.height) }
    let areLong = readable.count(where: isLong) * 2 > readable.count
    let kinds = [1, 3, 4].map { channels in readable.count { $0.channels == channels } }
    let usual = zip([1, 3, 4], kinds).first { $0.1 * 2 > readable.count }?.0
    var seen: [String: String] = [:]
    var findings: [ImageFinding] = []
    for (path, fact) in zip(paths, facts) {
      func add(_ kind: ImageFinding.Kind, _ reason: String) {
        findings.append(ImageFinding(path: path, kind: kind, reason: reason))
      }
      switch fact {
      case .failure(let problem): findings.append(problem.finding(path))
      case .success(let fact):
        if let other = seen[fact.digest] {
          add(.duplicate, "the pixels of \(printable(other))")
        } else {
          seen[fact.digest] = path
        }
        let size = "\(fact.width)x\(fact.height)"
        if isLong(fact), !areLong {
          add(.size, "\(size), one side more than 4 times the other")
        } else if fact.width * fact.height * 16 < median {
          add(.size, "\(size), less than a sixteenth of the median area")
        }
        if let usual, fact.channels != usual {
          add(.color, "\(name(fact.channels)), where most are \(name(usual))")
        }
      }
    }
    return findings
  }

  private static func name(_ channels: Int) -> String {
    channels == 1 ? "gray" : channels == 3 ? "colour" : "with opacity"
  }

  // MARK: Showing

  /// The files with findings in small, with kind and name below each; those that cannot be read are empty fields. Nil
  /// without findings.
  ///
  /// - Parameters:
  ///   - limit: files at most.
  ///   - cell: largest side of an image in pixels.
  public func contactSheet(limit: Int = 60, cell: Int = 128) -> Image? {
    var paths: [String] = []
    for finding in findings where !paths.contains(finding.path) && paths.count < limit {
      paths.append(finding.path)
    }
    if paths.isEmpty { return nil }
    let entries = paths.map { path in
      (
        image: try? Self.image(path, in: tree, mode: .rgb),
        lines: [
          findings.first { $0.path == path }?.kind.rawValue ?? "",
          String(path.split(separator: "/").suffix(2).joined(separator: "/")),
        ]
      )
    }
    return Image.contactSheet(entries, cell: cell)
  }
}
