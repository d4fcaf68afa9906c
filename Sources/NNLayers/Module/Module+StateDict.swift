import NNCore

/// How the keys of a state dict and of a module differ.
public struct StateDictReport: Sendable, Equatable, CustomStringConvertible {
  /// Keys of the module that the state dict lacks.
  public var missing: [String]
  /// Keys of the state dict that the module does not have.
  public var unexpected: [String]
  /// Keys that both have, with another shape or kind of element: "key: expected …, found …".
  public var mismatched: [String]

  public init(missing: [String] = [], unexpected: [String] = [], mismatched: [String] = []) {
    self.missing = missing
    self.unexpected = unexpected
    self.mismatched = mismatched
  }

  /// Whether nothing differs.
  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }

  /// What differs in one line: of each kind the number, and the first three keys.
  public var description: String {
    if isEmpty { return "all keys match" }
    func line(_ shown: Int) -> String {
      [("missing", missing), ("unexpected", unexpected), ("mismatched", mismatched)]
        .filter { !$0.1.isEmpty }
        .map { "\($0.1.count) \($0.0) (\(abbreviated($0.1, showing: shown, separator: "; ")))" }
        .joined(separator: ", ")
    }
    // Of long keys fewer.
    let lineLimit = 360
    return [line(3), line(2)].first { $0.count <= lineLimit } ?? line(1)
  }
}

/// Why a state could not be loaded; nothing was changed.
public enum StateError: Error, Equatable, CustomStringConvertible {
  /// A state dict does not fit a module.
  case mismatch(module: String, StateDictReport)
  /// A state dict does not fit an optimizer or a scheduler.
  case invalid(owner: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .mismatch(let module, let report): "\(module): the state dict does not fit: \(report)"
    case .invalid(let owner, let expected, let found): "\(owner): expected \(expected), found \(found)"
    }
  }
}

extension Module {
  /// All parameters and persistent buffers under PyTorch's keys, without gradients. The tensors share memory with
  /// the module until one of them is changed; neither then sees the other's change.
  public func stateDict() -> StateDict {
    var state = StateDict()
    visitState { key, slot in state[key] = slot.value.detach() }
    return state
  }

  /// Takes over values from a state dict. Everything is checked before anything is changed.
  ///
  /// Values are converted between floating-point types, and between integer types. A buffer that old files lack
  /// (`num_batches_tracked`) may be missing, and keys of old files are understood (see ``RenamesKeys``).
  ///
  /// - Parameter strict: whether missing and unexpected keys are an error. Other shapes always are, as in PyTorch.
  /// - Returns: what differed; empty if `strict`.
  /// - Throws: `StateError.mismatch` with every missing, unexpected and mismatched key, of which it prints the first ones.
  @discardableResult
  public func loadStateDict(_ state: StateDict, strict: Bool = true) throws -> StateDictReport {
    let state = try renamingOldKeys(of: state)
    var report = StateDictReport()
    var known: Set<String> = []
    var changes: [(slot: StateSlot, value: Tensor)] = []
    visitState { key, slot in
      known.insert(key)
      guard let value = state[key] else {
        if !slot.mayBeMissing { report.missing.append(key) }
        return
      }
      let own = slot.value
      if value.shape != own.shape {
        report.mismatched.append("\(key): expected \(own.shape), found \(value.shape)")
      } else if value.dtype.isFloatingPoint != own.dtype.isFloatingPoint {
        report.mismatched.append("\(key): expected \(own.dtype), found \(value.dtype)")
      } else {
        changes.append((slot, value.detach().to(own.dtype).to(own.device)))
      }
    }
    report.unexpected = state.keys.filter { !known.contains($0) }
    if !report.mismatched.isEmpty || (strict && !report.isEmpty) {
      throw StateError.mismatch(module: typeName, report)
    }
    for (slot, value) in changes { slot.value = value }
    return report
  }

  /// Keys and shapes of the state dict.
  func stateShapes() -> [(key: String, shape: [Int], isFloatingPoint: Bool, mayBeMissing: Bool)] {
    var shapes: [(key: String, shape: [Int], isFloatingPoint: Bool, mayBeMissing: Bool)] = []
    visitState { key, slot in
      let value = slot.value
      shapes.append((key, value.shape, value.dtype.isFloatingPoint, slot.mayBeMissing))
    }
    return shapes
  }

  /// A place in the state: a parameter or a buffer.
  private enum StateSlot {
    case parameter(Parameter)
    case buffer(Buffer)

    var value: Tensor {
      get {
        switch self {
        case .parameter(let parameter): parameter.value
        case .buffer(let buffer): buffer.value
        }
      }
      nonmutating set {
        switch self {
        case .parameter(let parameter): parameter.value = newValue
        case .buffer(let buffer): buffer.value = newValue
        }
      }
    }

    var mayBeMissing: Bool {
      if case .buffer(let buffer) = self { buffer.mayBeMissing } else { false }
    }
  }

  /// A parameter used in two places has both keys, as in PyTorch.
  private func visitState(_ body: (_ key: String, _ slot: StateSlot) -> Void) {
    visit { key, member in
      switch member {
      case .parameter(let parameter): body(key, .parameter(parameter))
      case .buffer(let buffer): if buffer.isPersistent { body(key, .buffer(buffer)) }
      case .module: break
      }
    }
  }
}
