import Synchronization

/// Tensors made from the bytes of a storage (working forms of weights), kept beside it until somebody writes to it.
package enum DerivedTensors {
  private struct Entry {
    /// With which settings the tensors were made.
    let key: [Int]
    /// What else they were made from. Nobody can change these while they are held here: whoever writes copies first.
    let sources: [Tensor]
    let tensors: [Tensor]
  }

  private static let entries = Mutex<[ObjectIdentifier: Entry]>([:])

  /// What was made of a storage and of `sources` under this key, or else what `make` gives; the last one is kept.
  ///
  /// - Parameter isSame: whether a source is what it was.
  package static func of(
    _ storage: Storage, key: [Int], sources: [Tensor], isSame: (Tensor, Tensor) -> Bool, make: () -> [Tensor]
  ) -> [Tensor] {
    let id = ObjectIdentifier(storage)
    if let kept = entries.withLock({ $0[id] }), kept.key == key, kept.sources.count == sources.count,
      zip(kept.sources, sources).allSatisfy(isSame)
    {
      return kept.tensors
    }
    let tensors = make()
    if tensors.contains(where: \.hasNoMemory) { return tensors }
    storage.keepsDerived.store(true, ordering: .relaxed)
    let former = entries.withLock { entries in
      entries.updateValue(Entry(key: key, sources: sources.map { $0.detach() }, tensors: tensors), forKey: id)
    }
    // Let go of outside of the lock: it may be the last reference to another storage of the table.
    withExtendedLifetime(former) {}
    return tensors
  }

  /// Lets go of what was made of a storage.
  static func forget(_ storage: Storage) {
    let former = entries.withLock { $0.removeValue(forKey: ObjectIdentifier(storage)) }
    withExtendedLifetime(former) {}
  }
}
