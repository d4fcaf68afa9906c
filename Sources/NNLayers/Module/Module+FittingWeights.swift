import NNCore
import NNFiles

extension Module {
  /// Takes over the weights of a file in the reading of it that fits: files are as training scripts leave them, and what
  /// they hold is found by looking. Everything is checked before anything is changed.
  ///
  ///     let report = try resnet18().loadFittingWeights(from: "run.ckpt")
  ///     print(report)  // run.ckpt: took state_dict without prefix "model.", 122 tensors
  ///
  /// - The tensors may be in any dictionary of a checkpoint (`state_dict`, `model`, …), or in a pickled module. If several
  ///   fit, that of the trained weights is taken before averaged ones (`model_ema`, `teacher`), the outer before the inner
  ///   and the first before the later.
  /// - Their keys may have any common prefix (`module.`, `_orig_mod.`, `model.`, `backbone.`), and be those of another
  ///   library that the network knows of (``MapsKeys``).
  /// - Positions of another number of patches are resized, and the like (``AdaptsWeights``).
  /// - Objects beside the tensors are passed over without being built, and numbers beside the weights (`n_averaged`) and
  ///   tensors without the prefix are left out.
  ///
  /// A part of the network that the file lacks or that has another shape is an error, and so are weights that the network
  /// does not have: the function would be another one. ``loadWeights(from:key:prefix:renaming:strict:)`` is the exact form.
  ///
  /// - Parameters:
  ///   - path: the file; untrusted, see `StateDict(contentsOf:)`.
  ///   - key: where in a checkpoint the weights are, with dots between the keys of nested dictionaries.
  ///   - prefix: what to drop from keys, for another one than the most fitting.
  ///   - isOptional: which keys of the module the file may lack or have in another shape, such as those of a head that is
  ///     replaced afterwards. They stay as they are.
  /// - Throws: `FileError`, one line with the first keys of each kind that keep the best reading from fitting.
  @discardableResult
  public func loadFittingWeights(
    from path: String, key: String? = nil, prefix: String? = nil,
    isOptional: @escaping (_ key: String) -> Bool = { _ in false }
  ) throws -> WeightsReport {
    let file = try WeightFile(contentsOf: path)
    let target = readingTarget(isOptional: isOptional)
    let parts = try Self.parts(of: file, key: key)
    if let prefix, !parts.contains(where: { $0.tensors.contains { $0.key.utf8.starts(with: prefix.utf8) } }) {
      throw FileError.malformed(
        file: path, expected: "keys that begin with \(quoted(prefix))",
        found: abbreviated(parts.first?.tensors.map(\.key) ?? []))
    }
    let readings = parts.map { WeightsReading.all(of: $0, prefix: prefix, target: target) }
    let fitting = readings.compactMap { $0.first(where: \.fits) }
    guard let reading = fitting.first else {
      let best = readings.compactMap(\.first).max { $0.matched.count < $1.matched.count }
      throw FileError.malformed(
        file: path, expected: "the weights of \(typeName)", found: best.map(Self.described) ?? "no tensors")
    }
    let state = try FileError.naming(path) { try reading.state(file: path) }
    do {
      try loadStateDict(adapting(state), strict: false)
    } catch StateError.mismatch(let module, let report) {
      throw FileError.malformed(file: path, expected: "the weights of \(module)", found: "\(report)")
    }
    return WeightsReport(
      file: path, key: reading.part.path.isEmpty ? nil : reading.part.path, prefix: reading.prefix,
      names: reading.map?.name,
      tensorCount: reading.matched.count, leftOut: reading.leftOut, kept: reading.kept, headClasses: nil,
      alternatives: fitting.dropFirst().map(\.part.path))
  }

  /// What readings of files are held against.
  package func readingTarget(
    isOptional: @escaping (_ key: String) -> Bool = { _ in false }
  ) -> WeightsReading.Target {
    WeightsReading.Target(
      slots: stateShapes(), isOptional: isOptional, currentNames: { self.currentNames(of: $0) },
      maps: (self as? any MapsKeys)?.keyMaps ?? [],
      canAdapt: { key, shape in
        self.adapter(of: key).map { $0.module.canAdapt($0.key, from: shape) } ?? false
      })
  }

  /// The innermost module that makes tensors of a key of others, and the key relative to it.
  private func adapter(of key: String) -> (module: any AdaptsWeights, key: String)? {
    let found = namedModules().last { name, module in
      module is any AdaptsWeights && (name.isEmpty || key.hasPrefix(name + "."))
    }
    return (found?.module as? any AdaptsWeights).map { module in
      (module, String(key.dropFirst(found?.name.isEmpty == false ? (found?.name.count ?? 0) + 1 : 0)))
    }
  }

  /// The tensors of a file in the module's shapes.
  private func adapting(_ state: StateDict) -> StateDict {
    var state = state
    for slot in stateShapes() {
      guard let value = state[slot.key], value.shape != slot.shape else { continue }
      if value.count == slot.shape.reduce(1, *) {
        state[slot.key] = value.reshape(slot.shape)
      } else if let (module, key) = adapter(of: slot.key) {
        state[slot.key] = module.adapted(key, value)
      }
    }
    return state
  }

  /// The parts of a file in the order in which they are tried.
  private static func parts(of file: WeightFile, key: String?) throws -> [WeightFile.Part] {
    if let key {
      let parts = file.parts.filter { $0.path == key }
      if !parts.isEmpty { return parts }
      let there = file.parts.map { $0.path.isEmpty ? "the whole file" : $0.path }
      throw FileError.malformed(
        file: file.path, expected: "tensors under \(quoted(key))", found: "some under \(abbreviated(there))")
    }
    func isAverage(_ part: WeightFile.Part) -> Bool {
      let path = part.path.lowercased()
      return ["ema", "teacher", "average", "swa", "momentum", "optim"].contains { path.contains($0) }
    }
    return file.parts.filter { !isAverage($0) } + file.parts.filter(isAverage)
  }

  private static func described(_ reading: WeightsReading) -> String {
    let place = reading.part.path.isEmpty ? "" : " under \(abbreviated([reading.part.path]))"
    let prefix = reading.prefix.isEmpty ? "" : " without prefix \(quoted(reading.prefix))"
    let names = reading.map.map { " under the names of \($0.name)" } ?? ""
    return reading.matched.isEmpty
      ? "other keys\(place) (\(abbreviated(reading.part.tensors.map(\.key))))"
      : "\(reading.report)\(place)\(prefix)\(names)"
  }
}
