import Foundation

/// Something that takes files from outside, and what inputs for it are made of.
struct Reader {
  let name: String
  var layout = Layout.whole
  /// Words that mean something to it.
  var tokens: [[UInt8]] = []
  /// Whether it writes files, so that each input is followed by a look at where.
  var writes = false
  let seeds: [[UInt8]]
  /// Reads an input as whoever uses the library would, all of it. It may throw, and nothing else.
  let read: (_ input: [UInt8], _ scratch: Scratch) throws -> Void

  /// All of them, in a fixed order.
  static func all(_ scratch: Scratch) throws -> [Reader] {
    try weights(scratch) + models(scratch) + images() + archives() + tables(scratch)
  }

  /// Those of some names, all if there are none.
  static func named(_ list: String?, _ scratch: Scratch) throws -> [Reader] {
    if list == selfTest.name { return [selfTest] }
    let readers = try all(scratch)
    guard let names = list?.split(separator: ",").map(String.init) else { return readers }
    if let unknown = names.first(where: { name in !readers.contains { $0.name == name } }) {
      throw FuzzError("no reader \(unknown); there are \(readers.map(\.name).joined(separator: ", "))")
    }
    return readers.filter { names.contains($0.name) }
  }
}

/// A folder that inputs are written to.
struct Scratch {
  let folder: String

  /// Where archives are unpacked: nothing may appear beside it or above it.
  var target: String { "\(folder)/above/beside/target" }

  init(_ folder: String) throws {
    self.folder = folder
    // What an input before wrote there.
    try? FileManager.default.removeItem(atPath: "\(folder)/above")
    try makeFolder(target)
  }

  func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// Writes a file, and says where it is.
  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw FuzzError("\(path): cannot be written") }
    defer { close(file) }
    guard bytes.withUnsafeBytes({ Foundation.write(file, $0.baseAddress, $0.count) }) == bytes.count else {
      throw FuzzError("\(path): cannot be written to its end")
    }
    return path
  }

  /// An empty folder to unpack into.
  func emptyTarget() throws -> String {
    try FileManager.default.removeItem(atPath: target)
    try makeFolder(target)
    return target
  }

  /// What is where nothing should be, nil if all is well.
  func stray() -> String? {
    let names = { (path: String) in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    let outside =
      names("\(folder)/above/beside").filter { $0 != "target" }
      + names("\(folder)/above").filter { $0 != "beside" }
    return outside.first ?? ["/nn-fuzz-outside", "/tmp/nn-fuzz-outside"].first { access($0, F_OK) == 0 }
  }
}

/// Why the fuzzer itself cannot go on.
struct FuzzError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The files of the tests, by their names below `Tests`.
func fixtures(_ folder: String, _ names: [String]) throws -> [[UInt8]] {
  try names.map { name in
    let path = "Tests/\(folder)/\(name)"
    guard let data = FileManager.default.contents(atPath: path) else {
      throw FuzzError("\(path): expected a file of the tests; run this in the folder of the package")
    }
    return [UInt8](data)
  }
}

/// The files of one ending in a folder of the tests.
func fixtures(_ folder: String, ending: String) throws -> [[UInt8]] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: "Tests/\(folder)")) ?? []
  return try fixtures(folder, names.filter { $0.hasSuffix(ending) }.sorted())
}

/// Does several things, whether or not those before were refused; throws what the first was refused with.
func attemptAll(_ steps: () throws -> Void...) throws {
  var first: (any Error)?
  for step in steps {
    do { try step() } catch { first = first ?? error }
  }
  if let first { throw first }
}

func words(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
