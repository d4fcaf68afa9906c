import Foundation
import NNCore
import NNData
import NNFiles
import TestSupport
import Testing

struct CIFAR10Tests {
  static func json(_ name: String) -> JSONValue {
    do {
      return try JSONValue(contentsOf: URL(fileURLWithPath: fixture("cifar10/\(name)")))
    } catch {
      preconditionFailure("\(name): \(error)")
    }
  }
  static let expected = json("expected.json")
  static let bad = (json("bad/manifest.json").elements ?? []).compactMap {
    entry -> (format: String, file: String)? in
    guard let format = entry["format"]?.string, let file = entry["file"]?.string else { return nil }
    return (format, file)
  }

  /// Pixels in the order of the file: images, channels, rows.
  private func check(_ data: CIFAR10, images: Range<Int>, _ expected: JSONValue) throws {
    #expect(data.targets[images].map { [$0] } == expected["labels"]?.elements?.map(\.ints))
    let part = data.data[images].permute([0, 3, 1, 2]).contiguous()
    #expect(part.shape == expected["shape"]?.ints)
    let pixels = part.array(of: UInt8.self)
    #expect(try pixels.withUnsafeBytes { try sha256($0) } == expected["pixels_sha256"]?.string)
    let starts = stride(from: 0, to: pixels.count, by: 3072).map { pixels[$0..<$0 + 5].map { Int($0) } }
    #expect(starts == expected["first_pixels"]?.elements?.map(\.ints))
  }

  @Test func readsABinaryFile() throws {
    let data = try CIFAR10(binaryFiles: [fixture("cifar10/cifar10_data_batch_1.bin")])
    try check(data, images: 0..<4, try #require(Self.expected["cifar10_data_batch_1.bin"]))
    #expect(data.count == 4)
    #expect(data.classes[data.targets[0]] == "truck")
    let sample = data[2]
    #expect(sample.input.shape == [3, 32, 32])
    #expect(sample.target.dtype == .int64 && sample.target.item() == 3)
    let planes = data.data.select(0, index: 2).permute([2, 0, 1]).to(.float32) / 255
    #expect(sample.input.array(of: Float.self) == planes.array(of: Float.self))
    #expect(
      data.image(at: 2).tensor.array(of: UInt8.self) == data.data.select(0, index: 2).array(of: UInt8.self))
  }

