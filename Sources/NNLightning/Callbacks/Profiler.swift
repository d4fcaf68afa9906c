import Foundation
import NNCore
import NNLayers
import Synchronization

/// Measures how long each layer takes forward and backward in some training steps, and how long loading, optimizer and
/// whole steps take. `table` says it in text; the trace file opens in https://ui.perfetto.dev and chrome://tracing.
///
/// Layers are seen where their calls are (see `Layer`); times of a block include those of its parts. A layer's
/// backward time runs from the gradient of its output to that of its input; where other layers use the same input, their
/// work in between counts too. What otherwise runs in one pass (a normalisation, the rectifier behind it) is computed one
/// by one while it is measured, so the parts add up to more than a step takes without. On a device beside the CPU each layer is
/// waited for, which adds some microseconds to each.
public final class Profiler: Callback {
  /// Time of one layer, added up over all its calls.
  public struct LayerTime: Sendable {
    public let name: String
    public let type: String
    public fileprivate(set) var calls = 0
    /// Seconds.
    public fileprivate(set) var forward = 0.0
    /// Seconds.
    public fileprivate(set) var backward = 0.0
  }

  public let skip: Int
  public let steps: Int
  public let trace: String?
  /// Layers in the order of the network.
  public private(set) var layers: [LayerTime] = []
  /// Seconds of all profiled training steps.
  public private(set) var stepSeconds = 0.0

  private struct Call {
    var layer: Int
    var forwardStart: Double
    var forwardEnd = 0.0
    var backwardStart: Double?
    var backwardEnd: Double?
  }
  /// Calls of the step under way; hooks of the backward pass write here.
  private final class Calls: Sendable {
    let list = Mutex<[Call]>([])
  }
  private struct Event {
    var name: String
    var category: String
    var start: Double
    var end: Double
  }

  private var calls = Calls()
  private var open: [Int] = []
  private var handles: [HookHandle] = []
  private var events: [Event] = []
  private var batches = 0
  private var stepStart = 0.0
  private var optimizerStart: Double?

  /// - Parameters:
  ///   - skip: training batches that are let by first, while memory and caches warm up.
  ///   - steps: training batches that are measured.
  ///   - trace: file for the trace (JSON).
  public init(skip: Int = 2, steps: Int = 10, trace: String? = nil) {
    require(skip >= 0 && steps >= 1, "Profiler", "needs skip >= 0 and steps >= 1, got \(skip) and \(steps)")
    self.skip = skip
    self.steps = steps
    self.trace = trace
  }

  /// Makes sure that the values are there, and that a device has nothing else to do.
  private static func finish(_ tensor: Tensor) {
    tensor.evaluate()
    if tensor.device != .cpu { tensor.device.synchronize() }
  }

  private static func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

  public override var isForWriterOnly: Bool { true }

  public override func setup(_ trainer: Trainer, _ model: Module, stage: RunningStage) {
    guard stage == .fit else { return }
    (events, batches, stepSeconds, layers) = ([], 0, 0, [])
    for (name, module) in model.namedModules() {
      layers.append(LayerTime(name: name.isEmpty ? "(network)" : name, type: module.typeName))
    }
  }

  public override func onTrainBatchStart(_ trainer: Trainer, _ model: Module, batchIndex: Int) {
    batches += 1
    guard batches > skip, batches <= skip + steps else { return }
    calls = Calls()
    for (place, module) in model.modules.enumerated() { watch(module, place) }
    if trainer.device != .cpu { trainer.device.synchronize() }
    stepStart = Self.now()
  }

  private func watch(_ module: Module, _ place: Int) {
    let calls = calls
    handles.append(
      module.registerForwardPreHook { [self] _, input in
        let number = calls.list.withLock { list in
          list.append(Call(layer: place, forwardStart: 0))
          return list.count - 1
        }
        if input.device != .cpu { Self.finish(input) }
        open.append(number)
        if input.requiresGrad {
          input.registerHook { gradient in
            Self.finish(gradient)
            calls.list.withLock { $0[number].backwardEnd = Self.now() }
            return nil
          }
        }
        calls.list.withLock { $0[number].forwardStart = Self.now() }
        return nil
      })
    handles.append(
      module.registerForwardHook { [self] _, _, output in
        Self.finish(output)
        let now = Self.now()
        guard let number = open.popLast() else { return nil }
        calls.list.withLock { $0[number].forwardEnd = now }
        if output.requiresGrad {
          output.registerHook { gradient in
            Self.finish(gradient)
            calls.list.withLock { $0[number].backwardStart = Self.now() }
            return nil
          }
        }
        return nil
      })
  }

