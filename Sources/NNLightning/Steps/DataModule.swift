import NNData

/// The loaders of an experiment in one place. A model may be its own data module: then `trainer.fit(model)` is all.
public protocol DataModule<Batch> {
  /// What the loaders yield.
  associatedtype Batch = Sample
  /// Downloads or prepares what the loaders need; called once before the first of them is asked for.
  func prepareData() throws
  func trainLoader() throws -> (any BatchLoader<Batch>)?
  func validationLoader() throws -> (any BatchLoader<Batch>)?
  func testLoader() throws -> (any BatchLoader<Batch>)?
  func predictLoader() throws -> (any BatchLoader<Batch>)?
}

extension DataModule {
  public func prepareData() throws {}
  public func trainLoader() throws -> (any BatchLoader<Batch>)? { nil }
  public func validationLoader() throws -> (any BatchLoader<Batch>)? { nil }
  public func testLoader() throws -> (any BatchLoader<Batch>)? { nil }
  /// The test loader, unless said otherwise.
  public func predictLoader() throws -> (any BatchLoader<Batch>)? { try testLoader() }
}
