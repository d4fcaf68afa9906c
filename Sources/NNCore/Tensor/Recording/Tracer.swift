import CThreadState

/// A setting of an operation, for whoever watches it.
package enum TraceAttribute: Hashable, Sendable {
  case flag(Bool)
  case int(Int)
  case ints([Int])
  case number(Double)
  case numbers([Double])
  case text(String)
}

/// An operation that is about to be carried out.
package struct TracedCall {
  package let name: StaticString
  /// Operands whose first axis counts the rows (the samples of a batch). One that has no rows of its own is broadcast.
  package let rows: [Tensor]
  /// What each row of the result depends on besides: weights, statistics.
  package let parameters: [Tensor]
  package let attributes: [String: TraceAttribute]
  /// Why row i of the result is not a function of row i of the operands; nil if it is.
  package let obstacle: String?
  /// Carries out the operation on other operands of the same kind, in the order `rows + parameters`; the number of rows
  /// may be another. It captures settings, not tensors.
  package let body: @Sendable ([Tensor]) -> Tensor
}

/// Watches the operations of a thread, and can answer for them.
///
/// Operations that networks are made of announce themselves here. One that does not just asks for the values of its
/// operands, as it would without a tracer: the result is right, and the trace ends there.
package protocol Tracer: AnyObject {
  /// The result of an operation, or nil: it is carried out as usual.
  func perform(_ call: TracedCall) -> Tensor?
  /// Tells of an operation that announced nothing and was carried out.
  func passed(_ operation: StaticString, _ operands: [Tensor])
}

/// Runs `body` with a tracer watching the operations of the calling thread.
package func withTracer<T>(_ tracer: any Tracer, _ body: () throws -> T) rethrows -> T {
  let box = TracerBox(tracer)
  let former = nn_tracer()
  nn_set_tracer(Unmanaged.passUnretained(box).toOpaque())
  defer { nn_set_tracer(former) }
  return try withExtendedLifetime(box) { try body() }
}

/// Runs `body` unwatched.
package func withoutTracer<T>(_ body: () throws -> T) rethrows -> T {
  let former = nn_tracer()
  nn_set_tracer(nil)
  defer { nn_set_tracer(former) }
  return try body()
}

private final class TracerBox {
  let tracer: any Tracer
  init(_ tracer: any Tracer) { self.tracer = tracer }
}

/// Whether somebody watches the operations of the calling thread: to be asked before `traced`, which costs more.
@inline(__always)
var isTracing: Bool { nn_tracer() != nil }

/// What the tracer says to an operation; nil: it is to be carried out as usual.
func traced(
  _ name: StaticString, _ rows: [Tensor], parameters: [Tensor?] = [],
  _ attributes: [String: TraceAttribute] = [:], obstacle: String? = nil,
  body: @escaping @Sendable ([Tensor]) -> Tensor
) -> Tensor? {
  guard let pointer = nn_tracer() else { return nil }
  let box = Unmanaged<TracerBox>.fromOpaque(pointer).takeUnretainedValue()
  let call = TracedCall(
    name: name, rows: rows, parameters: parameters.compactMap { $0 }, attributes: attributes,
    obstacle: obstacle,
    body: body)
  return box.tracer.perform(call)
}

/// Tells the tracer of an operation that was carried out without being announced.
@inline(never)
func tracePassed(_ name: StaticString, _ operands: [Tensor]) {
  guard let pointer = nn_tracer() else { return }
  Unmanaged<TracerBox>.fromOpaque(pointer).takeUnretainedValue().tracer.passed(name, operands)
}

/// Tells the tracer that the operation under way is no function of the rows, and why.
func traceEnds(_ name: StaticString, _ rows: [Tensor], because obstacle: String) {
  _ = traced(name, rows, obstacle: obstacle) { $0[0] }
}
