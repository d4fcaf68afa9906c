import NNCore

/// A loader that knows which samples its batches are made of, so that an error can name them.
public protocol SampleLocating {
  /// Numbers in the data set of the samples of a batch of the pass begun last, from 0; nil if it has no such batch.
  func samples(ofBatch position: Int) -> [Int]?
  /// The sample for whose sake the last pass ended with an error; nil if it is not one sample's fault.
  var failedSample: Int? { get }
  /// Path of the file that a sample is read from, nil if there is none or it is not known.
  func file(ofSample index: Int) -> String?
}

extension DataLoader: SampleLocating {
  public func samples(ofBatch position: Int) -> [Int]? {
    progress.withLock { $0.order.indices.contains(position) ? $0.order[position] : nil }
  }
  public var failedSample: Int? { progress.withLock { $0.failedSample } }
  public func file(ofSample index: Int) -> String? { dataset.knownFile(at: index) }
}

/// An error together with the sample that it is about.
struct LocatedError: Error {
  let sample: Int?
  let error: any Error
}

extension BatchRecipe {
  /// Makes a batch, and finds out which sample is to blame if that fails.
  func makeLocated(
    _ indices: [Int], of dataset: any Dataset, number: Int, inputs: (any InputDeferral)?,
    on device: Device, _ context: (Int) throws -> SampleContext
  ) throws -> Batch {
    let count = dataset.count
    if let wrong = indices.first(where: { $0 < 0 || $0 >= count }) {
      throw LocatedError(
        sample: wrong, error: DataLoaderError.indexOutside(index: wrong, count: count))
    }
    do {
      return try checkingData { _ in try make(indices, number: number, inputs: inputs, on: device, context) }
    } catch let error as CancellationError {
      throw error
    } catch CollateError.different(let position, let expected, let found) {
      throw LocatedError(
        sample: indices.indices.contains(position) ? indices[position] : nil,
        error: CollateError.different(position: position, expected: expected, found: found))
    } catch {
      throw LocatedError(sample: Self.culprit(indices, dataset, context), error: error)
    }
  }

  /// The first sample that cannot be read by itself.
  private static func culprit(
    _ indices: [Int], _ dataset: some Dataset, _ context: (Int) throws -> SampleContext
  ) -> Int? {
    indices.first { index in
      do {
        _ = try checkingData { _ in try dataset.element(at: index, context: context(index)) }
        return false
      } catch {
        return !(error is CancellationError)
      }
    }
  }
}
