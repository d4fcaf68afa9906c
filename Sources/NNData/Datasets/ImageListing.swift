import Foundation
import NNCore
import NNFiles

/// The image files below a folder.
struct ImageListing {
  /// Sorted by folder and name.
  private(set) var paths: [String] = []
  private(set) var skipped: [SkippedFile] = []
  private var visited: Set<String> = []

  /// - Parameter folder: links in it are followed.
  init(_ folder: String, in tree: FileTree) throws {
    var files: [(folder: String, name: String)] = []
    try collect(folder, tree, into: &files)
    files.sort { $0.folder == $1.folder ? isBefore($0.name, $1.name) : isBefore($0.folder, $1.folder) }
    paths = files.map { "\($0.folder)/\($0.name)" }
  }

  private mutating func collect(
    _ folder: String, _ tree: FileTree, into files: inout [(folder: String, name: String)]
  ) throws {
    // A link to a folder above would never end.
    let real = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard visited.insert(real).inserted else { return }
    for name in try tree.entries(of: folder).sorted(by: isBefore) {
      let path = "\(folder)/\(name)"
      if ImageListing.isOfTheSystem(name) {
        skip(path, "hidden or of the system")
      } else if tree.isFolder(path) {
        try collect(path, tree, into: &files)
      } else if Image.Format(ending: name) == nil {
        skip(path, "no image by its name")
      } else if !tree.isFile(path) {
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
}

extension FileTree {
  /// The folder whose folders are the classes or the parts: the root, unless it is an archive that begins with a folder
  /// for everything, as most do.
  package func rootOfFolders() throws -> String {
    var folder = root
    while isArchive {
      let entries = try entries(of: folder).filter { !ImageListing.isOfTheSystem($0) }
      guard entries.count == 1, isFolder("\(folder)/\(entries[0])"),
        try self.entries(of: "\(folder)/\(entries[0])").contains(where: {
          !ImageListing.isOfTheSystem($0) && isFolder("\(folder)/\(entries[0])/\($0)")
        })
      else { break }
      folder += "/\(entries[0])"
    }
    return folder
  }
}
