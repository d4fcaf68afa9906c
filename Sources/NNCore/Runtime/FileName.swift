/// Whether a text from outside (a checkpoint, an archive, an index) is the name of one file and leads nowhere else. It
/// is looked at byte by byte, as the system does: to a `Character`, "/" with a combining mark behind it is no slash.
///
/// Refused are the empty name, `.` and `..`, names longer than the 255 bytes that file systems take, and those with a
/// slash, a zero byte or another control character.
package func isPlainFileName(_ name: String) -> Bool {
  let bytes = Array(name.utf8)
  guard !bytes.isEmpty, bytes.count <= 255, name != ".", name != ".." else { return false }
  return bytes.allSatisfy { $0 != UInt8(ascii: "/") && $0 >= 0x20 && $0 != 0x7f }
}
