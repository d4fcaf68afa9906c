import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

/// The bounds on images, tables and archives that SECURITY.md names and no other suite holds.
@Suite struct DataBoundTests {
  /// A progressive JPEG of one block, told again and again, takes time instead of space.
  @Test(arguments: [500, 501]) func scansAreBounded(_ count: Int) throws {
    let table: [UInt8] = [0xFF, 0xC4, 0, 20, 0, 1] + Array(repeating: 0, count: 16)
    let steps: [UInt8] = [0xFF, 0xDB, 0, 67, 0] + Array(repeating: 1, count: 64)
    let frame: [UInt8] = [0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]
    let scan: [UInt8] = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0, 0x7F]
    let scans = Array(repeating: scan, count: count).flatMap { $0 }
    let file = [0xFF, 0xD8] + steps + frame + table + scans + [0xFF, 0xD9]
    if count == 500 {
      #expect(try Image(decoding: file).width == 8)
    } else {
      #expect { try Image(decoding: file) } throws: { error in
        expectOneLine(error, naming: "500 scans")
        return error is ImageError
      }
    }
  }

  /// The orientation of a PNG whose EXIF directory lies behind as many bytes as are looked at, or at the beginning.
  @Test(arguments: [8, 1 << 16]) func exifIsBounded(_ place: Int) throws {
    let big = { (value: Int, count: Int) in
      (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let entry = big(1, 2) + big(0x112, 2) + big(3, 2) + big(1, 4) + big(6, 2) + big(0, 6)
    let exif =
      Array("MM".utf8) + big(42, 2) + big(place, 4) + Array(repeating: UInt8(0), count: place - 8) + entry
    var png = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("images/rgb.png"))))
    // After the signature and the header's chunk.
    png.insert(contentsOf: big(exif.count, 4) + Array("eXIf".utf8) + exif + big(0, 4), at: 8 + 25)
    try withTemporaryFolder { folder in
      try Data(png).write(to: URL(fileURLWithPath: "\(folder)/a.png"))
      let header = try Image.Header(contentsOfFile: "\(folder)/a.png")
      #expect(header.orientation == (place == 8 ? 6 : 1))
    }
  }

  @Test func tablesAreBounded() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/labels.csv"
      try Data("file,label\n".utf8).write(to: URL(fileURLWithPath: path))
      // Zeros that take no space.
      try #require(truncate(path, 1 << 30 + 1) == 0)
      #expect { try LabelTable(contentsOf: path, root: nil) } throws: { error in
        expectOneLine(error, naming: "a table of at most \(1 << 30) bytes")
        return error is FileError
      }
    }
  }

  /// Few bytes of gzip that stand for more than any of the files of MNIST or EMNIST.
  @Test(arguments: [false, true]) func unpackedFilesAreBounded(_ isEMNIST: Bool) throws {
    try withTemporaryFolder { folder in
      let raw = "\(folder)/\(isEMNIST ? "EMNIST" : "MNIST")/raw"
      let limit = isEMNIST ? EMNIST.unpackedLimit : IdxFiles.unpackedLimit
      let name = (isEMNIST ? "emnist-digits-train" : "train") + "-images-idx3-ubyte.gz"
      try FileManager.default.createDirectory(atPath: raw, withIntermediateDirectories: true)
      let size = limit + 1
      let packed = try Command([
        "bash", "-c", "head -c \(size) /dev/zero | gzip -1 > '\(raw)/\(name)'",
      ])
      try #require(packed.status == 0, "\(packed.output)")
      #expect {
        if isEMNIST { _ = try EMNIST(root: folder, split: .digits) } else { _ = try MNIST(root: folder) }
      } throws: { error in
        expectOneLine(error, naming: "at most \(limit) bytes")
        return error is ArchiveError
      }
      #expect(contents(of: raw) == [name])
    }
  }

  @Test func downloadsOfDataSetsAreBounded() throws {
    let limits = [
      CIFARFiles.archiveLimit, IdxFiles.packedLimit, Imagenette.archiveLimit, PublishedArchive.archiveLimit,
    ]
    let server = try TinyServer { number, _ in TinyServer.Answer([0], length: limits[min(number, 3)] + 1) }
    defer { server.stop() }
    let (url, sum) = (server.url("a"), Checksum.md5(String(repeating: "0", count: 32)))
    let digits = IdxFiles(
      folder: "digits", address: server.url(""), checksums: Array(repeating: "0", count: 4))
    var pictures = CIFARVersion.cifar10
    pictures.archive = CIFARFiles.Source(url: url, checksum: sum)
    try withTemporaryFolder { root in
      let downloads: [() throws -> Void] = [
        { _ = try pictures.read(from: root, train: true, download: true, progress: nil) },
        { _ = try digits.read(from: root, train: true, download: true, progress: nil) },
        {
          _ = try Imagenette.open(
            root: root, train: true, size: .full, download: (url, sum), transform: ToTensor())
        },
        {
          let digest = String(repeating: "0", count: 32)
          try PublishedArchive(url, name: "b.zip", md5: digest).download(into: root, nil)
        },
      ]
      for (limit, download) in zip(limits, downloads) {
        #expect { try download() } throws: { error in
          expectOneLine(error, naming: "at most \(limit) bytes")
          return error is DownloadError
        }
      }
    }
    #expect(server.requests.count == 4)
  }

  /// A TIFF that says of one value that it has 2 GiB.
  @Test func memoryOfTIFFIsBounded() throws {
    var tiff = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("formats/turn8.tiff"))))
    let isLittle = tiff[0] == UInt8(ascii: "I")
    let number = { (place: Int, count: Int) in
      let bytes = tiff[place..<place + count]
      return (isLittle ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    let directory = number(4, 4)
    for entry in 0..<number(directory, 2) {
      let place = directory + 2 + 12 * entry
      // Number of the strips' offsets.
      if number(place, 2) == 273 {
        tiff.replaceSubrange(place + 4..<place + 8, with: [0x7F, 0x7F, 0x7F, 0x7F])
      }
    }
    #expect(throws: ImageError.self) { try Image(decoding: tiff) }
  }

  /// An orientation in a text is seen up to the bound, and a larger text is passed over.
  @Test(arguments: [(1 << 20, 4, 2), ((1 << 20) + 1, 2, 4)])
  func textsOfImagesAreBounded(size: Int, width: Int, height: Int) throws {
    let head = Array("XML:com.adobe.xmp\0\0\0\0\0".utf8)
    let xmp = Array("<tiff:Orientation>6<".utf8)
    let content = head + xmp + [UInt8](repeating: 0x20, count: size - head.count - xmp.count)
    let length = withUnsafeBytes(of: UInt32(content.count).bigEndian) { Array($0) }
    var png = Image(width: 2, height: 4).pngData()
    // Behind the header; checksums of what is not needed for the pixels are not looked at.
    png.insert(contentsOf: length + Array("iTXt".utf8) + content + [0, 0, 0, 0], at: 33)
    let image = try Image(decoding: png, orientation: .apply)
    #expect(image.width == width && image.height == height)
  }
}
