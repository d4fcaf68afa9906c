import NNCore

extension CUDABackend {
  package func makeWorkRepeater() -> (any WorkRepeater)? { CardWorkRepeater(driver) }
}

/// The repeater of a training, whose memory goes back with it.
private final class CardWorkRepeater: WorkRepeater {
  private let driver: RepeatingDriver
  private let steps: StepRepeater
  private var isTaken = false

  init(_ driver: RepeatingDriver) {
    self.driver = driver
    steps = driver.makeRepeater()
  }

  deinit { driver.forget(steps) }

  func begin() { isTaken = driver.begin(steps) }

  func end() {
    if isTaken { driver.end(steps) }
    isTaken = false
  }

  var problem: String? { driver.reading { steps.problem } }

  var progress: WorkProgress {
    driver.reading {
      let coverage = steps.coverage
      return WorkProgress(
        repeats: steps.replays, recorded: coverage.recorded, commands: coverage.all, graphs: steps.graphCount)
    }
  }
}
