import NNCore
import NNLayers

/// Gradients of parameters in a few pieces of memory, each of which is averaged as soon as it is full. The parameters
/// used last come first: their gradients are there first.
final class GradientBuckets {
  private struct Bucket {
    /// Places of its parameters, and where each begins.
    var members: [(place: Int, start: Int)] = []
    var count = 0
    let dtype: DType
    let feedback = ErrorFeedback()
    /// Behind the gradients is one number for each parameter: whether it has one.
    var length: Int { count + members.count }
  }

  let parameters: [Parameter]
  private var buckets: [Bucket] = []
  private var bucketOfPlace: [Int]
  private let communicator: any Communicator
  private let isHalf: Bool
  /// Of the step under way: gradients that are not there, by bucket.
  private var missing: [Int] = []
  private var sent: [(values: Tensor, exchange: Exchange<Void>)] = []
  private var weight = 0.0

  /// - Parameters:
  ///   - bytes: of a bucket, unless one parameter has more.
  ///   - isHalf: whether float32 gradients are sent as bfloat16.
  init(_ parameters: [Parameter], bytes: Int, isHalf: Bool, _ communicator: any Communicator) {
    self.parameters = parameters
    self.communicator = communicator
    self.isHalf = isHalf
    bucketOfPlace = Array(repeating: 0, count: parameters.count)
    for place in parameters.indices.reversed() {
      let parameter = parameters[place]
      let dtype = Self.wireType(parameter)
      let size = parameter.count * dtype.byteCount
      // A bucket has one element type; a parameter of another one begins a new bucket.
      if buckets.last.map({ $0.dtype != dtype || $0.count * dtype.byteCount + size > bytes }) ?? true {
        buckets.append(Bucket(dtype: dtype))
      }
      let last = buckets.count - 1
      buckets[last].members.append((place, buckets[last].count))
      buckets[last].count += parameter.count
      bucketOfPlace[place] = last
    }
  }

  private static func wireType(_ parameter: Parameter) -> DType {
    parameter.value.dtype == .float64 ? .float64 : .float32
  }

  /// Whether these are the buckets for parameters as they are.
  func fit(_ others: [Parameter]) -> Bool {
    parameters.count == others.count && zip(parameters, others).allSatisfy { $0 === $1 }
  }
  var areTrained: Bool { parameters.allSatisfy(\.requiresGrad) }

  /// Begins a step.
  ///
  /// - Parameter weight: of this process's gradients.
  func begin(weight: Double) {
    self.weight = weight
    missing = buckets.map(\.members.count)
    sent = []
  }

  var isUnderWay: Bool { !missing.isEmpty }

  /// The gradient of a parameter is complete.
  func markReady(_ place: Int) {
    missing[bucketOfPlace[place]] -= 1
    // All processes send the buckets in one order.
    while sent.count < buckets.count, missing[sent.count] == 0 { send() }
  }

  private func send() {
    let bucket = buckets[sent.count]
    let values = Tensor(uninitialized: [bucket.length], dtype: bucket.dtype)
    let size = bucket.dtype.byteCount
    for (number, (place, start)) in bucket.members.enumerated() {
      let parameter = parameters[place]
      let target = values.hostPointer + start * size
      let flag: Tensor
      if let gradient = parameter.grad {
        let source = gradient.detach().to(.cpu).to(bucket.dtype).contiguous()
        target.copyMemory(from: source.hostPointer, byteCount: parameter.count * size)
        flag = Tensor.ones(1, dtype: bucket.dtype)
      } else {
        target.initializeMemory(as: UInt8.self, repeating: 0, count: parameter.count * size)
        flag = Tensor.zeros(1, dtype: bucket.dtype)
      }
      (values.hostPointer + (bucket.count + number) * size).copyMemory(
        from: flag.hostPointer, byteCount: size)
    }
    let wire: WireFormat = isHalf && bucket.dtype == .float32 ? .bfloat16(bucket.feedback) : .float32
    sent.append((values, communicator.startMean(of: values, weight: weight, wire: wire)))
  }

  /// Sends what is left, and gives the parameters the means.
  func finish() throws {
    defer { (missing, sent) = ([], []) }
    while sent.count < buckets.count { send() }
    for (bucket, (values, exchange)) in zip(buckets, sent) {
      try exchange.wait()
      for (number, (place, start)) in bucket.members.enumerated() {
        let parameter = parameters[place]
        // What no process has a gradient for stays without.
        guard values.narrow(0, start: bucket.count + number, length: 1).item() > 0 else { continue }
        parameter.grad = values.narrow(0, start: start, length: parameter.count)
          .reshape(parameter.shape).to(parameter.value.dtype).to(parameter.value.device)
      }
    }
  }
}
