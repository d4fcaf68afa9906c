import NNCore
import NNData
import NNLayers

/// Numbers of a step on a device beside the CPU that are looked at later.
struct UncheckedStep {
  var loss: Tensor?
  /// A norm of all gradients.
  var gradients: Tensor?
  let step: Int
  let epoch: Int
  let batch: Int
  let learningRates: [Double]
}

// A NaN must not get into the weights, and less into a file. So the loss is looked at before it is differentiated (its
// value is read for the metrics anyway), the gradients before the optimizer uses them (one pass over them, whose norm
// clipping needs anyway), and the weights before they are written or handed back.
//
// On another device looking means waiting. There the numbers of each step are kept, and looked at where something is read
// anyway, or is about to be written: a NaN may be in the weights by then, but in no file.
extension FitLoop {
  /// Steps after which their numbers are looked at, whatever happens.
  private static var uncheckedLimit: Int { 50 }

  func checkLoss(_ loss: Tensor, of batch: Any) throws {
    guard trainer.detectAnomaly else { return }
    if loss.device != .cpu {
      unchecked.append(unlooked(loss: loss.detach()))
      return
    }
    let value = loss.detach().item()
    if value.isFinite { return }
    // Weights that the last step spoilt are the cause, and not this batch.
    let broken = brokenState(model.namedParameters().map { ($0.name, $0.parameter.value) })
    throw notFinite(broken.isEmpty ? .loss(value) : .model(broken), inputs: brokenInputs(batch))
  }

  /// - Parameter norm: of all gradients, if it is known.
  func checkGradients(norm: Double? = nil, of batch: Any) throws {
    guard trainer.detectAnomaly else { return }
    if norm?.isFinite == true { return }
    if trainer.device != .cpu {
      noteGradients(unreadGradNorm(optimizer.parameters, normType: .infinity))
      return
    }
    // The norm of finite numbers may be too large for a number itself.
    let broken = optimizer.parameters.filter { $0.grad.map { !$0.isAllFinite } ?? false }
    if broken.isEmpty { return }
    throw notFinite(.gradients(names(of: broken)), inputs: brokenInputs(batch))
  }

  /// Clips the gradients to a norm, and checks that they are finite: scaled by what is no number, all of them would be none.
  func clipGradients(to limit: Double, of batch: Any) throws {
    if trainer.device != .cpu {
      noteGradients(clipUnreadGradNorm(optimizer.parameters, maxNorm: limit))
      return
    }
    let norm = gradNorm(optimizer.parameters)
    try checkGradients(norm: norm, of: batch)
    clipGradNorm(optimizer.parameters, maxNorm: limit, knownNorm: norm)
  }

  private func noteGradients(_ norm: Tensor?) {
    guard trainer.detectAnomaly, let norm else { return }
    // Of the loss of the same step, if there is one.
    if let last = unchecked.indices.last, unchecked[last].step == trainer.globalStep {
      unchecked[last].gradients = norm
    } else {
      unchecked.append(unlooked(gradients: norm))
    }
  }

  private func unlooked(loss: Tensor? = nil, gradients: Tensor? = nil) -> UncheckedStep {
    UncheckedStep(
      loss: loss, gradients: gradients, step: trainer.globalStep, epoch: trainer.currentEpoch,
      batch: trainer.progress.batch, learningRates: optimizer.learningRates)
  }

  /// Looks at the numbers of the steps so far, if there are many.
  func checkManySteps() throws {
    if unchecked.count >= Self.uncheckedLimit { try checkSteps() }
  }

  /// Looks at the numbers of the steps so far.
  func checkSteps() throws {
    let steps = unchecked
    unchecked = []
    for step in steps {
      let place: NonFinite.Place
      if let loss = step.loss?.item(), !loss.isFinite {
        place = .loss(loss)
      } else if let norm = step.gradients?.item(), !norm.isFinite {
        // Those of the last step: the NaN has spread since, and its gradients are gone.
        place = .gradients(names(of: optimizer.parameters.filter { !($0.grad?.isAllFinite ?? true) }))
      } else {
        continue
      }
      throw TrainerError.notFinite(
        NonFinite(
          place: place, step: step.step, epoch: step.epoch, batch: step.batch,
          learningRates: step.learningRates, brokenInputs: nil))
    }
  }

  /// Refuses a state of the model that is not finite where it was when the fit began.
  func checkState(_ state: StateDict) throws {
    guard trainer.detectAnomaly else { return }
    let broken = brokenState(state.map { ($0.key, $0.value) }).filter { !infiniteAtStart.contains($0) }
    if !broken.isEmpty { throw notFinite(.model(broken), inputs: nil) }
  }

  /// Buffers may hold infinities, such as the masks of attention.
  func noteInfiniteBuffers() {
    guard trainer.detectAnomaly else { return }
    infiniteAtStart = Set(brokenState(model.namedBuffers().map { ($0.name, $0.buffer.value) }))
  }

  private func brokenState(_ state: [(name: String, value: Tensor)]) -> [String] {
    // One look at all of a device's instead of one at each.
    let others = state.map(\.value).filter { $0.device != .cpu && $0.dtype.isFloatingPoint }
    let areFinite = others.first.map { $0.backend.powerSum(others, .infinity).isFinite } ?? false
    return state.filter { !(areFinite && $0.value.device != .cpu) && !$0.value.isAllFinite }.map(\.name)
  }

  private func names(of parameters: [Parameter]) -> [String] {
    model.namedParameters().filter { entry in parameters.contains { $0 === entry.parameter } }.map(\.name)
  }

  private func notFinite(_ place: NonFinite.Place, inputs: [Int]?) -> TrainerError {
    .notFinite(
      NonFinite(
        place: place, step: trainer.globalStep, epoch: trainer.currentEpoch, batch: trainer.progress.batch,
        learningRates: optimizer.learningRates, brokenInputs: inputs))
  }

  private func brokenInputs(_ batch: Any) -> [Int]? {
    guard let input = (batch as? Sample)?.input, input.rank >= 1 else { return nil }
    return (0..<input.shape[0]).filter { !input.select(0, index: $0).isAllFinite }
  }
}
