import Foundation
import NNCore
import NNData
import NNFiles
import NNLayers
import NNModels
import TestSupport
import Testing

/// Weight files of networks, as people have them.
struct PretrainedFileTests {
  private func logits(_ network: any CallableModule, _ size: Int = 32) -> Tensor {
    network.eval()
    return noGrad { network(ModelFixture.input([1, 3, size, size])) }
  }

  @Test func anotherHeadIsLeftOut() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/ten.safetensors"
      let source = squeezenet1_1(classes: 10)
      try source.stateDict().addingPrefix("model.").write(safetensors: path)
      let network = skipInit { squeezenet1_1() }
      #expect(throws: FileError.self) { try network.loadPretrainedWeights(from: path) }
      let report = try network.loadPretrainedWeights(from: path, replacingHead: true)
      #expect(
        report.description
          == "\(path): took the weights without prefix \"model.\", 50 tensors; left out: the head for 10 classes "
          + "(model.classifier.1.weight, model.classifier.1.bias)")
      let transfers = try [network, source].map { try TransferNetwork($0, classes: 2) }
      #expect(logits(transfers[0].backbone).isEqual(to: logits(transfers[1].backbone)))
    }
  }

  /// The model that a fine-tuning wrote is the start of another one.
  @Test(arguments: ["resnet18", "squeezenet1_1", "googlenet"])
  func aFormerRunIsAStart(_ name: String) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/model.safetensors"
      let run = try TransferNetwork(makeModel(name), classes: 4, normalizesFeatures: true)
      try run.stateDict().write(safetensors: path)
      let network = try skipInit { try makeModel(name) }
      let report = try network.loadPretrainedWeights(from: path, replacingHead: true)
      #expect(report.prefix == "backbone." && report.headClasses == 4)
      #expect(report.leftOut.map(\.key).allSatisfy { $0.hasPrefix("head.") } && report.leftOut.count == 7)
      let again = try TransferNetwork(network, classes: 2)
      #expect(logits(again.backbone, 64).isEqual(to: logits(run.backbone, 64)))
    }
  }

  @Test func theNearestNetworkIsNamed() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/run.safetensors"
      try skipInit { resnet34(classes: 7) }.stateDict().addingPrefix("module.").write(safetensors: path)
      for network in [skipInit { resnet18() }, skipInit { squeezenet1_1() }] as [any ImageClassifier] {
        let error = #expect(throws: FileError.self) {
          try network.loadPretrainedWeights(from: path, replacingHead: true)
        }
        let message = "\(try #require(error))".dropFirst(path.count)
        #expect(message.hasSuffix("; the file is most like resnet34"), "\(message)")
        #expect(message.count < 400 && !message.contains("\n"), "\(message)")
      }
    }
  }

  /// GoogLeNet's official file renormalises images and has no trained heads, by its name.
  @Test func officialFilesBringTheirConventions() throws {
    try withTemporaryFolder { folder in
      let state = skipInit { googlenet() }.stateDict()
      for (name, isOfficial) in [("googlenet-1378be20.pth", true), ("mine.pth", false)] {
        let path = "\(folder.path)/\(name)"
        try state.write(pth: path)
        let network = skipInit { googlenet() }
        try network.loadPretrainedWeights(from: path)
        #expect(network.transformInput == isOfficial && network.hasAuxiliaryHeads != isOfficial)
        #expect((network.inputNormalization != nil) == isOfficial)
      }
    }
  }

  /// An index that names itself ends in an error, not in endless reading.
  @Test func anIndexNamesNoIndex() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder.path)/m.index.json"
      try Data(#"{"weight_map":{"a":"m.index.json"}}"#.utf8).write(to: URL(fileURLWithPath: path))
      for name in ["x.safetensors.index.json", "other.npz", "..\u{301}/evil", "a/\u{301}b", "x\0"] {
        try Data(
          "{\"weight_map\":{\"a\":\(name.debugDescription.replacingOccurrences(of: "\\0", with: "\\u0000").replacingOccurrences(of: "\\u{0301}", with: "\u{301}"))}}"
            .utf8
        )
        .write(to: URL(fileURLWithPath: "\(folder.path)/other.index.json"))
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/x.safetensors.index.json"))
        try Data("PK".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/other.npz"))
        for file in [path, "\(folder.path)/other.index.json"] {
          let error = #expect(throws: FileError.self, "\(file)") {
            try squeezenet1_1().loadPretrainedWeights(from: file)
          }
          #expect(!"\(try #require(error))".contains("\n"))
        }
      }
    }
  }
}
