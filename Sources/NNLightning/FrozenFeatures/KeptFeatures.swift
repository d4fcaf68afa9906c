import Foundation
import NNCore
import NNLayers
import Synchronization

/// The values of a trace that were asked for, with a table for each loader.
final class KeptFeatures: TracedRowSource {
  private let settings: FeatureCaching
  /// The memory of the model's parameters: what is computed without any of them is not worth keeping.
  private let parameters: Set<ObjectIdentifier>
  private let state = Mutex(State())

  private struct State {
    var entries: [Key: Entry] = [:]
    /// As they were made, which is the same in all processes.
    var order: [Key] = []
    /// Whether values depend on parameters, found when they were first asked for: later their memory may be another.
    var usesParameters: [ObjectIdentifier: Bool] = [:]
    var bytes = 0
    var refusals: [String] = []
    var problem: String?
    var isGivenUp = false
    /// A value was asked for that other loaders' rows may be kept of.
    var isAskedInVain = false
    var isSummaryTold = false
  }

  private struct Key: Hashable {
    let value: ObjectIdentifier
    let loader: ObjectIdentifier
  }

  private struct Entry {
    let value: TraceGraph.Value
    let graph: TraceGraph
    /// Held, so that no other loader gets its identity.
    let loader: LoaderInputs
    /// Nil: it is computed every time.
    let table: FeatureTable?
    var folder: FeatureFolder?
    /// Rows that an earlier run left.
    let found: Int
  }

  init(_ settings: FeatureCaching, _ model: Module) {
    self.settings = settings
    parameters = Set(model.parameters().map { ObjectIdentifier($0.value.storage) })
  }

  /// Whether there is nothing to keep, now or for another loader.
  var isEmpty: Bool {
    state.withLock { state in
      state.isGivenUp || !(state.isAskedInVain || state.entries.values.contains { $0.table != nil })
    }
  }
  var refusals: [String] { state.withLock { $0.refusals } }

  /// The tables in the order in which they were made.
  var tables: [(loader: LoaderInputs, table: FeatureTable)] {
    state.withLock { state in
      state.order.compactMap { key in
        state.entries[key].flatMap { entry in entry.table.map { (entry.loader, $0) } }
      }
    }
  }

  /// Computes everything from here on.
  func giveUp() { state.withLock { $0.isGivenUp = true } }

  // MARK: Values

  func rows(of value: TraceGraph.Value, in graph: TraceGraph, for batch: TracedBatch) -> Tensor {
    guard let loader = batch.owner as? LoaderInputs, let table = table(for: value, of: loader, graph)
    else { return graph.compute([value], from: batch.input)[0] }
    let missing = table.missing(batch.rows)
    if !missing.isEmpty {
      let input = batch.input.detach()
      let isAll = missing.count == batch.rows.count
      let part = isAll ? input : input.indexSelect(0, index: Tensor(missing).to(input.device))
      let values = graph.compute([value], from: part)[0]
      table.store(missing.map { batch.rows[$0] }, encoded(value.packed(values.to(.cpu)), half: isHalf(value)))
      // What was rounded to be kept is used as it will be found later.
      if isAll, !isHalf(value) { return values }
    }
    return value.unpacked(decoded(table.gather(batch.rows), value)).to(batch.device)
  }

  private func table(for value: TraceGraph.Value, of loader: LoaderInputs, _ graph: TraceGraph)
    -> FeatureTable?
  {
    state.withLock { state in
      if state.isGivenUp { return nil }
      let key = Key(value: ObjectIdentifier(value), loader: ObjectIdentifier(loader))
      if let entry = state.entries[key] { return entry.table }
      let isFrozenPart = state.usesParameters[ObjectIdentifier(value)] ?? usesParameters(value, graph)
      state.usesParameters[ObjectIdentifier(value)] = isFrozenPart
      if isFrozenPart, !loader.isKept { state.isAskedInVain = true }
      let table = isFrozenPart && loader.isKept ? newTable(for: value, of: loader, &state) : nil
      var folder: FeatureFolder?
      if let table, case .disk(let root) = settings.place {
        do {
          folder = try FeatureFolder(root, settings, graph, value, loader, rowBytes: table.rowBytes)
          try folder?.load(into: table)
        } catch {
          state.problem = "Frozen features stay in memory: \(error)"
        }
      }
      state.order.append(key)
      state.entries[key] = Entry(
        value: value, graph: graph, loader: loader, table: table, folder: folder,
        found: table?.storedCount ?? 0)
      if let table { loader.add(table) } else { loader.alwaysMakeInputs() }
      return table
    }
  }

