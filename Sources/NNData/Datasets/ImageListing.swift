import Foundation
import NNCore
import NNFiles

/// A file that a folder of images holds and a data set leaves out.
public struct SkippedFile: Sendable, Hashable {
  public let path: String
  /// Why, in a few words: equal files have equal reasons.
  public let reason: String
}

/// The image files below a folder.
struct ImageListing {
  /// Sorted by folder and name.
  private(set) var paths: [String] = []
  private(set) var skipped: [SkippedFile] = []
  private var visited: Set<String> = []

  /// - Parameter folder: links in it are followed.
  init(_ folder: String) throws {
    var files: [(folder: String, name: String)] = []
    try collect(folder, into: &files)
    files.sort { $0.folder == $1.folder ? isBefore($0.name, $1.name) : isBefore($0.folder, $1.folder) }
    paths = files.map { "\($0.folder)/\($0.name)" }
  }

  private mutating func collect(_ folder: String, into files: inout [(folder: String, name: String)]) throws {
    // A link to a folder above would never end.
    let real = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard visited.insert(real).inserted else { return }
    for name in try ImageListing.entries(of: folder).sorted(by: isBefore) {
      let path = "\(folder)/\(name)"
      if ImageListing.isOfTheSystem(name) {
        skip(path, "hidden or of the system")
      } else if ImageListing.isFolder(path) {
        try collect(path, into: &files)
      } else if Image.Format(ending: name) == nil {
        skip(path, "no image by its name")
      } else if !FileManager.default.fileExists(atPath: path) {
        skip(path, "a link that leads nowhere")
      } else {
        files.append((folder, name))
      }
    }
  }

  private mutating func skip(_ path: String, _ reason: String) {
    skipped.append(SkippedFile(path: path, reason: reason))
  }

  /// Names that systems, synchronisers and editors give to files of their own.
  private static let systemNames: Set<String> = [
    "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found",
    "system volume information", "icon\r",
  ]

  static func isOfTheSystem(_ name: String) -> Bool {
    name.hasPrefix(".") || systemNames.contains(name.lowercased())
  }

  static func entries(of folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FileError.unreadable(file: folder, reason: "the folder cannot be listed")
    }
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}

/// By code points, as Python sorts: the same on every machine and in every language.
func isBefore(_ a: String, _ b: String) -> Bool {
  a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
}
