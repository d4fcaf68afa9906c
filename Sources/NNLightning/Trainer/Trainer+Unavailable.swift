import NNCore
import NNData
import NNLayers

// What does not compile, with words for what is missing. The compiler prefers the entry points that fit; these are
// found only where none does, and are never called.

extension Trainer {
  @available(
    *, unavailable,
    message:
      "fit needs a model with a training step (let it conform to TrainStep) and a loader of its TrainBatch"
  )
  @discardableResult
  public func fit<Loader: BatchLoader>(
    _ model: Module, train: Loader, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult { unavailable() }

  @available(
    *, unavailable,
    message:
      "fit with validation needs a model that conforms to TrainStep and ValidationStep, and loaders of its batches"
  )
  @discardableResult
  public func fit<Train: BatchLoader, Validation: BatchLoader>(
    _ model: Module, train: Train, validation: Validation, resume: Resume = .never,
    restartSchedules: Bool = false
  ) throws -> FitResult { unavailable() }

  @available(
    *, unavailable,
    message: "validate needs a model with a validation step: let it conform to ValidationStep"
  )
  @discardableResult
  public func validate<Data>(_ model: Module, _ data: Data) throws -> Metrics { unavailable() }

  @available(
    *, unavailable, message: "test needs a model with a test step: let it conform to TestStep"
  )
  @discardableResult
  public func test<Data>(_ model: Module, _ data: Data) throws -> Metrics { unavailable() }

  @available(
    *, unavailable, message: "predict needs a model with a prediction step: let it conform to PredictStep"
  )
  public func predict<Data>(_ model: Module, _ data: Data) throws -> [Tensor] { unavailable() }

  private func unavailable() -> Never { fail("Trainer", "a method that is unavailable was called") }
}
