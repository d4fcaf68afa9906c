/// Fewest insertions, deletions and replacements that make one text of the other (Levenshtein, 1966): how near a
/// misspelt name is to one that there is.
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, character) in a.enumerated() {
    var diagonal = i
    row[0] = i + 1
    for j in b.indices {
      (diagonal, row[j + 1]) = (
        row[j + 1], min(row[j] + 1, row[j + 1] + 1, diagonal + (b[j] == character ? 0 : 1))
      )
    }
  }
  return row[b.count]
}

/// Names that somebody who wrote `name` may have meant, the nearest first, whatever their case.
///
/// - Parameters:
///   - name: untrusted; of a long one the beginning counts.
///   - limit: greatest edit distance; names that contain `name`, or are contained in it, count however far they are.
package func nearestNames(
  to name: String, among known: some Sequence<String>, count: Int = 3, within limit: Int = .max
) -> [String] {
  let wanted = name.prefix(64).lowercased()
  return known.map { (name: $0, distance: editDistance($0.lowercased(), wanted)) }
    .filter { $0.distance <= limit || $0.name.contains(name) || name.contains($0.name) }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    .prefix(count).map(\.name)
}
