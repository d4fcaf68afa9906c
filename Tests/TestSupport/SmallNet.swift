import NNCore
import NNLayers

/// A small network with what larger ones consist of: nested layers, a normalisation, a sum, dropout, and a layer that is not
/// called.
public final class SmallNet: Module, CallableModule {
  public final class Block: Module, Layer {
    let conv = Conv2d(4, 4, kernelSize: 3, padding: 1, bias: false)
    let norm = BatchNorm2d(4)

    public func forward(_ x: Tensor) -> Tensor { x + norm(conv(x)).relu() }
  }

  let stem = Conv2d(3, 4, kernelSize: 3, padding: 1)
  public let blocks = Sequential(Block(), Block())
  public let drop = Dropout(0.5)
  let head = Linear(4, 10)
  let unused = Linear(2, 2)

  public override init() {}

  public func callAsFunction(_ x: Tensor) -> Tensor { head(drop(blocks(stem(x)).mean([2, 3]))) }
}
