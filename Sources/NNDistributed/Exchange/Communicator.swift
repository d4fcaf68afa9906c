import Foundation
import NNCore
import NNLightning

/// Several processes that exchange numbers and texts. All come to the same calls in the same order; each call ends with an
/// error for all if a process is gone, hangs, or wants something else.
///
/// Sums are made in the order of the ranks, so that they have the same bits whatever arrives first.
public protocol Communicator: AnyObject, Sendable {
  /// Which of the processes this one is, from 0.
  var rank: Int { get }
  /// How many there are.
  var count: Int { get }

  /// Begins to replace values by their weighted mean over the processes, and returns at once.
  ///
  /// - Parameters:
  ///   - values: float32 or float64 in the memory of the host, contiguous. Nobody may read or write them until the exchange
  ///     is done: they are changed in place.
  ///   - weight: of this process, at least 0; where all are 0 the results are 0.
  ///   - wire: how float32 values are sent.
  func startMean(of values: Tensor, weight: Double, wire: WireFormat) -> Exchange<Void>
  /// The sum of all processes' values, float32 or float64.
  func allReduce(_ values: Tensor) throws -> Tensor
  /// The first process's tensors, of shapes and types that all have.
  func broadcast(_ tensors: [Tensor]) throws -> [Tensor]
  /// What all processes gave, by rank.
  func allGather(_ bytes: Data) throws -> [Data]
  /// Waits until all are here.
  func barrier() throws
  /// This process ends by an error: what the others wait for throws.
  func abort(_ reason: String)

  /// What was sent and waited for so far.
  var traffic: Traffic { get }
}

/// How float32 values go from process to process.
public enum WireFormat: Sendable {
  case float32
  /// In half the bytes. What rounding leaves of the values is kept and added to those of the next time.
  case bfloat16(ErrorFeedback)
}

/// An exchange under way.
public final class Exchange<Value: Sendable>: @unchecked Sendable {
  // Invariant: `result` is set once, before the semaphore is signalled, and read behind it.
  private var result: Result<Value, any Error>?
  private let isDone = DispatchSemaphore(value: 0)

  init() {}

  func finish(_ result: Result<Value, any Error>) {
    self.result = result
    isDone.signal()
  }

  /// Waits for its end.
  public func wait() throws -> Value {
    isDone.wait()
    isDone.signal()
    guard let result else { fail("Exchange", "it ended without a result") }
    return try result.get()
  }
}
