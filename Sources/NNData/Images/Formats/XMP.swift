/// The orientation in XMP data, for files without one in EXIF, as PIL reads it. What is malformed is taken as not there.
enum XMP {
  /// Bytes that are looked at.
  private static let sizeLimit = 1 << 20
  /// What begins a JPEG segment of XMP.
  static let marker = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
  /// What a PNG text of XMP is called.
  static let keyword = "XML:com.adobe.xmp"

  /// 1...8: the digit behind the first `tiff:Orientation="` or `tiff:Orientation>`; nil if there is none.
  static func orientation(_ bytes: some RandomAccessCollection<UInt8>) -> Int? {
    let data = [UInt8](bytes.prefix(sizeLimit))
    let name = Array("tiff:Orientation".utf8)
    var rest = data[...]
    while let found = rest.firstRange(of: name) {
      rest = rest[found.upperBound...]
      var value = rest
      if value.starts(with: Array("=\"".utf8)) {
        value = value.dropFirst(2)
      } else if value.first == UInt8(ascii: ">") {
        value = value.dropFirst()
      } else {
        continue
      }
      guard let digit = value.first, (0x30...0x39).contains(digit) else { continue }
      let number = Int(digit) - 0x30
      return (1...8).contains(number) ? number : 1
    }
    return nil
  }
}
