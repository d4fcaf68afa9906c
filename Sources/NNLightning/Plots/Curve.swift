/// Points of a curve that may become any number: when there are 512, neighbours are put together, and from then on as
/// many new ones make a point.
struct Curve {
  private(set) var points: [(x: Double, y: Double)] = []
  /// The first and the last x.
  private(set) var ends: (first: Double, last: Double)?
  private var perPoint = 1
  private var waiting: [(x: Double, y: Double)] = []

  mutating func add(x: Double, y: Double) {
    ends = (ends?.first ?? x, x)
    waiting.append((x, y))
    if waiting.count < perPoint { return }
    points.append(Self.mean(waiting[...]))
    waiting = []
    if points.count == 512 {
      points = stride(from: 0, to: 512, by: 2).map { Self.mean(points[$0...$0 + 1]) }
      perPoint *= 2
    }
  }

  private static func mean(_ points: ArraySlice<(x: Double, y: Double)>) -> (x: Double, y: Double) {
    let count = Double(points.count)
    return (points.reduce(0) { $0 + $1.x } / count, points.reduce(0) { $0 + $1.y } / count)
  }
}