  @Test func opensFoldersOfEitherDepth() throws {
    try withTemporaryFolder { root in
      try CIFARFiles.install(.cifar10, archive: fixture("cifar10/cifar10_binary_mini.tar.gz"), into: root)
      #expect(contents(of: root) == ["cifar-10-batches-bin"])
      let files = try #require(Self.expected["cifar10_binary_mini.tar.gz"]?["files"])
      for folder in [root, "\(root)/cifar-10-batches-bin"] {
        let train = try CIFAR10(root: folder)
        #expect(train.count == 20)
        for batch in 0..<5 {
          let entry = try #require(files["data_batch_\(batch + 1).bin"])
          try check(train, images: batch * 4..<batch * 4 + 4, entry)
        }
        let test = try CIFAR10(root: folder, train: false)
        try check(test, images: 0..<4, try #require(files["test_batch.bin"]))
      }
    }
  }

  @Test func readsThePythonLayout() throws {
    try withTemporaryFolder { root in
      let folder = "\(root)/cifar-10-batches-py"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for name in (1...5).map({ "data_batch_\($0)" }) + ["test_batch"] {
        try FileManager.default.copyItem(atPath: fixture("cifar10/data_batch_1"), toPath: "\(folder)/\(name)")
      }
      let binary = try CIFAR10(binaryFiles: [fixture("cifar10/cifar10_data_batch_1.bin")])
      for place in [root, folder] {
        let train = try CIFAR10(root: place)
        #expect(train.targets == (0..<5).flatMap { _ in binary.targets })
        #expect(train.data[16..<20].array(of: UInt8.self) == binary.data.array(of: UInt8.self))
        #expect(try CIFAR10(root: place, train: false).count == 4)
      }
      // The binary version is preferred.
      try CIFARFiles.install(.cifar10, archive: fixture("cifar10/cifar10_binary_mini.tar.gz"), into: root)
      #expect(try CIFAR10(root: root, train: false).targets == [3, 7, 0, 1])
    }
  }

  @Test func refusesBadPythonFiles() throws {
    let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture("cifar10/data_batch_1"))))
    // The labels are K 09, K 06, K 03, K 04 in one list.
    let labels = try #require((0..<200).first { good[$0..<$0 + 4] == [0x4b, 9, 0x4b, 6] })
    var wrongLabel = good
    wrongLabel[labels + 1] = 10
    var fewerLabels = good
    fewerLabels.removeSubrange(labels..<labels + 2)
    var text = good
    text.replaceSubrange(labels..<labels + 2, with: [0x55, 0])
    for bytes in [wrongLabel, fewerLabels, text, Array(good.prefix(5000)), [], Array("\u{80}\u{2}N.".utf8)] {
      try withTemporaryFolder { root in
        try Data(bytes).write(to: URL(fileURLWithPath: "\(root)/test_batch"))
        #expect {
          try CIFAR10(root: root, train: false)
        } throws: { error in
          expectOneLine(error, naming: "test_batch")
          return error is FileError
        }
      }
    }
  }

  @Test func appliesTheTransformInItsContext() throws {
    let files = [fixture("cifar10/cifar10_data_batch_1.bin")]
    let data = try CIFAR10(
      binaryFiles: files,
      transform: Compose {
        Resize(8, 8)
        ToTensor()
      })
    #expect(data[0].input.shape == [3, 8, 8])
    let noisy = try CIFAR10(
      binaryFiles: files,
      transform: Compose {
        ToTensor()
        Noise()
      })
    func pixels(_ context: SampleContext) -> [Float] { noisy.element(at: 1, context: context).input.array() }
    #expect(
      pixels(SampleContext(seed: 1, epoch: 0, index: 1)) == pixels(SampleContext(seed: 1, epoch: 0, index: 1))
    )
    #expect(
      pixels(SampleContext(seed: 1, epoch: 0, index: 1)) != pixels(SampleContext(seed: 1, epoch: 1, index: 1))
    )
  }

  private struct Noise: Transform {
    func callAsFunction(_ input: Tensor, context: SampleContext) -> Tensor {
      input + Tensor.rand(input.shape, generator: context.generator)
    }
    var isDeterministic: Bool { false }
    var description: String { "Noise()" }
  }

  @Test(arguments: bad.filter { $0.format == "cifar10" }.map(\.file))
  func refusesBadFiles(_ file: String) throws {
    #expect {
      try CIFAR10(binaryFiles: [fixture("cifar10/bad/\(file)")])
    } throws: { error in
      expectOneLine(error, naming: file)
      return error is FileError
    }
  }

  @Test(arguments: bad.filter { $0.format == "tar.gz" }.map(\.file))
  func refusesBadArchives(_ file: String) throws {
    try withTemporaryFolder { parent in
      let root = "\(parent)/a/b/root"
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      #expect {
        try CIFARFiles.install(.cifar10, archive: fixture("cifar10/bad/\(file)"), into: root)
      } throws: { error in
        expectOneLine(error, naming: error is ArchiveError ? file : "data_batch")
        return true
      }
      #expect(contents(of: root) == [])
      #expect(contents(of: "\(parent)/a/b") == ["root"])
      #expect(contents(of: parent) == ["a"])
      #expect(!FileManager.default.fileExists(atPath: "/PWNED"))
    }
  }

  @Test func saysWhatIsMissing() throws {
    try withTemporaryFolder { root in
      #expect(
        throws: DatasetError.notFound(folder: root, expected: "cifar-10-batches-bin or cifar-10-batches-py")
      ) {
        try CIFAR10(root: root)
      }
      try CIFARFiles.install(.cifar10, archive: fixture("cifar10/cifar10_binary_mini.tar.gz"), into: root)
      try FileManager.default.removeItem(atPath: "\(root)/cifar-10-batches-bin/data_batch_3.bin")
      #expect {
        try CIFAR10(root: root)
      } throws: { error in
        expectOneLine(error, naming: "data_batch_3.bin")
        return error is FileError
      }
      #expect(try CIFAR10(root: root, train: false).count == 4)
    }
  }
}

extension CIFAR10Tests {
  /// The labels, after a download from another place than the official one.
  private func open(_ root: String, train: Bool, from source: CIFARFiles.Source) throws -> [Int] {
    var version = CIFARVersion.cifar10
    version.archive = source
    return try version.read(from: root, train: train, download: true, progress: nil).targets
  }

  @Test func downloadsChecksAndUnpacks() throws {
    let archive = fixture("cifar10/cifar10_binary_mini.tar.gz")
    try withTemporaryFolder { folder in
      let root = "\(folder)/new/root"
      let source = CIFARFiles.Source(
        url: "file://\(archive)", checksum: .md5(try Checksum.md5("").digest(ofFile: archive)))
      #expect(try open(root, train: true, from: source).count == 20)
      #expect(contents(of: root) == ["cifar-10-batches-bin", "cifar10_binary_mini.tar.gz"])
      // What is there is opened without looking at the source.
      let nowhere = CIFARFiles.Source(url: "file:///nowhere", checksum: .md5("0"))
      #expect(try open(root, train: false, from: nowhere).count == 4)
    }
    try withTemporaryFolder { root in
      let source = CIFARFiles.Source(
        url: "file://\(archive)", checksum: .md5("00000000000000000000000000000000"))
      #expect {
        try open(root, train: true, from: source)
      } throws: { error in
        expectOneLine(error, naming: "cifar10_binary_mini.tar.gz")
        return error is DownloadError
      }
      #expect(contents(of: root) == [])
    }
  }

  @Test(.enabled(if: sharedFolder != nil, "needs NN_SHARED_DIR"))
  func opensTheRealData() throws {
    let root = "\(sharedFolder ?? "")/data"
    let train = try CIFAR10(root: root)
    let test = try CIFAR10(root: root, train: false)
    #expect(train.count == 50_000 && test.count == 10_000)
    #expect(Array(train.targets.prefix(5)) == [6, 9, 9, 4, 1])
    #expect(Array(test.targets.prefix(5)) == [3, 8, 8, 0, 6])
    for label in 0..<10 {
      #expect(train.targets.filter { $0 == label }.count == 5000)
      #expect(test.targets.filter { $0 == label }.count == 1000)
    }
  }
}
