import Foundation
import NNCore
import NNLayers

/// Positions as rotations of pairs of features (Su et al., "RoFormer", 2021), for patches in rows and columns: a quarter
/// of the pairs turns with the row at different speeds, another one with the column. Tokens before the patches have none.
final class RotaryPositions: Module {
  /// How positions are counted and pairs are formed.
  enum Layout: Sendable {
    /// Of EVA-02: patches are counted from 0 up to `side`, however many there are; pairs lie side by side.
    case counted(side: Int)
    /// Of DINOv3: the middle is 0, the edges are -1 and 1; a pair's features lie half a head apart.
    case centred
  }

  private let sine: Buffer
  private let cosine: Buffer
  private let pairsLieSideBySide: Bool

  /// - Parameters:
  ///   - headWidth: features of an attention head, a multiple of 4.
  ///   - side: number of patches along a side.
  ///   - prefix: number of tokens before the patches.
  init(_ layout: Layout, headWidth: Int, side: Int, prefix: Int) {
    require(
      headWidth > 0 && headWidth % 4 == 0, "RotaryPositions", "\(headWidth) features are no multiple of 4")
    let speeds: [Float]
    let places: [Float]
    let count = headWidth / 4
    switch layout {
    case .counted(let reference):
      speeds = (0..<count).map { 1 / pow(10_000, Float($0) / Float(count)) }
      places = (0..<side).map { Float($0) / Float(side) * Float(reference) }
      pairsLieSideBySide = true
    case .centred:
      speeds = (0..<count).map { 2 * .pi / pow(100, 2 * Float($0) / Float(headWidth / 2)) }
      places = (0..<side).map { 2 * (Float($0) + 0.5) / Float(side) - 1 }
      pairsLieSideBySide = false
    }
    var angles = [Float](repeating: 0, count: prefix * headWidth)
    for row in places {
      for column in places {
        let turns = speeds.map { row * $0 } + speeds.map { column * $0 }
        angles += pairsLieSideBySide ? turns.flatMap { [$0, $0] } : turns + turns
      }
    }
    let shape = [prefix + side * side, headWidth]
    sine = Buffer(Tensor(angles.map { sin($0) }, shape: shape), isPersistent: false)
    cosine = Buffer(Tensor(angles.map { cos($0) }, shape: shape), isPersistent: false)
  }

  /// Queries or keys [N, heads, L, features], turned.
  func rotated(_ x: Tensor) -> Tensor {
    let quarterTurn: Tensor
    if pairsLieSideBySide {
      let pairs = x.reshape(x.shape.dropLast() + [x.shape[3] / 2, 2])
      quarterTurn = cat(
        [-pairs.narrow(4, start: 1, length: 1), pairs.narrow(4, start: 0, length: 1)], axis: 4
      )
      .reshape(x.shape)
    } else {
      let half = x.shape[3] / 2
      quarterTurn = cat(
        [-x.narrow(3, start: half, length: half), x.narrow(3, start: 0, length: half)], axis: 3)
    }
    return x * cosine.value + quarterTurn * sine.value
  }
}