  private func usesParameters(_ value: TraceGraph.Value, _ graph: TraceGraph) -> Bool {
    graph.constants(behind: value).contains { parameters.contains(ObjectIdentifier($0.storage)) }
  }

  private func newTable(
    for value: TraceGraph.Value, of loader: LoaderInputs, _ state: inout State
  ) -> FeatureTable? {
    let rowBytes = rowBytes(value)
    let bytes = rowBytes * loader.rowCount
    guard state.bytes + bytes <= settings.limit else {
      state.refusals.append(
        "\(Self.size(rowBytes)) per image for \(loader.rowCount) \(loader.role) images are \(Self.size(bytes)), "
          + "more than the limit of \(Self.size(settings.limit))")
      return nil
    }
    state.bytes += bytes
    return FeatureTable(rowBytes: rowBytes, count: loader.rowCount)
  }

  // MARK: Bytes

  private func isHalf(_ value: TraceGraph.Value) -> Bool {
    settings.precision == .float16 && value.dtype == .float32
  }

  private func rowBytes(_ value: TraceGraph.Value) -> Int {
    value.rowCount * (isHalf(value) ? 2 : value.dtype.byteCount)
  }

  private func encoded(_ rows: Tensor, half: Bool) -> Tensor {
    let (count, size) = (rows.shape[0], rows.shape[1])
    if !half {
      return rows.view(
        shape: [count, size * rows.dtype.byteCount], strides: [size * rows.dtype.byteCount, 1])
    }
    let bytes = Tensor(uninitialized: [count, size * 2], dtype: .uint8)
    let (source, target) = (
      rows.hostPointer(Float.self), bytes.hostPointer.assumingMemoryBound(to: Float16.self)
    )
    for place in 0..<count * size { target[place] = Float16(source[place]) }
    return bytes
  }

  private func decoded(_ bytes: Tensor, _ value: TraceGraph.Value) -> Tensor {
    let rows = bytes.shape[0]
    let result = Tensor(uninitialized: [rows, value.rowCount], dtype: value.dtype)
    if isHalf(value) {
      let (source, target) = (
        bytes.hostPointer.assumingMemoryBound(to: Float16.self), result.hostPointer(Float.self)
      )
      for place in 0..<rows * value.rowCount { target[place] = Float(source[place]) }
    } else {
      result.hostPointer.copyMemory(from: bytes.hostPointer, byteCount: rows * rowBytes(value))
    }
    return result
  }

  // MARK: Disk

  /// Writes rows that are not on disk yet, once there are enough of them.
  ///
  /// - Returns: what went wrong, once.
  func save(everything: Bool) -> String? {
    let entries = state.withLock { Array($0.entries.values) }
    for entry in entries {
      guard let folder = entry.folder, let table = entry.table else { continue }
      let rows = table.takeFresh(atLeast: everything ? 1 : 16 << 20)
      if rows.isEmpty { continue }
      do {
        try folder.write(rows, table.gather(rows))
      } catch {
        state.withLock { state in
          for key in state.entries.keys { state.entries[key]?.folder = nil }
          state.problem = "Frozen features stay in memory: \(error)"
        }
      }
    }
    return state.withLock { state in
      defer { state.problem = nil }
      return state.problem
    }
  }

  // MARK: Words

  /// One line that says what is kept, as soon as there is something, once.
  func takeSummary() -> String? {
    state.withLock { state in
      let kept = state.entries.values.filter { $0.table != nil }
      if state.isGivenUp || kept.isEmpty || state.isSummaryTold { return nil }
      state.isSummaryTold = true
      let parts = kept.map { entry in
        let layer = entry.graph.operationsBehind(entry.value).last { !$0.layer.isEmpty }?.layer ?? "the input"
        let shape = entry.value.shape.dropFirst().map(String.init).joined(separator: "x")
        return "\(layer) (\(shape), \(Self.size(rowBytes(entry.value))) per image"
          + (entry.found > 0 ? ", \(entry.found) of \(entry.loader.rowCount) found" : "") + ")"
      }
      let place = if case .disk(let folder) = settings.place { "in \(folder)" } else { "in memory" }
      let views = kept.map(\.loader.views).max() ?? 1
      let times = views == 1 ? "once per image" : "once for each of \(views) random versions of an image"
      return
        "Frozen features: everything up to \(parts.sorted().joined(separator: " and ")) is computed \(times) "
        + "and kept \(place)."
    }
  }

  static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<1_000: "\(bytes) B"
    case ..<1_000_000: "\((Double(bytes) / 1e3).formatted(digits: 1)) kB"
    case ..<1_000_000_000: "\((Double(bytes) / 1e6).formatted(digits: 1)) MB"
    default: "\((Double(bytes) / 1e9).formatted(digits: 1)) GB"
    }
  }
}
