import NNCore

/// The modules of a network with their output shapes and parameters; prints as a table.
public struct ModuleSummary: CustomStringConvertible {
  /// One module.
  public struct Row: Sendable {
    /// Key of the module; "" for the network itself.
    public let name: String
    /// Type of the module.
    public let type: String
    /// How many modules it is inside of.
    public let depth: Int
    /// Shape of its output in the last call; nil if it was not seen being called.
    public let outputShape: [Int]?
    /// Number of elements of its own parameters, and of those of its parts if the table does not show these.
    public let parameterCount: Int
    /// How many of them gather gradients.
    public let trainableCount: Int
  }

  public let rows: [Row]
  /// Elements of all parameters of the network.
  public let parameterCount: Int
  /// How many of them gather gradients.
  public let trainableCount: Int
  /// Memory of the parameters.
  public let parameterBytes: Int
}

extension CallableModule {
  /// The modules of the network with the shapes of their outputs for an input of the given shape, as `torchinfo`.
  ///
  ///     print(net.summary(inputShape: [1, 3, 32, 32]))
  ///
  /// The shapes come from a forward pass over zeros in evaluation mode. Modes, buffers, gradients and the default
  /// random generator are as before afterwards.
  ///
  /// - Parameters:
  ///   - inputShape: with the batch as the first dimension.
  ///   - depth: how deeply nested modules are shown.
  public func summary(inputShape: [Int], dtype: DType = .float32, depth: Int = .max) -> ModuleSummary {
    let device = (parameters().first?.value ?? buffers().first?.value)?.device ?? .cpu
    return summary(depth: depth) {
      _ = self.calledWithHooks(Tensor.zeros(inputShape, dtype: dtype, device: device))
    }
  }
}

extension Module {
  /// The modules with the shapes of their outputs when `body` runs the network: for networks that are not called
  /// with one tensor. See `summary(inputShape:)`.
  public func summary(depth: Int = .max, running body: () -> Void) -> ModuleSummary {
    var shapes: [ObjectIdentifier: [Int]] = [:]
    let handles = modules.map { module in
      module.registerForwardHook { module, _, output in
        shapes[ObjectIdentifier(module)] = output.shape
        return nil
      }
    }
    defer { for handle in handles { handle.remove() } }
    leavingUnchanged(body)
    return ModuleSummary(self, shapes: shapes, depth: depth)
  }

  /// Runs `body` in evaluation mode without recording. Modes, buffers and the default random generator are as before
  /// afterwards.
  package func leavingUnchanged<T>(_ body: () throws -> T) rethrows -> T {
    let values = buffers().map { ($0, $0.value) }
    let state = Generator.default.state
    defer {
      for (buffer, value) in values { buffer.value = value }
      Generator.default.state = state
    }
    return try noGrad { try evaluating(body) }
  }
}

extension ModuleSummary {
  init(_ root: Module, shapes: [ObjectIdentifier: [Int]], depth: Int) {
    let all = root.parameters()
    parameterCount = all.reduce(0) { $0 + $1.count }
    trainableCount = all.reduce(0) { $0 + ($1.requiresGrad ? $1.count : 0) }
    parameterBytes = all.reduce(0) { $0 + $1.count * $1.value.dtype.byteCount }
    // A parameter shared by several modules counts in the first.
    var counted: Set<ObjectIdentifier> = []
    rows = root.namedModules().compactMap { name, module in
      let level = name.isEmpty ? 0 : name.split(separator: ".").count
      if level > depth { return nil }
      let own = level == depth ? module.parameters() : module.ownParameters
      let fresh = own.filter { counted.insert(ObjectIdentifier($0)).inserted }
      return Row(
        name: name, type: module.typeName, depth: level, outputShape: shapes[ObjectIdentifier(module)],
        parameterCount: fresh.reduce(0) { $0 + $1.count },
        trainableCount: fresh.reduce(0) { $0 + ($1.requiresGrad ? $1.count : 0) })
    }
  }

  /// A table with one line per module, and the totals below.
  public var description: String {
    let head = ["Layer", "Type", "Output shape", "Parameters", "Trainable"]
    let body = rows.map { row -> [String] in
      let label = row.name.isEmpty ? "(network)" : String(repeating: "  ", count: row.depth) + row.name
      let count = row.parameterCount
      return [
        label, row.type, row.outputShape.map { "\($0)" } ?? "—", count == 0 ? "—" : grouped(count),
        count == 0 ? "—" : row.trainableCount == count ? "yes" : row.trainableCount == 0 ? "no" : "partly",
      ]
    }
    let widths = head.indices.map { column in ([head] + body).reduce(0) { max($0, $1[column].count) } }
    func rule(_ left: String, _ middle: String, _ right: String) -> String {
      left + widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: middle) + right
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.enumerated().map { column, text in
        let gap = String(repeating: " ", count: widths[column] - text.count)
        return column == 3 ? gap + text : text + gap
      }
      return "│ " + padded.joined(separator: " │ ") + " │"
    }
    let megabytes = (Double(parameterBytes) / 1e4).rounded() / 100
    return
      ([rule("┌", "┬", "┐"), line(head), rule("├", "┼", "┤")] + body.map(line) + [
        rule("└", "┴", "┘"),
        "Parameters: \(grouped(parameterCount)) (\(megabytes) MB), trainable: \(grouped(trainableCount)), "
          + "not trainable: \(grouped(parameterCount - trainableCount))",
      ]).joined(separator: "\n")
  }
}

extension Module {
  fileprivate var ownParameters: [Parameter] {
    members().compactMap { if case .parameter(let parameter) = $0.member { parameter } else { nil } }
  }
}

/// 1234567 as 1,234,567.
package func grouped(_ number: Int) -> String {
  var text = String(abs(number))
  var place = text.count - 3
  while place > 0 {
    text.insert(",", at: text.index(text.startIndex, offsetBy: place))
    place -= 3
  }
  return number < 0 ? "-" + text : text
}