  public override func onAfterBackward(_ trainer: Trainer, _ model: Module) {
    if handles.isEmpty { return }
    let now = Self.now()
    for call in calls.list.withLock({ $0 }) {
      layers[call.layer].calls += 1
      layers[call.layer].forward += call.forwardEnd - call.forwardStart
      let name = layers[call.layer].name
      events.append(
        Event(name: name, category: "forward", start: call.forwardStart, end: call.forwardEnd))
      if let start = call.backwardStart {
        // The first layer's input needs no gradient: its backward ends with the pass.
        let end = max(start, call.backwardEnd ?? now)
        layers[call.layer].backward += end - start
        events.append(Event(name: name, category: "backward", start: start, end: end))
      }
    }
    stopWatching()
  }

  private func stopWatching() {
    for handle in handles { handle.remove() }
    handles = []
    open = []
  }

  public override func onBeforeOptimizerStep(
    _ trainer: Trainer, _ model: Module, optimizer: any Optimizer
  ) {
    if trainer.device != .cpu, batches > skip, batches <= skip + steps { trainer.device.synchronize() }
    optimizerStart = Self.now()
  }

  public override func onTrainBatchEnd(
    _ trainer: Trainer, _ model: Module, output: StepOutput, batchIndex: Int
  ) throws {
    guard batches > skip, batches <= skip + steps else { return }
    stopWatching()
    if trainer.device != .cpu { trainer.device.synchronize() }
    let now = Self.now()
    stepSeconds += now - stepStart
    events.append(Event(name: "training step", category: "trainer", start: stepStart, end: now))
    if let optimizerStart, optimizerStart > stepStart {
      events.append(Event(name: "optimizer step", category: "trainer", start: optimizerStart, end: now))
    }
    if batches == skip + steps { try writeTrace() }
  }

  public override func onTrainEnd(_ trainer: Trainer, _ model: Module) throws {
    if batches < skip + steps { try writeTrace() }
  }

  public override func teardown(_ trainer: Trainer, _ model: Module, stage: RunningStage) { stopWatching() }

  /// The layers and their times in milliseconds per step, those that take longest first.
  public var table: String {
    let count = Double(max(1, min(steps, batches - skip)))
    let rows = layers.filter { $0.calls > 0 }.sorted { $0.forward + $0.backward > $1.forward + $1.backward }
    let head = ["Layer", "Type", "Calls", "Forward ms", "Backward ms", "Share"]
    let body = rows.map { row in
      [
        row.name, row.type, "\(row.calls)", (row.forward / count * 1e3).formatted(digits: 3),
        (row.backward / count * 1e3).formatted(digits: 3),
        "\(((row.forward + row.backward) / max(stepSeconds, 1e-12) * 100).formatted(digits: 1))%",
      ]
    }
    return textTable(head, body, rightAligned: [2, 3, 4, 5])
  }

  /// The trace-event format of Chrome, which Perfetto reads: complete events in microseconds, in the order of their
  /// starts. Events of one track must lie inside or beside each other; of branches that overlap, one gets a track further
  /// down.
  private func writeTrace() throws {
    guard let trace else { return }
    let origin = events.map(\.start).min() ?? 0
    func nanoseconds(_ time: Double) -> Int { Int(((time - origin) * 1e9).rounded()) }
    func microseconds(_ time: Int) -> String { (Double(time) / 1e3).formatted(digits: 3) }
    var tracks = ["trainer", "forward", "backward"].map { (category: $0, ends: [Int]()) }
    var lines: [String] = []
    for event in events.sorted(by: { ($0.start, $1.end) < ($1.start, $0.end) }) {
      let (start, end) = (nanoseconds(event.start), nanoseconds(event.end))
      var place = 0
      while true {
        if place == tracks.count { tracks.append((event.category, [])) }
        if tracks[place].category == event.category {
          while let last = tracks[place].ends.last, last <= start { tracks[place].ends.removeLast() }
          if (tracks[place].ends.last ?? end) >= end { break }
        }
        place += 1
      }
      tracks[place].ends.append(end)
      lines.append(
        "{\"name\":\(jsonText(event.name)),\"cat\":\(jsonText(event.category)),\"ph\":\"X\",\"pid\":1,"
          + "\"tid\":\(place + 1),\"ts\":\(microseconds(start)),\"dur\":\(microseconds(end - start))}")
    }
    let names = tracks.enumerated().map { place, track in
      "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":\(place + 1),\"ts\":0,"
        + "\"args\":{\"name\":\(jsonText(track.category))}}"
    }
    let text = "{\"traceEvents\":[\n\((names + lines).joined(separator: ",\n"))\n]}\n"
    try AtomicFile.write(trace) { try $0.write(Array(text.utf8)) }
  }
}

/// Rows under a head in columns of equal width.
package func textTable(_ head: [String], _ rows: [[String]], rightAligned: Set<Int> = []) -> String {
  let widths = head.indices.map { column in ([head] + rows).reduce(0) { max($0, $1[column].count) } }
  let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
  let lines = ([head] + rows).map { cells in
    cells.enumerated().map { column, cell in
      let gap = String(repeating: " ", count: widths[column] - cell.count)
      return rightAligned.contains(column) ? gap + cell : cell + gap
    }.joined(separator: "  ")
  }
  return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
}
