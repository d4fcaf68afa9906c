import NNCore
import NNLayers
import Testing
import NNModels

/// Keeps the rows of values that were asked for.
private final class Recorder: TracedRowSource, @unchecked Sendable {
  // Invariant: used by one thread only.
  private(set) var asked: [TraceGraph.Value] = []

  func rows(of value: TraceGraph.Value, in graph: TraceGraph, for batch: TracedBatch) -> Tensor {
    asked.append(value)
    return graph.compute([value], from: batch.input)[0]
  }
}

private final class Owner: Sendable {}

@Suite struct TracingTests {
  private static let networks: [(name: String, size: Int)] = [
    ("alexnet", 96), ("vgg11_bn", 32), ("resnet18", 64), ("squeezenet1_0", 64), ("squeezenet1_1", 64),
    ("densenet121", 64), ("inception_v3", 128), ("googlenet", 64), ("shufflenet_v2_x0_5", 64),
    ("mobilenet_v2", 64), ("mobilenet_v3_small", 64), ("resnext50_32x4d", 64), ("mnasnet0_5", 64),
    ("efficientnet_b0", 64), ("tf_efficientnet_lite0", 65), ("convnext_tiny", 64), ("vit_b_16", 224),
  ]

  /// A frozen network is traced from end to end, and gives the same bits for other rows by its trace.
  @Test(arguments: networks.map(\.name))
  func isTracedAsAWhole(name: String) throws {
    manualSeed(0)
    let size = Self.networks.first { $0.name == name }?.size ?? 64
    let network = try makeModel(name)
    network.freeze()
    let images = Tensor.randn([3, 3, size, size])
    let plain = network(images)

    let owner = Owner()
    let first = TracedBatch(rows: [0, 1, 2], owner: owner, input: images) { images }
    let input = first.tracedInput(shape: images.shape, dtype: .float32)
    let recorder = Recorder()
    let tracer = RowTracer(source: recorder)
    tracer.isLearning = true
    let learned = withTracer(tracer) { network(input) }
    #expect(
      learned.storage.trace != nil,
      "ends after \(tracer.graph?.operations.last.map { "\($0.name)" } ?? "nothing")")
    #expect(recorder.asked.isEmpty)
    #expect(learned.array(of: Float.self) == plain.array(of: Float.self))
    #expect(recorder.asked.count == 1)

    tracer.isLearning = false
    let others = Tensor.randn([2, 3, size, size])
    let second = TracedBatch(rows: [3, 4], owner: owner, input: others) { others }
    let replayed = withTracer(tracer) { network(second.tracedInput(shape: others.shape, dtype: .float32)) }
    #expect(replayed.storage.pending != nil)
    #expect(replayed.array(of: Float.self) == network(others).array(of: Float.self))
    #expect(recorder.asked.count == 2 && recorder.asked[0] === recorder.asked[1])
  }
}
