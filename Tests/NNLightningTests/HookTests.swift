import NNCore
import NNData
import NNLayers
import TestSupport
import Testing

import NNLightning

/// The order of the hooks, as a list that only changes on purpose.
@Suite struct HookTests {
  @Test func fitCallsItsHooksInOrder() throws {
    try withTemporaryFolder { folder in
      let recorder = Recorder()
      let checkpoint = ModelCheckpoint(directory: folder.path, monitor: nil)
      let trainer = Trainer(
        maxEpochs: 1, callbacks: [checkpoint, recorder], enableProgressBar: false, accumulateGradBatches: 2)
      let loader = points(9, seed: 1)
      try trainer.fit(LinearNet(), train: loader, validation: loader)
      let evaluation = Array(
        repeating: ["validationBatchStart training=false", "validationBatchEnd"], count: 3
      ).flatMap { $0 }
      #expect(
        recorder.hooks == [
          "setup fit", "fitStart", "sanityCheckStart", "sanityCheckEnd", "trainStart",
          "epochStart training=true",
          "batchStart 0", "zeroGrad", "backward", "afterBackward", "batchEnd 4",
          "batchStart 1", "backward", "afterBackward", "step", "batchEnd 4", "boundary",
          "batchStart 2", "zeroGrad", "backward", "afterBackward", "step", "batchEnd 1",
          "validationStart",
        ] + evaluation + [
          "validationEnd", "epochEnd", "boundary epoch", "saveCheckpoint", "trainEnd", "fitEnd",
          "teardown fit",
        ])
      recorder.hooks = []
      try trainer.fit(LinearNet(), train: loader, validation: loader, resume: .last)
      #expect(
        recorder.hooks == [
          "setup fit", "loadCheckpoint", "fitStart", "trainStart", "trainEnd", "fitEnd", "teardown fit",
        ])
    }
  }

  @Test func evaluationsCallTheirOwn() throws {
    let recorder = Recorder()
    let trainer = Trainer(callbacks: [recorder], enableProgressBar: false, limitPredictBatches: 1)
    let loader = ListLoader(batches: Array(points(9, seed: 1).batches.prefix(1)))
    try trainer.validate(LinearNet(), loader)
    try trainer.test(LinearNet(), loader)
    _ = try trainer.predict(LinearNet(), points(9, seed: 1))
    #expect(
      recorder.hooks == [
        "setup validate", "validationStart", "validationBatchStart training=false", "validationBatchEnd",
        "validationEnd", "teardown validate", "setup test", "testStart", "testBatchStart", "testBatchEnd",
        "testEnd", "teardown test", "setup predict", "predictStart", "predictBatchStart", "predictBatchEnd",
        "predictEnd", "teardown predict",
      ])
  }

  @Test func anErrorReachesTheCallbacksAndTheCaller() {
    struct Broken: Error {}
    final class Breaker: Callback {
      override func onAfterBackward(_ trainer: Trainer, _ model: Module) throws { throw Broken() }
    }
    let recorder = Recorder()
    let trainer = Trainer(callbacks: [Breaker(), recorder], enableProgressBar: false)
    #expect(throws: Broken.self) { try trainer.fit(LinearNet(), train: points(9, seed: 1)) }
    #expect(recorder.hooks.suffix(3) == ["backward", "exception", "teardown fit"])
  }
}
