import Foundation
import NNCore
import NNData
import NNLayers
import Synchronization

/// The frozen-feature cache: outputs of the frozen layers of a model, computed once; see ``FeatureCaching``.
///
/// The first training step after a change of what is trained is traced: operations on the batch without a trained operand
/// are recorded in a graph. From then on these operations return lazy values. Whoever reads one (a layer that is trained)
/// gets it from a table, or computed for the rows that the table lacks.
final class FrozenFeatures: StepInterceptor {
  private let settings: FeatureCaching
  /// Of the fit that was begun last; nil before the first.
  private var model: Module?
  private var tell: (String) -> Void = { _ in }
  private var loaders: [ObjectIdentifier: LoaderInputs] = [:]
  /// Which parameters are trained and which modules are in training mode, as they were when the trace was made.
  private var signature: [Bool] = []
  private var kept: KeptFeatures?
  private var tracer: RowTracer?
  private var isToLearn = false
  private var toldReasons: Set<String> = []
  /// During the sanity check, where a trace is made of a validation step, and nothing is said.
  private var isRehearsing = false
  private var isWriter = true

  init(_ settings: FeatureCaching) { self.settings = settings }

  func beginFit(_ model: Module, isWriter: Bool, tell: @escaping (String) -> Void) {
    forget()
    (self.model, self.tell, self.isWriter) = (model, tell, isWriter)
    (signature, toldReasons, isRehearsing) = ([], [], false)
    // Here, since a resumed fit whose steps are all done opens no features.
    if case .disk(let folder) = settings.place, isWriter { FeatureCacheFolder(folder).removeLeftovers() }
  }

  // MARK: Passes

  func beginPass(_ pass: StepPass) -> Bool {
    guard settings.place != .off, pass.model === model else { return false }
    if pass.stage == .fit { lookAtModel(pass.model) }
    if pass.isSanityCheck {
      // It uses what earlier runs left on disk, and is too short to keep anything in memory.
      guard case .disk = settings.place else { return false }
      isRehearsing = true
      lookAtModel(pass.model)
    }
    begin(pass)
    return true
  }

  func endPass(_ pass: StepPass) {
    (pass.loader as? any DeferringLoader)?.deferInputs(to: nil)
    if pass.isSanityCheck {
      // Training needs a trace of its own: that of an evaluation is another one.
      isRehearsing = false
      signature = []
      forget()
    }
  }

  /// Looks whether something else is trained than before, which makes the trace void.
  private func lookAtModel(_ model: Module) {
    let now = model.parameters().map(\.requiresGrad) + model.modules.map(\.isTraining)
    if now == signature { return }
    signature = now
    forget()
    isToLearn = model.parameters().contains { !$0.requiresGrad }
  }

  private func forget() {
    finish()
    (tracer, kept) = (nil, nil)
    loaders = [:]
    isToLearn = false
  }

  /// Takes over the making of inputs for the next pass of a loader; `endPass` gives it back.
  private func begin(_ pass: StepPass) {
    let role = pass.stage.dataName
    guard isToLearn || tracer != nil, let loader = pass.loader as? any DeferringLoader else {
      if isToLearn { refuse("the \(role) batches do not come from a DataLoader") }
      return
    }
    if loaders[ObjectIdentifier(loader)] == nil {
      loaders[ObjectIdentifier(loader)] = inputs(of: loader, role: role, on: pass.device)
    }
    loader.deferInputs(to: loaders[ObjectIdentifier(loader)])
  }

  private func inputs(of loader: any DeferringLoader, role: String, on device: Device) -> LoaderInputs? {
    if let name = loader.batchTransformName {
      refuse("the \(role) batches go through \(name), which mixes their samples")
      return nil
    }
    guard let dataset = loader.repeatableDataset else {
      refuse(
        "whether the \(role) inputs are the same in every epoch is not known: a data set that is a "
          + "RepeatableDataset says so")
      return nil
    }
    let random = dataset.randomTransform
    if let random, settings.views == nil {
      refuse(
        "the \(role) images go through \(random), which draws random numbers; without it, or with `views:` for a few "
          + "augmented views of each image, their features can be kept")
    }
    return LoaderInputs(
      role: role, dataset, on: device, isKept: random == nil || settings.views != nil,
      views: random == nil ? 1 : settings.views ?? 1)
  }

