import Foundation
import NNCore
import NNLayers

/// A pass over the batches of a loader, as a `StepInterceptor` sees it.
struct StepPass {
  let stage: RunningStage
  let model: Module
  /// The `BatchLoader`, whatever its batches are.
  let loader: Any
  /// Where model and batches are.
  var device = Device.cpu
  /// The few validation batches that are tried before training.
  var isSanityCheck = false
}

/// Something that stands around the steps of a run, and may answer a part of what they compute. The loops know a list of
/// these, and not what they do; results must be those of a run without them.
protocol StepInterceptor: AnyObject {
  /// A fit begins: what was known of a former one is void.
  ///
  /// - Parameters:
  ///   - isWriter: whether this process writes files, for all that work together.
  ///   - tell: takes a line about the run.
  func beginFit(_ model: Module, isWriter: Bool, tell: @escaping (String) -> Void)
  /// A pass begins. Passes may lie within each other: a validation within an epoch of training.
  ///
  /// - Returns: whether the interceptor takes part in the pass; if not, nothing else is called for it.
  func beginPass(_ pass: StepPass) -> Bool
  /// Runs the step of the model on one batch.
  func run<T>(_ pass: StepPass, _ step: () throws -> T) rethrows -> T
  /// A step is done.
  func afterBatch(_ pass: StepPass)
  /// A pass of several processes came to its end. All come here together.
  ///
  /// - Parameter gather: gives what all gave, by rank.
  func exchange(_ pass: StepPass, gather: (Data) throws -> [Data]) throws
  /// The pass is over, by whatever end.
  func endPass(_ pass: StepPass)
  /// The run (a fit, a validation, a test, a prediction) is over, by whatever end.
  func finish()
}

/// A pass with the interceptors that take part in it, the outermost first.
struct InterceptedPass {
  private let pass: StepPass
  private let interceptors: [any StepInterceptor]

  init(_ pass: StepPass, _ interceptors: [any StepInterceptor]) {
    self.pass = pass
    self.interceptors = interceptors.filter { $0.beginPass(pass) }
  }

  func run<T>(_ step: () throws -> T) rethrows -> T { try run(interceptors[...], step) }

  private func run<T>(_ rest: ArraySlice<any StepInterceptor>, _ step: () throws -> T) rethrows -> T {
    guard let next = rest.first else { return try step() }
    return try next.run(pass) { try run(rest.dropFirst(), step) }
  }

  func exchange(gather: (Data) throws -> [Data]) throws {
    for interceptor in interceptors { try interceptor.exchange(pass, gather: gather) }
  }

  func afterBatch() { for interceptor in interceptors { interceptor.afterBatch(pass) } }
  func end() { for interceptor in interceptors.reversed() { interceptor.endPass(pass) } }
}
