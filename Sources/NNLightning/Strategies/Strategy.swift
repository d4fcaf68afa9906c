import Foundation
import NNCore
import NNData
import NNLayers

/// How the processes that run one model together share the work. Each has a `Trainer` of its own, with the same
/// settings, callbacks and data; the loops are the same for all, and come to the calls here in the same order in each.
///
///     Trainer(strategy: SingleProcess())   // the default
///
/// What follows from it is decided in the loops, once: all processes begin with the first one's weights, take part of
/// each pass, step with the mean gradients, see the metrics of all data, and end for the same reason at the same step. The
/// first one writes: the others have no loggers and progress bars, and write no checkpoints.
///
/// A new way of working together is a type of its own that conforms.
public protocol Strategy: AnyObject {
  /// Which of the processes this one is, from 0.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }

  /// What was exchanged so far; nil if nothing is.
  var traffic: Traffic? { get }

  /// What this process computes on, of what the Trainer was told.
  func device(for accelerator: Accelerator) -> Device

  /// The part of a loader's batches that this process goes through. In training all parts must have the same number of
  /// batches. In the other stages they may differ by one, the first process's being the longest; together they are
  /// each sample once.
  func share<Batch>(of loader: any BatchLoader<Batch>, for stage: RunningStage) throws
    -> any BatchLoader<Batch>

  /// What a batch of this process's share in training is to the step.
  func part(ofBatch index: Int, in share: Any) -> BatchPart

  /// What all processes gave, by rank.
  func gather(_ bytes: Data) throws -> [Data]

  /// The first process's tensors, of shapes that all have.
  func broadcast(_ tensors: [Tensor]) throws -> [Tensor]

  /// Differentiates a loss.
  ///
  /// - Parameter samples: nil if the gradients are only a part of those of a step. Otherwise
  ///   ``averageGradients(of:samples:)`` is next, with this number, so that gradients can be sent as soon as they are there.
  func backward(_ loss: Tensor, completing samples: Int?)

  /// Makes the gradients the mean over the samples of all processes. They are complete, and not clipped yet.
  ///
  /// - Parameter samples: how many samples the gradients of this process are the mean of.
  func averageGradients(of parameters: [Parameter], samples: Int) throws

  /// This process ends with an error. What the others wait for with it must throw, and not wait for ever.
  func abort(_ error: any Error)
}

/// What a training batch of one of several processes is to their common step.
public enum BatchPart: Sendable, Hashable {
  /// Samples that no other process has.
  case own
  /// The only samples of the step, too few to be divided: the others have the same ones as a spare.
  case alone
  /// Samples of another process, where there are none left: the process takes part in the step, and they count for nothing.
  case spare
}

extension Strategy {
  public var traffic: Traffic? { nil }
  public func part(ofBatch index: Int, in share: Any) -> BatchPart { count == 1 ? .alone : .own }
  public func device(for accelerator: Accelerator) -> Device { accelerator.device }
  public func backward(_ loss: Tensor, completing samples: Int?) { loss.backward() }
  public func abort(_ error: any Error) {}

  /// Whether this process writes for all.
  public var isWriter: Bool { rank == 0 }
}
