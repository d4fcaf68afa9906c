import Foundation
import NNData
import TestSupport

/// Runs the command line.
func nn(_ arguments: [String], in folder: URL? = nil) throws -> Command {
  try Command([product("nn")] + arguments, in: folder)
}

/// Folders of small drawn images, as people have them.
struct ImageFolders {
  let path: String

  init(_ folder: URL, _ name: String) { path = folder.appendingPathComponent(name).path }

  /// Writes `count` images of each class into a folder of its name.
  @discardableResult
  func write(
    _ classes: [String], count: Int = 8, below part: String = "", size: (height: Int, width: Int)? = nil,
    first: Int = 0
  ) throws -> [String] {
    let shapes = SyntheticShapes(count: 400)
    return try classes.enumerated().flatMap { label, name in
      let indices = shapes.targets.indices.filter { shapes.targets[$0] == label }
      return try (first..<first + count).map { number in
        let image = shapes.image(at: indices[number])
        let file = "\(part.isEmpty ? "" : part + "/")\(name)/\(number).png"
        let scaled = size.map { Resize($0.height, $0.width)(image) } ?? image
        try write(scaled.pngData(), to: file)
        return file
      }
    }
  }

  /// Writes a file, and the folders above it.
  func write(_ bytes: [UInt8], to file: String) throws {
    let target = URL(fileURLWithPath: path + "/" + file)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: target)
  }
}

/// Rows of a table that `nn train` shows, by the name of the class: numbers of images by part.
func counts(_ name: String, in output: String) -> [Int]? {
  let line = output.split(separator: "\n").first { $0.hasPrefix(name + " ") }
  return line.map { $0.dropFirst(name.count).split(separator: " ").compactMap { Int($0) } }
}
