extension DocumentationExampleTests {
  /// What stands before every example.
  static let everywhere = """
    let (images, labels, target) = (Tensor.rand(2, 3, 64, 64), Tensor([0, 1]), Tensor([1, 0]))
    let (x, scores) = (Tensor.rand(2, 8, 8, 8), Tensor.rand(2, 10))
    let shapes = SyntheticShapes(count: 100)
    """

  /// What else stands before the examples of a file, by its name, or around `<example>`.
  static let surroundings: [String: String] = [
    // Pages
    "Export.md": "let (network, path) = (Sequential(Conv2d(3, 8, kernelSize: 3), ReLU()), \"network.onnx\")",
    "FromPyTorch.md": "let (network, googlenet, y) = (GoogLeNet(), GoogLeNet(), labels)",
    "FineTuning.md": """
    let points = Tensor.rand(8, 4)
    let features = try LabelledFeatures(points, Tensor([0, 1, 2, 3, 4, 0, 1, 2]), classes: 5)
    let others = features
    """,
    "GPU.md": smallTraining,
    // Data
    "Balance.swift": "let dataset = shapes",
    "DataLoader.swift": "let train = shapes",
    "ImageCache.swift": smallImages,
    "ImageFolder.swift": smallImages,
    "RepeatableDataset.swift": """
    struct Recordings: Dataset {
      let labels: [Int]
      var count: Int { labels.count }
      subscript(index: Int) -> Sample { Sample(input: Tensor.zeros(8), target: Tensor(labels[index])) }
    }
    // file scope
    """,
    "VisionDataset+Preview.swift": "let dataset = shapes",
    // Layers
    "FeatureExtractor.swift": "let network = GoogLeNet()",
    "LazyLayers.swift": "let images = Tensor.rand(2, 3, 8, 8)",
    "LBFGS.swift": "let (head, features) = (Linear(8, 2), Tensor.rand(2, 8))",
    "LowRank.swift": "let network = try TransferNetwork(GoogLeNet(), classes: 2)",
    "Losses.swift": "let net = Sequential(Flatten(), Linear(8 * 8 * 8, 2))",
    "Muon.swift":
      "let (matrices, others) = (Linear(8, 8, bias: false).parameters(), LayerNorm(8).parameters())",
    "NearestNeighbors.swift": "let (features, others) = (Tensor.rand(2, 8), Tensor.rand(3, 8))",
    "ParameterGrouping.swift": "let net = Linear(8, 2)",
    "Recurrent.swift": "let rows = Tensor.rand(2, 28, 28)",
    "TransformerEncoder.swift": "let tokens = Tensor.rand(2, 4, 512)",
    "WarmupCosineLR.swift": "let optimizer = SGD(Linear(8, 2).parameters())",
    "ModuleSummary.swift": "let net = Sequential(Conv2d(3, 8, kernelSize: 3), ReLU())",
    "ONNXModel.swift": "let network = GoogLeNet()",
    "Optimizer.swift": bodyAndHead,
    "OptimizerList.swift": bodyAndHead,
    "OptimizerOptions.swift": bodyAndHead,
    "RepeatedStep.swift": smallTraining,
    "DataParallel.swift": """
    func group() throws -> any Communicator { throw CancellationError() }
    let communicator = try group()
    """,
    // Networks
    "ImageClassifier+Training.swift": "let network = GoogLeNet()",
    "ImageClassifier.swift": "let (network, googlenet) = (GoogLeNet(), GoogLeNet())",
    "Models.swift": "let saved: [String: String] = [:]",
    "PretrainedWeights.swift":
      "let image = Image(width: 2, height: 2, channels: 3, pixels: Array(repeating: 0, count: 12))",
    "TransferNetwork.swift": "let (pretrained, network) = (GoogLeNet(), GoogLeNet())",
    // Running
    "BackboneFinetuning.swift": "let (backbone, head) = (Linear(8, 8), Linear(8, 2))",
    "CrossValidation.swift": """
    let backbone = Sequential(Flatten(), Linear(3_072, 8))
    let loader = DataLoader(shapes, batchSize: 8)
    """,
    "FinetuningPhases.swift": """
    final class Net: Module {
      let (layer4, head) = (Linear(8, 8), Linear(8, 2))
    }
    let net = Net()
    """,
    "HeadSearch.swift": """
    let backbone = Sequential(Flatten(), Linear(3_072, 8))
    let (trainLoader, validationLoader) = (DataLoader(shapes, batchSize: 8), DataLoader(shapes, batchSize: 8))
    """,
    "MetricKey.swift": "let context = StepContext()",
    "RunLock.swift": """
    <example>
    print(lock)
    """,
    "RunTimer.swift": modelAndData,
    "StepContext.swift": """
    final class Net: Module, Classifier, ValidationStep {
      func callAsFunction(_ x: Tensor) -> Tensor { x }
      <example>
    }
    """,
    "Trainer.swift": modelAndData,
  ]

  /// Pages whose first example is what the others stand among.
  static let firstIsShared: Set = ["Lightning.md"]

  private static let smallImages = "let transform = Compose { Resize(8, 8); ToTensor() }"

  private static let smallTraining = """
    let net = Sequential(Flatten(), Linear(512, 2))
    let optimizer = SGD(net.parameters(), learningRate: 0.1)
    let loader = [Sample(input: x, target: labels)]
    """

  private static let bodyAndHead = """
    final class Net: Module {
      let (body, head) = (Linear(8, 8), Linear(8, 2))
    }
    let net = Net()
    let optimizer = SGD(net.parameters(), learningRate: 0.1)
    let loss = net.head(net.body(Tensor.rand(2, 8))).sum()
    """

  private static let modelAndData = """
    final class Net: Module, Classifier, TrainStep, ValidationStep, TestStep {
      let fc = Linear(3_072, 10)
      func callAsFunction(_ x: Tensor) -> Tensor { fc(x.flatten(from: 1)) }
      func configureOptimizers() -> any Optimizer { SGD(parameters(), learningRate: 0.1) }
    }
    struct Shapes: DataModule {
      func trainLoader() -> (any BatchLoader<Sample>)? { DataLoader(SyntheticShapes(), batchSize: 64) }
      func validationLoader() -> (any BatchLoader<Sample>)? { trainLoader() }
      func testLoader() -> (any BatchLoader<Sample>)? { trainLoader() }
    }
    let (net, data) = (Net(), Shapes())
    """

  /// Examples that are not compiled, by their file's name and their beginning, and why.
  static let notCompiled: [String: String] = [
    "README.md: .package(url:": "a line of a manifest; DependencyTests builds a package with one"
  ]
}
