import CNNKernels
import Synchronization

/// A source of random numbers that gives, for a seed, the same numbers as `torch.Generator` on the CPU: the
/// 32-bit Mersenne Twister (Matsumoto and Nishimura, 1998) with PyTorch's way of turning its words into
/// values.
///
/// Only the low 32 bits of a seed count. Every call that draws is one indivisible step, so a generator may be
/// shared between threads; the order of their calls then decides who gets which numbers.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.Generator.html
public final class Generator: @unchecked Sendable {
  // Invariant: `engine` and `seed` are touched only under `lock`.
  private let lock = Mutex(())
  private let engine: UnsafeMutablePointer<nn_generator>
  private var seed: UInt64

  /// The generator that every random operation uses unless it is given another one. It starts from a seed
  /// that differs from run to run; `manualSeed(_:)` makes runs repeatable.
  public static var `default`: Generator { scopedDefault ?? processDefault }

  private static let processDefault = Generator(bits: UInt64.random(in: 0...UInt64(Int64.max)))
  @TaskLocal fileprivate static var scopedDefault: Generator?

  /// A generator with a seed; without one the seed is PyTorch's 67280421310721.
  public convenience init(seed: Int = 67_280_421_310_721) {
    self.init(bits: UInt64(bitPattern: Int64(seed)))
  }

  /// A generator that continues where another one was.
  public convenience init(state: State) {
    self.init(bits: state.seed)
    self.state = state
  }

  private init(bits: UInt64) {
    engine = .allocate(capacity: 1)
    engine.initialize(to: nn_generator())
    seed = bits
    nn_generator_seed(engine, UInt32(truncatingIfNeeded: bits))
  }

  deinit { engine.deallocate() }

  /// Starts again from a seed, and forgets the spare normal value.
  @discardableResult
  public func manualSeed(_ seed: Int) -> Generator {
    lock.withLock { _ in
      self.seed = UInt64(bitPattern: Int64(seed))
      nn_generator_seed(engine, UInt32(truncatingIfNeeded: self.seed))
    }
    return self
  }

  /// The seed the generator was started from.
  public var initialSeed: Int { lock.withLock { _ in Int(truncatingIfNeeded: seed) } }

  /// Everything that decides the next draws: reading it and setting it later continues the same stream
  /// exactly.
  public var state: State {
    get {
      lock.withLock { _ in
        State(
          seed: seed,
          words: withUnsafeBytes(of: engine.pointee.words) { Array($0.bindMemory(to: UInt32.self)) },
          position: Int(engine.pointee.position),
          spareNormal: engine.pointee.has_spare != 0 ? engine.pointee.spare : nil)
      }
    }
    set {
      lock.withLock { _ in
        seed = newValue.seed
        withUnsafeMutableBytes(of: &engine.pointee.words) { target in
          newValue.words.withUnsafeBytes { target.copyMemory(from: $0) }
        }
        engine.pointee.position = Int32(newValue.position)
        engine.pointee.has_spare = newValue.spareNormal == nil ? 0 : 1
        engine.pointee.spare = newValue.spareNormal ?? 0
      }
    }
  }

  /// Several draws in one indivisible step.
  func draw<T>(_ body: (UnsafeMutablePointer<nn_generator>) -> T) -> T {
    lock.withLock { _ in body(engine) }
  }
}

/// Starts the default generator from a seed, as `torch.manual_seed`.
@discardableResult
public func manualSeed(_ seed: Int) -> Generator { Generator.default.manualSeed(seed) }

/// Runs `body` with another default generator, on this task or thread only: what is drawn in it neither
/// depends on nor changes the draws outside. For the use of `torch.random.fork_rng`.
public func withDefaultGenerator<T>(_ generator: Generator, _ body: () throws -> T) rethrows -> T {
  try Generator.$scopedDefault.withValue(generator, operation: body)
}

extension Generator {
  /// The state of a generator, for checkpoints. Decoding checks that it is one.
  public struct State: Sendable, Equatable, Codable {
    static let wordCount = 624

    let seed: UInt64
    let words: [UInt32]
    let position: Int
    let spareNormal: Double?

    init(seed: UInt64, words: [UInt32], position: Int, spareNormal: Double?) {
      self.seed = seed
      self.words = words
      self.position = position
      self.spareNormal = spareNormal
    }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      seed = try values.decode(UInt64.self, forKey: .seed)
      words = try values.decode([UInt32].self, forKey: .words)
      position = try values.decode(Int.self, forKey: .position)
      spareNormal = try values.decodeIfPresent(Double.self, forKey: .spareNormal)
      if words.count != Self.wordCount {
        throw DecodingError.dataCorruptedError(
          forKey: .words, in: values,
          debugDescription: "random generator: expected \(Self.wordCount) words, found \(words.count)")
      }
      if !(0...Self.wordCount).contains(position) {
        throw DecodingError.dataCorruptedError(
          forKey: .position, in: values,
          debugDescription:
            "random generator: expected a position in 0...\(Self.wordCount), found \(position)")
      }
    }
  }
}

// MARK: - Single values

extension Generator: RandomNumberGenerator {
  /// 64 random bits from two words, the first of which is the high half.
  public func next() -> UInt64 { draw(nn_random_word64) }

  /// A number of `0..<2^63`, as `torch.empty((), dtype=torch.int64).random_()`: how PyTorch draws a seed.
  public func nextSeed() -> Int { draw { Int(nn_random_word64($0) & UInt64(Int64.max)) } }

  /// One number of [0, 1) with 24 bits, as `torch.rand(1).item()`.
  public func rand() -> Float { uniform(0, 1) }

  /// One number of [low, high), as `torch.empty(1).uniform_(low, high).item()`.
  public func uniform(_ low: Double, _ high: Double) -> Float {
    require(low <= high, "uniform", "low \(low) is greater than high \(high)")
    var value: Float = 0
    draw { nn_random_uniform_f32($0, 1, Float(low), Float(high), &value) }
    return value
  }

  /// One standard normal number; `Float(normal())` is `torch.randn(1).item()`.
  public func normal() -> Double { draw(nn_random_normal) }

  /// One number of `low..<high`, as `torch.randint(low, high, (1,)).item()`.
  public func randint(_ low: Int, _ high: Int) -> Int {
    require(low < high, "randint", "the range \(low)..<\(high) is empty")
    var value: Int64 = 0
    draw { nn_random_integers($0, 1, Int64(low), UInt64(bitPattern: Int64(high &- low)), &value) }
    return Int(value)
  }

  /// The numbers `0..<count` in random order, as `torch.randperm`.
  public func randperm(_ count: Int) -> [Int] {
    require(count >= 0, "randperm", "count must not be negative, got \(count)")
    return [Int](unsafeUninitializedCapacity: count) { buffer, filled in
      if let base = buffer.baseAddress {
        base.withMemoryRebound(to: Int64.self, capacity: count) { order in
          draw { nn_random_permutation($0, Int64(count), order) }
        }
      }
      filled = count
    }
  }
}
