import NNCore
import NNLayers
import TestSupport
import Testing

struct SummaryTests {
  @Test func showsShapesAndParametersAndLeavesNoTrace() {
    withDefaultGenerator(Generator(seed: 3)) { checkSummary() }
  }

  private func checkSummary() {
    let net = SmallNet()
    net.blocks[1].freeze()
    net.drop.eval()
    let state = net.stateDict()
    let generator = Generator.default.state
    let summary = net.summary(inputShape: [2, 3, 8, 8])
    #expect(Generator.default.state == generator)
    #expect(net.isTraining && !net.drop.isTraining && net.blocks[0].isTraining)
    for (key, value) in net.stateDict() { #expect(state[key]?.isEqual(to: value) == true) }
    #expect(net.parameters().allSatisfy { $0.grad == nil })

    #expect(summary.parameterCount == 112 + 2 * (144 + 8) + 50 + 6)
    #expect(summary.trainableCount == summary.parameterCount - 152)
    #expect(summary.parameterBytes == 4 * summary.parameterCount)
    let rows = Dictionary(uniqueKeysWithValues: summary.rows.map { ($0.name, $0) })
    #expect(rows[""]?.outputShape == [2, 10])
    #expect(rows["blocks"]?.outputShape == [2, 4, 8, 8] && rows["blocks"]?.parameterCount == 0)
    #expect(rows["blocks.1.conv"]?.outputShape == [2, 4, 8, 8])
    #expect(rows["blocks.1.conv"]?.parameterCount == 144 && rows["blocks.1.conv"]?.trainableCount == 0)
    #expect(rows["unused"]?.outputShape == nil)
    // Hooks are gone.
    #expect(net.summary(inputShape: [1, 3, 4, 4]).rows[0].outputShape == [1, 10])
  }

  @Test func drawsATable() {
    let net = Sequential(Linear(1_000, 10), ReLU())
    net[0].requiresGrad(false)
    #expect(
      net.summary(inputShape: [1, 1_000]).description == """
        ┌───────────┬────────────┬──────────────┬────────────┬───────────┐
        │ Layer     │ Type       │ Output shape │ Parameters │ Trainable │
        ├───────────┼────────────┼──────────────┼────────────┼───────────┤
        │ (network) │ Sequential │ [1, 10]      │          — │ —         │
        │   0       │ Linear     │ [1, 10]      │     10,010 │ no        │
        │   1       │ ReLU       │ [1, 10]      │          — │ —         │
        └───────────┴────────────┴──────────────┴────────────┴───────────┘
        Parameters: 10,010 (0.04 MB), trainable: 0, not trainable: 10,010
        """)
  }

  @Test func collapsesBelowADepth() {
    let summary = SmallNet().summary(inputShape: [1, 3, 4, 4], depth: 1)
    #expect(summary.rows.map(\.name) == ["", "stem", "blocks", "drop", "head", "unused"])
    #expect(summary.rows[2].parameterCount == 304)
  }
}
