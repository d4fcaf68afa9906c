import NNCore

/// What rounding to bfloat16 left of the values of one bucket, which are added to the next ones: errors do not add up over
/// the steps (Seide et al., 2014; Karimireddy et al., 2019).
///
/// It is not part of checkpoints: a resumed fit begins without.
public final class ErrorFeedback: @unchecked Sendable {
  // Invariant: only the thread that communicates touches the numbers, for one exchange at a time.
  /// Of the values that this process sends, and of the means that it sends to all.
  private var (sent, means): ([Float], [Float]) = ([], [])

  public init() {}

  /// Rounds values, which become what the others get.
  ///
  /// - Parameter areMeans: of the two kinds of values.
  func round(
    _ values: UnsafeMutableBufferPointer<Float>, into halves: UnsafeMutableBufferPointer<UInt16>,
    areMeans: Bool
  ) {
    if areMeans { round(values, into: halves, &means) } else { round(values, into: halves, &sent) }
  }

  private func round(
    _ values: UnsafeMutableBufferPointer<Float>, into halves: UnsafeMutableBufferPointer<UInt16>,
    _ rests: inout [Float]
  ) {
    if rests.count != values.count { rests = Array(repeating: 0, count: values.count) }
    rests.withUnsafeMutableBufferPointer { rests in
      for place in values.indices {
        let value = values[place] + rests[place]
        let half = bfloat16Bits(value)
        halves[place] = half
        values[place] = float(half)
        let rest = value - values[place]
        // What is infinite has no rest.
        rests[place] = rest.isFinite ? rest : 0
      }
    }
  }
}

/// The nearest bfloat16, ties to even; NaN stays NaN.
@inline(__always)
func bfloat16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  let rounded = bits &+ 0x7fff &+ ((bits >> 16) & 1)
  return value.isNaN
    ? UInt16(truncatingIfNeeded: bits >> 16) | 0x40 : UInt16(truncatingIfNeeded: rounded >> 16)
}

@inline(__always)
func float(_ bfloat16: UInt16) -> Float { Float(bitPattern: UInt32(bfloat16) << 16) }
