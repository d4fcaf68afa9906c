import NNCore
import Testing

import NNLightning

@Suite struct StepOutputTests {
  @Test func meanIsWeightedByBatchSize() {
    var first: StepOutput = ["loss": Tensor(1.0), "acc": Tensor(0.5)]
    first.batchSize = 3
    var second: StepOutput = ["loss": Tensor(5.0)]
    second.batchSize = 1
    let mean = [first, second].weightedMean()
    #expect(mean["loss"]?.item() == 2)
    #expect(mean["acc"]?.item() == 0.5)
    #expect(mean.batchSize == 4)
    #expect(mean.entries.map(\.name) == ["loss", "acc"])
  }

  @Test func metricsPrintAsPythonsDictionaries() {
    var metrics: Metrics = ["loss": 1.23456, "val_acc": 0.5]
    metrics["test_acc"] = 0.00001
    metrics["loss"] = 2
    #expect("\(metrics)" == "{'loss': 2.0000, 'val_acc': 0.5000, 'test_acc': 0.0000}")
    metrics["val_acc"] = nil
    #expect(metrics.names == ["loss", "test_acc"])
  }

  @Test(arguments: [
    (1.5, 0, "2"), (0.0449, 2, "0.04"), (-3.14159, 3, "-3.142"), (.nan, 2, "nan"),
  ])
  func numbersAreFormatted(value: Double, digits: Int, text: String) {
    #expect(value.formatted(digits: digits) == text)
  }
}

@Suite struct ProgressLineTests {
  private final class Screen {
    var time = 0.0
    var text = ""
  }

  @Test func terminalLineLooksLikeTqdm() {
    let screen = Screen()
    let line = ProgressLine(
      label: "Testing", total: 40, unit: "batch", interval: 5, isTerminal: true, clock: { screen.time },
      write: { screen.text += $0 })
    screen.time = 0.936
    line.update(by: 20)
    screen.time = 1.872
    line.update(by: 20, "test_acc=0.500")
    line.finish()
    let drawn = screen.text.split(separator: "\r").map(String.init)
    #expect(drawn.first == "Testing:  50%|█████     | 20/40 [00:00<00:00, 21.37batch/s]")
    #expect(drawn.last == "Testing: 100%|██████████| 40/40 [00:01<00:00, 21.37batch/s, test_acc=0.500]\n")
  }

  @Test func elsewhereItIsAPlainLineEveryFewSeconds() {
    let screen = Screen()
    let line = ProgressLine(
      label: "Epoch 1/2", total: 100, unit: "batch", interval: 5, isTerminal: false, clock: { screen.time },
      write: { screen.text += $0 })
    for step in 1...100 {
      screen.time = Double(step) / 8
      line.update(by: 1)
    }
    line.finish()
    let lines = screen.text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0] == "Epoch 1/2:  40%|████      | 40/100 [00:05<00:07, 8.00batch/s]")
    #expect(!screen.text.contains("\r"))
  }
}