  // MARK: Steps

  func run<T>(_ pass: StepPass, _ step: () throws -> T) rethrows -> T {
    if isToLearn, pass.stage == .fit || pass.isSanityCheck { return try learning(pass.model, step) }
    guard let tracer else { return try step() }
    return try withTracer(tracer, step)
  }

  private func learning<T>(_ model: Module, _ step: () throws -> T) rethrows -> T {
    isToLearn = false
    let kept = KeptFeatures(settings, model)
    let tracer = RowTracer(source: kept)
    let layers = LayerTrail(model)
    tracer.isLearning = true
    tracer.layer = { layers.current }
    defer { layers.remove() }
    let result = try withTracer(tracer, step)
    tracer.isLearning = false
    tracer.layer = { "" }
    // Something frozen behind an operation whose result is another one each time: then the frozen layers are no prefix.
    if let obstacle = tracer.obstacles.first(where: { layers.runsFrozen(from: $0.layer) }) {
      let place = obstacle.layer.isEmpty ? obstacle.operation : "\(obstacle.layer) (\(obstacle.operation))"
      refuse("\(place): \(obstacle.reason); \(Self.advice(obstacle.operation))")
      kept.giveUp()
    } else if !kept.refusals.isEmpty {
      kept.refusals.forEach(refuse)
    } else if kept.isEmpty, tracer.sawBatch {
      refuse("the first layers are trained")
    }
    if !kept.isEmpty {
      self.kept = kept
      self.tracer = tracer
    } else {
      loaders = [:]
    }
    return result
  }

  private static func advice(_ operation: String) -> String {
    operation == "batchNorm"
      ? "freeze() the network instead of requiresGrad(false), and its statistics stay as they are"
      : "freeze() or eval() makes the layer do the same every time"
  }

  private func refuse(_ reason: String) {
    if isRehearsing { return }
    let line = "Frozen features are computed in every epoch: \(reason)."
    if toldReasons.insert(line).inserted { tell(line) }
  }

  /// Adds the line about what is cached to the notes, once, and writes features to disk as soon as there are enough.
  func afterBatch(_ pass: StepPass) {
    if !isRehearsing, let summary = kept?.takeSummary() { tell(summary) }
    if isWriter, let problem = kept?.save(everything: false) { tell(problem) }
  }

  /// Shares that are the same in every epoch stay where they are, unless one process is to write all.
  func exchange(_ pass: StepPass, gather: (Data) throws -> [Data]) throws {
    let isDisk = if case .disk = settings.place { true } else { false }
    guard isDisk || (pass.loader as? any ResumableLoader)?.isShuffled == true else { return }
    let loader = loaders[ObjectIdentifier(pass.loader as AnyObject)]
    let own = try loader.map { try kept?.unsent(of: $0) ?? Data() } ?? Data()
    for message in try gather(own) { try kept?.take(message) }
  }

  /// Writes what is not on disk yet.
  func finish() {
    if isWriter, let problem = kept?.save(everything: true) { tell(problem) }
  }
}

/// Which layers run, as far as their hooks tell.
private final class LayerTrail {
  private var running: RunningLayers?
  /// Layers in the order of their calls, with whether their own parameters are there and frozen.
  private var calls: [(name: String, isFrozen: Bool)] = []

  init(_ model: Module) {
    running = RunningLayers(model) { [unowned self] name, layer in
      let own = layer.children.isEmpty ? layer.parameters() : []
      calls.append((name, !own.isEmpty && own.allSatisfy { !$0.requiresGrad }))
    }
  }

  var current: String { running?.current ?? "" }

  /// Whether a frozen layer with parameters runs in this layer or behind it.
  func runsFrozen(from name: String) -> Bool {
    guard !name.isEmpty, let place = calls.firstIndex(where: { $0.name == name }) else { return false }
    return calls[place...].contains { $0.isFrozen }
  }

  func remove() { running?.remove() }
}
