import NNCore

/// Which element of which epoch of which run is being made: all that a random transform may depend on.
///
/// Two contexts of the same numbers draw the same random numbers, so a batch does not depend on the number of
/// workers, nor on what was loaded before it.
public final class SampleContext {
  /// Seed of the run.
  public let seed: UInt64
  /// Epoch, from 0.
  public let epoch: Int
  /// Index of the element in the data set that the loader goes through.
  public let index: Int
  private let given: Generator?

  public init(seed: UInt64 = 0, epoch: Int = 0, index: Int = 0) {
    self.seed = seed
    self.epoch = epoch
    self.index = index
    given = nil
  }

  /// A context whose random numbers come from a generator that is shared with others, as all of PyTorch's do:
  /// transforms called one after the other then draw what torchvision's draw.
  public init(generator: Generator) {
    (seed, epoch, index) = (0, 0, 0)
    given = generator
  }

  /// The element's own random numbers, from `generatorSeed`; made when first asked for.
  public private(set) lazy var generator = given ?? Generator(seed: Int(truncatingIfNeeded: generatorSeed))

  /// Seed of the element's own generator. The three numbers are mixed one after the other (splitmix64), so that
  /// neighbours in any of them have unrelated streams.
  public var generatorSeed: UInt64 {
    var z: UInt64 = 0
    for value in [seed, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index))] {
      z = SampleContext.mix(z ^ value)
    }
    return z
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
