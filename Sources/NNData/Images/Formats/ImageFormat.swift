import NNCore

extension Image {
  /// Formats of files that are read. A file is read by what its first bytes say, whatever its name.
  public enum Format: String, Sendable, Codable, CaseIterable {
    case jpeg, png, webp, gif, bmp, tiff, pnm

    /// Endings of names, without the dot, in lower case.
    public var endings: [String] {
      switch self {
      case .jpeg: ["jpg", "jpeg", "jpe", "jfif", "mpo"]
      case .png: ["png", "apng"]
      case .webp: ["webp"]
      case .gif: ["gif"]
      case .bmp: ["bmp", "dib"]
      case .tiff: ["tif", "tiff"]
      case .pnm: ["ppm", "pgm"]
      }
    }

    static let list = "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"

    private static let byEnding = Dictionary(
      allCases.flatMap { format in format.endings.map { ($0, format) } },
      uniquingKeysWith: { first, _ in first })

    /// The format that the ending of a file's name promises, nil if it is none that is read.
    public init?(ending name: String) {
      guard let format = Format.byEnding[nameEnding(name)] else { return nil }
      self = format
    }

    /// The format that the first bytes of a file say.
    init?(_ bytes: UnsafeRawBufferPointer) {
      func has(_ text: String, at place: Int = 0) -> Bool { bytes.has(text, at: place) }
      if bytes.starts(with: [0xff, 0xd8, 0xff]) {
        self = .jpeg
      } else if bytes.starts(with: PNGFile.signature) {
        self = .png
      } else if has("RIFF") && has("WEBP", at: 8) {
        self = .webp
      } else if has("GIF87a") || has("GIF89a") {
        self = .gif
      } else if has("BM") && bytes.count >= 26 {
        self = .bmp
      } else if has("II*\0") || has("MM\0*") || has("II+\0") || has("MM\0+") {
        self = .tiff
      } else if bytes.count > 2, has("P5") || has("P6"), bytes[2] <= 0x20 || bytes[2] == UInt8(ascii: "#") {
        self = .pnm
      } else {
        return nil
      }
    }
  }
}

/// A kind of file that is taken for an image and not read.
struct UnreadFormat {
  let name: String
  /// Whether a program can make a JPEG of it.
  let isConvertible: Bool

  private init(_ name: String, isConvertible: Bool = true) {
    self.name = name
    self.isConvertible = isConvertible
  }

  /// By the ending of a file's name; documents and drawings do not count.
  init?(ending name: String) {
    switch nameEnding(name) {
    case "heic", "heif", "hif": self.init("HEIC")
    case "avif": self.init("AVIF")
    case "jxl": self.init("JPEG XL")
    case "jp2", "j2k", "jpx", "jpf": self.init("JPEG 2000")
    case "pbm", "pnm": self.init("PNM")
    case "tga": self.init("TGA")
    case "dng", "cr2", "cr3", "nef", "arw", "orf", "rw2", "raf": self.init("a camera's raw file")
    default: return nil
    }
  }

  /// By the first bytes.
  init?(_ bytes: UnsafeRawBufferPointer) {
    func has(_ text: String, at place: Int = 0) -> Bool { bytes.has(text, at: place) }
    if has("ftyp", at: 4) {
      let brand = String(decoding: bytes[8..<min(12, bytes.count)], as: UTF8.self)
      switch brand {
      case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1": self.init("HEIC")
      case "avif", "avis": self.init("AVIF")
      case "crx ": self.init("a camera's raw file")
      default: self.init("a video", isConvertible: false)
      }
    } else if bytes.starts(with: [0xff, 0x0a]) || has("JXL ", at: 4) {
      self.init("JPEG XL")
    } else if has("jP  ", at: 4) || bytes.starts(with: [0xff, 0x4f, 0xff, 0x51]) {
      self.init("JPEG 2000")
    } else if has("8BPS") {
      self.init("PSD")
    } else if has("%PDF") {
      self.init("PDF")
    } else if has("%!PS") {
      self.init("PostScript")
    } else if bytes.count > 2, bytes[0] == 0x50, (0x31...0x37).contains(bytes[1]), bytes[2] <= 0x20 {
      self.init("PNM")
    } else if bytes.starts(with: [0, 0, 1, 0]) {
      self.init("ICO")
    } else if bytes.starts(with: [0, 5, 0x16, 7]) {
      self.init("notes of macOS about another file", isConvertible: false)
    } else if has("version https://git-lfs") {
      self.init("a pointer of Git LFS (`git lfs pull` fetches the file)", isConvertible: false)
    } else {
      let start = String(decoding: bytes.prefix(512), as: UTF8.self).lowercased()
      if start.contains("<svg") {
        self.init("SVG")
      } else if start.contains("<html") || start.contains("<!doctype html") {
        self.init("a web page", isConvertible: false)
      } else {
        return nil
      }
    }
  }

  /// The command that makes a JPEG file of it.
  static func remedy(for file: String) -> String {
    let stem =
      folderAndName(file).name.contains(".")
      ? String(file[..<(file.lastIndex(of: ".") ?? file.endIndex)]) : file
    let target = nameEnding(file) == "jpg" ? "\(stem)-converted.jpg" : "\(stem).jpg"
    return "to convert it: convert \(shellWord(file)) \(shellWord(target))"
  }

  private static func shellWord(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
        true
      default: "/._-+,@%".utf8.contains(byte)
      }
    }
    let word = isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
    return printable(word)
  }
}

/// What stands behind the last dot of a file's name, in lower case.
private func nameEnding(_ name: String) -> String {
  name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last?.lowercased() ?? ""
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes of `text` stand at a place.
  func has(_ text: String, at place: Int = 0) -> Bool {
    count - place >= text.utf8.count && self[place...].starts(with: text.utf8)
  }
}
