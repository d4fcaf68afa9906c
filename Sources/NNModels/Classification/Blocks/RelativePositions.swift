import NNCore
import NNLayers

/// Where tokens of a window lie relative to each other, as numbers of rows of a table that has one for each distance.
enum RelativePositions {
  /// For each pair of the `side`² tokens the row of the table, int64 [side² · side²].
  static func index(side: Int) -> Tensor {
    let span = 2 * side - 1
    let places = (0..<side).flatMap { row in (0..<side).map { column in (row, column) } }
    let rows = places.flatMap { a in
      places.map { b in (a.0 - b.0 + side - 1) * span + a.1 - b.1 + side - 1 }
    }
    return Tensor(rows, shape: [rows.count])
  }

  /// What is added to the scores of attention, [heads, length, length], of a table [distances, heads].
  static func scores(_ table: Tensor, index: Tensor, length: Int) -> Tensor {
    embedding(index.reshape([-1]), table).reshape(length, length, table.shape[1]).permute(2, 0, 1)
  }
}
