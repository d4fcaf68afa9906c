import Foundation
import NNData
import TestSupport

/// A small image of one colour as a PNG file.
func dot(_ value: UInt8, side: Int = 2) -> [UInt8] {
  Image(width: side, height: side, color: [value, value, value]).pngData()
}

/// Writes a file into a folder and gives its path.
@discardableResult
func write(_ bytes: [UInt8], _ path: String) throws -> String {
  let url = URL(fileURLWithPath: path)
  try FileManager.default.createDirectory(
    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(bytes).write(to: url)
  return path
}

/// A tar file of files.
func tar(_ files: [(name: String, content: [UInt8])]) -> [UInt8] {
  storedTar(files.map { TarEntry(bytes: Array($0.name.utf8), content: $0.content) })
}
