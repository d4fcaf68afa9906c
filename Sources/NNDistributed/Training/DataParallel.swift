import Foundation
import NNCore
import NNData
import NNLayers
import NNLightning

/// Several processes that train one model, each on a part of the data, as PyTorch's `DistributedDataParallel`.
///
///     Trainer(strategy: .dataParallel(communicator))
///     Trainer(strategy: try Processes.start())   // with mpirun; alone it is one process
///
/// All begin with the first process's weights. Each takes its part of the batches and steps with the mean of all gradients,
/// weighed by their samples, so that all weights stay the same. Gradients are sent in buckets while those of earlier
/// layers are computed.
public final class DataParallel: Strategy {
  public let communicator: any Communicator
  /// Whether processes take parts of each batch, or a batch each.
  public let dividesBatches: Bool
  public let bucketBytes: Int
  public let compression: Compression
  private var buckets: GradientBuckets?
  /// Whether the batch of the step counts for nothing; see `BatchPart.spare`.
  var isSpareStep = false

  /// How gradients are sent.
  public enum Compression: String, Sendable, CaseIterable {
    case none
    /// float32 gradients in half the bytes, with what rounding leaves added to the next ones. A resumed fit begins without
    /// these rests, and is not to the bit what it would have been.
    case bfloat16
  }

  /// - Parameters:
  ///   - dividesBatches: a loader's batches are those of a step, and each process takes a part of each: a training is
  ///     that of one process, whatever the number of processes. Otherwise each process has batches of the loader's size, and a
  ///     step takes as many batches as there are processes.
  ///   - bucketBytes: of gradients that are sent together.
  public init(
    _ communicator: any Communicator, dividesBatches: Bool = false, bucketBytes: Int = 4 << 20,
    compression: Compression = .none
  ) {
    require(bucketBytes > 0, "DataParallel", "expected buckets of at least 1 byte, got \(bucketBytes)")
    self.communicator = communicator
    self.dividesBatches = dividesBatches
    self.bucketBytes = bucketBytes
    self.compression = compression
  }

  public var rank: Int { communicator.rank }
  public var count: Int { communicator.count }

  public var traffic: Traffic? { count == 1 ? nil : communicator.traffic }

  // MARK: Data

  public func share<Batch>(of loader: any BatchLoader<Batch>, for stage: RunningStage) throws
    -> any BatchLoader<Batch>
  {
    if count == 1 { return loader }
    guard let loader = loader as? any ResamplableLoader<Batch> else {
      throw DataParallelError.loaderOfOnesOwn("\(type(of: loader))")
    }
    return loader.withBatchSampler(
      DistributedBatchSampler(
        loader.batchSampler, replicas: count, rank: rank, dividesBatches: dividesBatches,
        isTraining: stage == .fit))
  }

  public func part(ofBatch index: Int, in share: Any) -> BatchPart {
    guard let sampler = (share as? any ResamplableLoader)?.batchSampler as? DistributedBatchSampler else {
      return count == 1 ? .alone : .own
    }
    isSpareStep = sampler.isSpare(index)
    if isSpareStep { return .spare }
    return sampler.isAlone(index) ? .alone : .own
  }

  // MARK: Messages

  public func gather(_ bytes: Data) throws -> [Data] { try communicator.allGather(bytes) }
  public func broadcast(_ tensors: [Tensor]) throws -> [Tensor] { try communicator.broadcast(tensors) }
  public func abort(_ error: any Error) { communicator.abort("\(error)") }

  // MARK: Gradients

  public func backward(_ loss: Tensor, completing samples: Int?) {
    // In the first step it is not known yet which parameters there are.
    guard count > 1, let samples, let buckets, buckets.areTrained else {
      loss.backward()
      return
    }
    buckets.begin(weight: Double(samples))
    loss.backward(reporting: buckets.parameters.map(\.value)) { buckets.markReady($0) }
  }

  public func averageGradients(of parameters: [Parameter], samples: Int) throws {
    if count == 1 { return }
    let trained = parameters.filter(\.requiresGrad)
    var left = trained
    if let buckets, buckets.isUnderWay {
      try buckets.finish()
      left = left.filter { parameter in !buckets.parameters.contains { $0 === parameter } }
    }
    if !left.isEmpty {
      let others = self.buckets.flatMap { $0.fit(left) ? $0 : nil } ?? makeBuckets(left)
      others.begin(weight: Double(samples))
      try others.finish()
    }
    if buckets?.fit(trained) != true { buckets = makeBuckets(trained) }
  }

  private func makeBuckets(_ parameters: [Parameter]) -> GradientBuckets {
    let buckets = GradientBuckets(
      parameters, bytes: bucketBytes, isHalf: compression == .bfloat16, communicator)
    if self.buckets == nil { self.buckets = buckets }
    return buckets
  }
}

extension Strategy where Self == DataParallel {
  /// Processes that train together; see ``DataParallel``.
  public static func dataParallel(
    _ communicator: any Communicator, dividesBatches: Bool = false,
    compression: DataParallel.Compression = .none
  ) -> DataParallel {
    DataParallel(communicator, dividesBatches: dividesBatches, compression: compression)
  }
}

/// What several processes cannot share.
public enum DataParallelError: Error, Equatable, CustomStringConvertible {
  /// A loader whose batches cannot be divided.
  case loaderOfOnesOwn(String)

  public var description: String {
    switch self {
    case .loaderOfOnesOwn(let type):
      "several processes: expected a DataLoader (or another ResamplableLoader), whose batches can be divided, found "
        + type
    }
  }
}
