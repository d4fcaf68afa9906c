import Foundation

extension HeadSearch {
  /// How sure it is that one head is better than another, from the samples about which only one of them is right: in how
  /// many of 1 cases two equally good heads would differ as much (the exact test of McNemar, two-sided).
  ///
  /// Source: https://en.wikipedia.org/wiki/McNemar%27s_test
  public static func chance(_ first: Trial, _ second: Trial) -> Double {
    let pairs = zip(first.hits, second.hits)
    let (ours, theirs) = (pairs.count { $0 && !$1 }, pairs.count { $1 && !$0 })
    let (count, least) = (ours + theirs, min(ours, theirs))
    if ours == theirs { return 1 }
    // Twice the smaller tail of count coins: Σ C(count, i) / 2^count, in logarithms, as the terms are small.
    let n = Double(count)
    let tail = (0...least).reduce(0.0) { sum, place in
      let k = Double(place)
      let ways: Double = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
      return sum + exp(ways - n * log(2))
    }
    return min(1, 2 * tail)
  }

  /// Bounds between which the share of hits on all possible images lies, in 95 of 100 cases (Wilson, 1927).
  ///
  /// - Parameter count: of all images, at least 1.
  public static func interval(hits: Int, of count: Int) -> ClosedRange<Double> {
    let (z, n) = (1.959964, Double(count))
    let share = Double(hits) / n
    let middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    return max(0, middle - half)...min(1, middle + half)
  }

  /// Which head won, by how much, and whether that may be luck, in plain words.
  ///
  /// - Parameter trials: as `run` gives them, the best first; at least one.
  public static func verdict(_ trials: [Trial]) -> String {
    guard let best = trials.first else { return "no head was tried" }
    let (hits, count) = (best.hits.count { $0 }, best.hits.count)
    let bounds = interval(hits: hits, of: max(1, count))
    let first = String(
      format:
        "%@ won: right about %d of %d validation images (%.3f; on many more images %.3f to %.3f is likely).",
      best.name, hits, count, best.validationAccuracy, bounds.lowerBound, bounds.upperBound)
    guard let other = trials.first(where: { $0.head.kind != best.head.kind }) else { return first }
    let lead = hits - other.hits.count { $0 }
    let chance = Self.chance(best, other)
    let share = chance < 0.01 ? "fewer than 1" : "\(Int((chance * 100).rounded()))"
    return first + " \(other.name), the best of another kind, is right about "
      + (lead == 0 ? "as many" : "\(lead) fewer")
      + "; two equally good heads differ as much in \(share) of 100 cases, so "
      + (chance < 0.05 ? "this is more than luck." : "this may be luck.")
  }
}
