/// The orientation in EXIF data. What is malformed is taken as not there.
enum Exif {
  /// Bytes that are looked at.
  private static let sizeLimit = 1 << 16

  /// 1...8, 1 for values that mean nothing; nil if `bytes`, a TIFF structure with or without `Exif\0\0` before it, have
  /// none.
  static func orientation(_ bytes: some RandomAccessCollection<UInt8>) -> Int? {
    var data = [UInt8](bytes.prefix(sizeLimit))
    if data.starts(with: Array("Exif\0\0".utf8)) { data.removeFirst(6) }
    let isLittle = data.starts(with: Array("II*\0".utf8))
    guard isLittle || data.starts(with: Array("MM\0*".utf8)) else { return nil }
    /// An unsigned integer of `size` bytes, nil outside the data.
    func integer(_ place: Int, _ size: Int) -> Int? {
      guard place >= 0, place <= data.count - size else { return nil }
      let part = data[place..<place + size]
      return (isLittle ? part.reversed() : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = integer(4, 4), let count = integer(directory, 2) else { return nil }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = integer(place, 2) else { return nil }
      guard tag == 0x112 else { continue }
      // BYTE, SHORT or LONG; the value stands at the start of the entry's last four bytes.
      let sizes = [1: 1, 3: 2, 4: 4]
      guard let type = integer(place + 2, 2), let size = sizes[type], integer(place + 4, 4) == 1,
        let value = integer(place + 8, size), (1...8).contains(value)
      else { return 1 }
      return value
    }
    return nil
  }
}
