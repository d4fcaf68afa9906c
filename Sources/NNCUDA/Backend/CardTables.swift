import NNCore
import Synchronization

/// Small tables that were uploaded once, by what they were made of.
final class CardTables: Sendable {
  private static let most = 256
  private let kept = Mutex<[AnyKey: [Tensor]]>([:])

  private struct AnyKey: Hashable, @unchecked Sendable {
    let value: AnyHashable
  }

  /// The table of a key, or else what `make` gives.
  func of(_ key: some Hashable & Sendable, make: () -> Tensor) -> Tensor { all(of: key) { [make()] }[0] }

  func all(of key: some Hashable & Sendable, make: () -> [Tensor]) -> [Tensor] {
    let key = AnyKey(value: AnyHashable(key))
    if let tables = kept.withLock({ $0[key] }) { return tables }
    let tables = make()
    if tables.contains(where: \.hasNoMemory) { return tables }
    let former = kept.withLock { kept in
      let former = kept.count >= Self.most ? kept : [:]
      if kept.count >= Self.most { kept.removeAll() }
      kept[key] = tables
      return former
    }
    return withExtendedLifetime(former) { tables }
  }
}
