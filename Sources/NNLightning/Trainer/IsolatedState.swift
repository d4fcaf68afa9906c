import NNCore
import NNData

/// Random generators and loaders as they were at a moment.
struct IsolatedState {
  let state = Generator.default.state
  private let loaders: [(loader: any ResumableLoader, snapshot: LoaderSnapshot)]

  init(_ loaders: [(any ResumableLoader)?]) {
    self.loaders = loaders.compactMap { $0 }.map { ($0, $0.snapshot) }
  }

  /// Of the loaders, in their order.
  var snapshots: [LoaderSnapshot] { loaders.map(\.snapshot) }

  func restoreGenerator() { Generator.default.state = state }

  func restore() throws {
    restoreGenerator()
    for (loader, snapshot) in loaders { try loader.restore(snapshot) }
  }
}

/// `IsolatedState` with the generators that were given to the Trainer.
struct RandomState {
  let isolated: IsolatedState
  let own: [String: Generator.State]

  func restore(_ trainer: Trainer) throws {
    try isolated.restore()
    restoreOwn(trainer)
  }

  /// Without the loaders, which stay where they are.
  func restoreGenerators(_ trainer: Trainer) {
    isolated.restoreGenerator()
    restoreOwn(trainer)
  }

  private func restoreOwn(_ trainer: Trainer) {
    for (name, state) in own { trainer.generators[name]?.state = state }
  }
}

/// Runs `body` and puts the default generator and the loaders back to where they were.
func isolated<T>(_ loaders: [(any ResumableLoader)?], _ body: () throws -> T) throws -> T {
  let before = IsolatedState(loaders)
  let result = try body()
  try before.restore()
  return result
}
