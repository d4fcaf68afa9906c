/// Fewest insertions, deletions and replacements that make one text of the other (Levenshtein, 1966): how near a
/// misspelt name is to one that there is.
package func editDistance(_ a: String, _ b: String) -> Int {
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
