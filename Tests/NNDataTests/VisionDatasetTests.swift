import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

struct VisionDatasetTests {
  // MARK: CIFAR-100

  @Test func readsBothLayoutsOfCIFAR100() throws {
    let binary = try CIFAR100(binaryFiles: [fixture("cifar100/cifar100_train.bin")])
    #expect(binary.targets == [87, 32, 82, 80, 53])
    #expect(CIFAR100.classNames.count == 100 && CIFAR100.classNames == CIFAR100.classNames.sorted())
    #expect(binary.classes[binary.targets[4]] == "orange")
    let planes = binary.data.permute([0, 3, 1, 2]).contiguous().array(of: UInt8.self)
    #expect(
      try planes.withUnsafeBytes { try sha256($0) }
        == "bb93389c55528a13401abfebfaf523ebe65491e3775d702f3a98527c0ddfb0c0")
    try withTemporaryFolder { root in
      let folder = "\(root)/cifar-100-python"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for name in ["train", "test"] {
        try FileManager.default.copyItem(atPath: fixture("cifar100/train"), toPath: "\(folder)/\(name)")
      }
      for place in [root, folder] {
        for train in [true, false] {
          let data = try CIFAR100(root: place, train: train)
          #expect(data.targets == binary.targets)
          #expect(data.data.array(of: UInt8.self) == binary.data.array(of: UInt8.self))
        }
      }
      #expect(throws: DatasetError.self) { try CIFAR10(root: root) }
    }
  }

  @Test(arguments: ["cifar100_coarse_label_20.bin", "cifar100_fine_label_100.bin", "cifar100_wrong_size.bin"])
  func refusesBadFilesOfCIFAR100(_ file: String) throws {
    #expect {
      try CIFAR100(binaryFiles: [fixture("cifar100/bad/\(file)")])
    } throws: { error in
      expectOneLine(error, naming: file)
      return error is FileError
    }
  }

  @Test func installsTorchvisionsArchive() throws {
    try withTemporaryFolder { folder in
      let archive = fixture("cifar100/cifar-100-python.tar.gz")
      let source = CIFARFiles.Source(
        url: "file://\(archive)", checksum: .md5(try Checksum.md5("").digest(ofFile: archive)))
      let root = "\(folder)/new"
      let files = try CIFARFiles.open(.cifar100, in: root, download: source, progress: nil)
      #expect(try files.batches(train: true).map(\.labels) == [[87]])
      // What torchvision looks for.
      #expect(contents(of: root) == ["cifar-100-python", "cifar-100-python.tar.gz"])
      #expect(contents(of: "\(root)/cifar-100-python") == ["meta", "test", "train"])
      #expect(try CIFAR100(root: root, train: false).targets == [87])
    }
  }

  // MARK: MNIST

  private func withMNIST(_ folder: String, _ body: (String, String) throws -> Void) throws {
    try withTemporaryFolder { root in
      let raw = "\(root)/\(folder)/raw"
      try FileManager.default.createDirectory(atPath: raw, withIntermediateDirectories: true)
      for name in contents(of: fixture("mnist")) {
        try FileManager.default.copyItem(atPath: fixture("mnist/\(name)"), toPath: "\(raw)/\(name)")
      }
      try body(root, raw)
    }
  }

  @Test func readsMNIST() throws {
    try withMNIST("MNIST") { root, raw in
      let train = try MNIST(root: root)
      #expect(train.data.shape == [5, 4, 3, 1])
      #expect(train.targets == [5, 8, 1, 4, 7])
      let pixels: [UInt8] = (0..<60).map { UInt8(($0 * 7 + 5) % 256) }
      #expect(train.data.array(of: UInt8.self) == pixels)
      #expect(train[1].input.shape == [1, 4, 3] && train[1].target.item() == 8)
      #expect(train.classCounts == [0, 1, 0, 0, 1, 1, 0, 1, 1, 0])
      // The unpacked files stay, as torchvision wants them; the packed ones are not needed any more.
      #expect(contents(of: raw).count == 6)
      let test = try MNIST(root: root, train: false)
      #expect(test.count == 3)
      for name in contents(of: raw) where name.hasSuffix(".gz") {
        try FileManager.default.removeItem(atPath: "\(raw)/\(name)")
      }
      #expect(try MNIST(root: root, train: false).targets == test.targets)
    }
    try withMNIST("FashionMNIST") { root, _ in
      let train = try FashionMNIST(root: root)
      #expect(train.classes[train.targets[0]] == "Sandal")
      #expect(throws: DatasetError.self) { try KMNIST(root: root) }
    }
    try withMNIST("KMNIST") { root, _ in
      let test = try KMNIST(root: root, train: false)
      #expect(test.count == 3)
    }
  }

  @Test func downloadsWhatIsMissing() throws {
    let folder = fixture("mnist")
    let names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    let sums = try names.map { try Checksum.md5("").digest(ofFile: "\(folder)/\($0)-ubyte.gz") }
    try withTemporaryFolder { root in
      let files = IdxFiles(folder: "MNIST/raw", address: "file://\(folder)/", checksums: sums)
      #expect(throws: DatasetError.self) {
        try files.read(from: root, train: true, download: false, progress: nil)
      }
      let test = try files.read(from: root, train: false, download: true, progress: nil)
      #expect(test.targets.count == 3)
      #expect(contents(of: "\(root)/MNIST/raw").count == 8)
      let train = try MNIST(root: root)
      #expect(train.count == 5)
    }
    try withTemporaryFolder { root in
      let wrong = IdxFiles(folder: "x", address: "file://\(folder)/", checksums: sums.reversed())
      #expect(throws: DownloadError.self) {
        try wrong.read(from: root, train: true, download: true, progress: nil)
      }
      #expect(contents(of: "\(root)/x") == [])
    }
  }

  @Test func refusesBadIdxFiles() throws {
    try withMNIST("MNIST") { root, raw in
      _ = try MNIST(root: root)
      let (images, labels) = ("\(raw)/train-images-idx3-ubyte", "\(raw)/train-labels-idx1-ubyte")
      let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: images)))
      func refuses(_ bytes: [UInt8], _ path: String) throws {
        let kept = try Data(contentsOf: URL(fileURLWithPath: path))
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect {
          try MNIST(root: root)
        } throws: { error in
          expectOneLine(error, naming: "train-")
          return error is FileError || error is DatasetError
        }
        try kept.write(to: URL(fileURLWithPath: path))
      }
      for place in 0..<16 {
        var bytes = good
        bytes[place] ^= 0x40
        try refuses(bytes, images)
      }
      try refuses(Array(good.dropLast()), images)
      try refuses(good + [0], images)
      try refuses([], images)
      try refuses([0, 0, 8, 3] + Array(repeating: 0xff, count: 12), images)
      // No element, and yet strides that no Int holds.
      try refuses([0, 0, 8, 3, 0, 0, 0, 0] + Array(repeating: 0xff, count: 8), images)
      try refuses([0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 10], labels)
      try refuses([0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4], labels)
      // A damaged packed file leaves nothing behind.
      try FileManager.default.removeItem(atPath: images)
      var packed = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(images).gz")))
      packed[packed.count - 6] ^= 1
      try Data(packed).write(to: URL(fileURLWithPath: "\(images).gz"))
      #expect(throws: ArchiveError.self) { try MNIST(root: root) }
      #expect(!FileManager.default.fileExists(atPath: images))
    }
  }

  // MARK: Folders

  private func image(_ value: UInt8, _ width: Int = 6, _ height: Int = 5) -> Image {
    Image(width: width, height: height, channels: 3, color: [value])
  }

  private func withFolder(_ files: [String: Image], _ body: (String) throws -> Void) throws {
    try withTemporaryFolder { root in
      for (name, image) in files {
        let path = "\(root)/\(name)"
        try FileManager.default.createDirectory(
          atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try image.writePNG(toFile: path)
      }
      try body(root)
    }
  }

  @Test func listsFoldersAsTorchvision() throws {
    let files = [
      "cat/b.png": image(1), "cat/B.PNG": image(0), "cat/deep/a.png": image(3), "cat/a10.png": image(9),
      "Dog/é.png": image(4), "Dog/z.jpeg": image(5), "äpfel/x.jpg": image(6, 4, 4),
    ]
    try withFolder(files) { root in
      try Data().write(to: URL(fileURLWithPath: "\(root)/notes.txt"))
      try Data().write(to: URL(fileURLWithPath: "\(root)/cat/notes.txt"))
      let set = try ImageFolder(root)
      #expect(set.classes == ["Dog", "cat", "äpfel"])
      #expect(set.classToIndex["cat"] == 1)
      #expect(
        set.paths.map { String($0.dropFirst(root.count + 1)) } == [
          "Dog/z.jpeg", "Dog/é.png", "cat/B.PNG", "cat/a10.png", "cat/b.png", "cat/deep/a.png", "äpfel/x.jpg",
        ])
      #expect(set.targets == [0, 0, 1, 1, 1, 1, 2])
      #expect(set.classCounts == [2, 4, 1])
      #expect(try set.image(at: 5) == image(3))
      #expect(try set[4].input.array(of: Float.self) == Array(repeating: Float(1) / 255, count: 90))
      let gray = try ImageFolder(
        root, mode: .gray,
        transform: Compose {
          Resize(4, 4); ToTensor()
        })
      var shapes: [[Int]] = []
      try DataLoader(gray, batchSize: 4, workers: 2).forEach { shapes.append($0.input.shape) }
      #expect(shapes == [[4, 1, 4, 4], [3, 1, 4, 4]])
      // Images of different sizes make no batch.
      #expect(throws: CollateError.self) { try DataLoader(set, batchSize: 7).forEach { _ in } }
    }
  }

  @Test func namesWhatIsWrongWithAFolder() throws {
    try withFolder(["a/x.png": image(1), "b/y.png": image(2)]) { root in
      try FileManager.default.createDirectory(atPath: "\(root)/c", withIntermediateDirectories: true)
      #expect(throws: DatasetError.emptyClass(folder: "\(root)/c")) { try ImageFolder(root) }
      #expect(try ImageFolder(root, allowEmpty: true).classes == ["a", "b", "c"])
      try Data().write(to: URL(fileURLWithPath: "\(root)/c/scan.TIFF"))
      #expect(throws: FileError.self) { try ImageFolder("\(root)/none") }
      #expect(throws: DatasetError.self) { try ImageFolder("\(root)/a") }
      // A link to a folder above ends.
      try FileManager.default.removeItem(atPath: "\(root)/c/scan.TIFF")
      try FileManager.default.createSymbolicLink(atPath: "\(root)/c/up", withDestinationPath: root)
      #expect(try ImageFolder(root).targets == [0, 1, 2, 2])
      // A damaged file is found when it is read, by the loader, too.
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(root)/b/y.png"))
      let set = try ImageFolder("\(root)")
      #expect(throws: ImageError.self) { try set[1] }
      for workers in [0, 2] {
        #expect(throws: ImageError.self) { try DataLoader(set, workers: workers).forEach { _ in } }
      }
    }
  }

  @Test func opensImagenette() throws {
    let files = [
      "train/n02102040/a.JPEG": image(1), "train/n01440764/b.JPEG": image(2),
      "val/n01440764/c.JPEG": image(3),
    ]
    try withFolder(files) { root in
      try withTemporaryFolder { parent in
        try FileManager.default.copyItem(atPath: root, toPath: "\(parent)/imagenette2-160")
        let train = try Imagenette.open(root: parent, size: .pixels160, transform: ToTensor())
        #expect(train.classes == ["tench", "English springer"] && train.targets == [0, 1])
        #expect(
          try Imagenette.open(root: parent, train: false, size: .pixels160, transform: ToTensor()).count == 1)
        #expect(throws: DatasetError.self) { try Imagenette.open(root: parent, transform: ToTensor()) }
      }
    }
  }

  @Test func installsImagenette() throws {
    let archive = fixture("images/imagenette2-160.tgz")
    let source = (
      url: "file://\(archive)", checksum: Checksum.md5(try Checksum.md5("").digest(ofFile: archive))
    )
    try withTemporaryFolder { root in
      let train = try Imagenette.open(
        root: "\(root)/new", train: true, size: .pixels160, download: source, transform: ToTensor())
      #expect(train.classes == ["tench", "gas pump"])
      #expect(try train.image(at: 1) == Image(contentsOfFile: fixture("images/rgb444.jpg")))
      #expect(contents(of: "\(root)/new") == ["imagenette2-160", "imagenette2-160.tgz"])
    }
  }

  // MARK: FakeData

  /// The values of torchvision 0.24.1.
  @Test func makesTorchvisionsFakeData() throws {
    let set = FakeData(size: 3, imageSize: (3, 9, 7), classCount: 5, randomOffset: 4)
    #expect(set.targets == [4, 1, 3] && set.classes.count == 5)
    let first = set.image(at: 0)
    #expect(first.width == 7 && first.height == 9)
    #expect(close(first.pixels, [16, 177, 79, 66, 5, 101, 210, 214, 220, 38, 53, 122]))
    let second = [213, 81, 92, 132, 124, 7, 76, 142, 98, 79, 59, 247]
    #expect(close(set.image(at: 1).pixels, second))
    let small = FakeData(size: 3, imageSize: (1, 2, 3), classCount: 5)
    #expect(small.targets == [1, 1, 4])
    #expect(close(small.image(at: 2).pixels, [100, 199, 175, 205, 10, 95]))
    #expect(try small[2].target.item() == 4)
  }

  /// All that a published data set of one's own says.
  private struct Stripes: PublishedDataset {
    struct Files: PublishedFiles {
      func read(
        from root: String, train: Bool, download: Bool, progress: ((DownloadProgress) -> Void)?
      ) throws -> (data: Tensor, targets: [Int]) {
        guard root == "stripes" else { throw DatasetError.notFound(folder: root, expected: "stripes") }
        return (Tensor.ones([train ? 3 : 2, 4, 5, 1], dtype: .uint8), train ? [0, 1, 1] : [1, 0])
      }
    }
    let data: Tensor
    let targets: [Int]
    var transform: any Transform<Image, Tensor>
    static let classNames = ["across", "down"]
    static var files: any PublishedFiles { Files() }
  }

  @Test func opensAPublishedDatasetOfOnesOwn() throws {
    let test = try Stripes(
      root: "stripes", train: false,
      transform: Compose {
        Resize(2, 3)
        ToTensor()
      })
    #expect(test.targets == [1, 0] && test.classes == ["across", "down"] && test.classCounts == [1, 1])
    let batch = try DataLoader(try Stripes(root: "stripes"), batchSize: 3).makeIterator().next()
    #expect(batch?.input.shape == [3, 1, 4, 5] && batch?.target.array(of: Int.self) == [0, 1, 1])
    #expect(test[0].input.shape == [1, 2, 3])
    #expect(throws: DatasetError.self) { try Stripes(root: "elsewhere") }
  }

  private func close(_ got: [UInt8], _ wanted: [Int]) -> Bool {
    zip(got, wanted).allSatisfy { [0, 1, 255].contains(abs(Int($0) - $1)) }
  }
}
