// Names and paths are looked at byte by byte, as the system does: to a `Character`, "/" with a combining mark behind it
// is no slash, and such a name would lead where it seems not to.

private let slash = UInt8(ascii: "/")

/// Whether a text from outside (a checkpoint, an archive, an index) is the name of one file and leads nowhere else.
///
/// Refused are the empty name, `.` and `..`, names longer than the 255 bytes that file systems take, and those with a
/// slash, a backslash (a slash to other systems), a zero byte or another control character.
package func isPlainFileName(_ name: String) -> Bool {
  let bytes = Array(name.utf8)
  guard !bytes.isEmpty, bytes.count <= 255, bytes != Array(".".utf8), bytes != Array("..".utf8) else {
    return false
  }
  return bytes.allSatisfy { $0 != slash && $0 != UInt8(ascii: "\\") && $0 >= 0x20 && $0 != 0x7f }
}

/// Whether a path is relative and has no component `..`: what others may unpack below a folder of theirs.
package func staysBelow(_ path: String) -> Bool {
  !path.isEmpty && !isAbsolutePath(path)
    && !path.utf8.split(separator: slash).contains { $0.elementsEqual("..".utf8) }
}

/// The components of a path from outside that can only lead down from the folder it is meant for, nil for any other:
/// empty and absolute ones, and those with a component that is no plain file name. `.` and doubled slashes are left out,
/// so that `./` has no components.
package func componentsBelow(_ path: String) -> [String]? {
  guard staysBelow(path) else { return nil }
  let parts = path.utf8.split(separator: slash).map { String(decoding: $0, as: UTF8.self) }
    .filter { !$0.utf8.elementsEqual(".".utf8) }
  return parts.allSatisfy(isPlainFileName) ? parts : nil
}

/// Whether a path starts at the root of the file system.
package func isAbsolutePath(_ path: String) -> Bool { path.utf8.first == slash }

/// A path's folder with the slash behind it, empty if it has none, and the name in it.
package func folderAndName(_ path: String) -> (folder: String, name: String) {
  guard let last = path.utf8.lastIndex(of: slash) else { return ("", path) }
  let start = path.utf8.index(after: last)
  return (
    String(decoding: path.utf8[..<start], as: UTF8.self), String(decoding: path.utf8[start...], as: UTF8.self)
  )
}
