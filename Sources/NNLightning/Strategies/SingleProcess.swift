import Foundation
import NNCore
import NNData
import NNLayers

/// One process on one device, that goes through all data and agrees with itself.
public final class SingleProcess: Strategy {
  public var rank: Int { 0 }
  public var count: Int { 1 }

  public init() {}

  public func share<Batch>(of loader: any BatchLoader<Batch>, for stage: RunningStage)
    -> any BatchLoader<Batch>
  { loader }
  public func gather(_ bytes: Data) -> [Data] { [bytes] }
  public func broadcast(_ tensors: [Tensor]) -> [Tensor] { tensors }
  public func averageGradients(of parameters: [Parameter], samples: Int) {}
}
