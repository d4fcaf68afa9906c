import Foundation
import NNCore
import NNData

// CIFAR-10 from another address than the official one, for Benchmarks/cifar_roots.py:
//
//     CIFARProbe download ROOT URL MD5     as CIFAR10(root:download: true) does with the official archive
//     CIFARProbe dump ROOT FILE            every image, training and then test, as label and 3,072 bytes row by row

let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch (arguments.first, arguments.count) {
  case ("download", 4):
    var version = CIFARVersion.cifar10
    version.archive = CIFARFiles.Source(url: arguments[2], checksum: .md5(arguments[3]))
    _ = try version.read(from: arguments[1], train: false, download: true, progress: nil)
  case ("dump", 3):
    var bytes: [UInt8] = []
    for train in [true, false] {
      let images = try CIFAR10(root: arguments[1], train: train)
      for index in images.indices {
        bytes.append(UInt8(images.targets[index]))
        bytes += images.image(at: index).pixels
      }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: arguments[2]))
  default:
    print("usage: CIFARProbe download ROOT URL MD5 | dump ROOT FILE")
    exit(2)
  }
} catch {
  print(error)
  exit(1)
}
