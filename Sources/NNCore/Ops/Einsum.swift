/// Sums of products over named dimensions, as `torch.einsum`: `einsum("bij,bjk->bik", a, b)`.
///
/// Letters name dimensions (`...` stands for any number of broadcast ones), a letter twice in one operand takes the
/// diagonal, and a letter that is missing after `->` is summed over. Without `->` the result has the letters that
/// occur once, in alphabetical order (capitals first), behind the broadcast dimensions. Operands are contracted from
/// left to right, each pair by one batched matrix product.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// See `einsum(_:_:)`.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
  let parsed = EinsumEquation(equation, operands)
  var terms = zip(parsed.inputs, operands).map { EinsumTerm($1, labels: $0, equation).withoutRepeats() }
  while terms.count > 1 {
    let rest = terms[2...].flatMap(\.labels) + parsed.output
    terms.replaceSubrange(0..<2, with: [terms[0].contracted(with: terms[1], keeping: rest, equation)])
  }
  let result = terms[0].summed(keeping: parsed.output)
  return result.tensor.permute(
    parsed.output.map { label in
      guard let axis = result.labels.firstIndex(of: label) else {
        fail("einsum", "\"\(equation)\": the result's \(label.name) is in no operand")
      }
      return axis
    })
}

/// A dimension: a letter, or one of those that `...` stands for, counted from the last.
private enum EinsumLabel: Hashable {
  case letter(Character)
  case broadcast(Int)

  var name: String {
    switch self {
    case .letter(let letter): "\"\(letter)\""
    case .broadcast: "\"...\""
    }
  }
}

private struct EinsumEquation {
  let inputs: [[EinsumLabel]]
  let output: [EinsumLabel]

  init(_ equation: String, _ operands: [Tensor]) {
    let sides = equation.replacing(" ", with: "").split(separator: "->", omittingEmptySubsequences: false)
    require(sides.count <= 2, "einsum", "\"\(equation)\" has more than one arrow")
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    require(
      terms.count == operands.count && !operands.isEmpty, "einsum",
      "\"\(equation)\" has \(terms.count) operands, got \(operands.count)")
    var widest = 0
    inputs = zip(terms, operands).map { term, operand in
      let letters = term.filter { $0 != "." }.count
      let hidden = term.contains("...") ? operand.rank - letters : 0
      require(
        letters + hidden == operand.rank && hidden >= 0, "einsum",
        "\"\(equation)\": operand \"\(term)\" does not fit shape \(operand.shape)")
      widest = Swift.max(widest, hidden)
      return Self.labels(term, hidden: hidden, equation)
    }
    if sides.count == 2 {
      output = Self.labels(sides[1], hidden: sides[1].contains("...") ? widest : 0, equation)
      require(
        Set(output).count == output.count, "einsum", "\"\(equation)\": the result names a dimension twice")
    } else {
      var counts: [Character: Int] = [:]
      for case .letter(let letter) in inputs.joined() { counts[letter, default: 0] += 1 }
      let once = counts.filter { $0.value == 1 }.keys.sorted()
      output = (0..<widest).reversed().map { .broadcast($0) } + once.map { .letter($0) }
    }
  }

  private static func labels(_ term: Substring, hidden: Int, _ equation: String) -> [EinsumLabel] {
    var labels: [EinsumLabel] = []
    var rest = term
    while let first = rest.first {
      if rest.hasPrefix("...") {
        labels += (0..<hidden).reversed().map { .broadcast($0) }
        rest = rest.dropFirst(3)
        require(!rest.contains("."), "einsum", "\"\(equation)\" has a stray dot")
      } else {
        require(first.isASCII && first.isLetter, "einsum", "\"\(equation)\" has an unexpected \"\(first)\"")
        labels.append(.letter(first))
        rest = rest.dropFirst()
      }
    }
    return labels
  }
}

/// A tensor with named dimensions.
private struct EinsumTerm {
  let tensor: Tensor
  let labels: [EinsumLabel]
  private let equation: String

  init(_ tensor: Tensor, labels: [EinsumLabel], _ equation: String) {
    self.tensor = tensor
    self.labels = labels
    self.equation = equation
  }

  /// Takes diagonals until every label occurs once.
  func withoutRepeats() -> EinsumTerm {
    for (first, label) in labels.enumerated() {
      guard let second = labels[(first + 1)...].firstIndex(of: label) else { continue }
      require(
        tensor.shape[first] == tensor.shape[second], "einsum",
        "\"\(equation)\": sizes of \(label.name) differ in shape \(tensor.shape)")
      let rest = labels.indices.filter { $0 != first && $0 != second }.map { labels[$0] }
      return EinsumTerm(tensor.diagonal(axes: (first, second)), labels: rest + [label], equation)
        .withoutRepeats()
    }
    return self
  }

  func summed(keeping kept: [EinsumLabel]) -> EinsumTerm {
    let axes = labels.indices.filter { !kept.contains(labels[$0]) }
    if axes.isEmpty { return self }
    return EinsumTerm(tensor.sum(axes), labels: labels.filter { kept.contains($0) }, equation)
  }

  func contracted(with other: EinsumTerm, keeping kept: [EinsumLabel], _ equation: String) -> EinsumTerm {
    let (left, right) = (summed(keeping: kept + other.labels), other.summed(keeping: kept + labels))
    let shared = left.labels.filter { right.labels.contains($0) }
    let (batch, summed) = (shared.filter { kept.contains($0) }, shared.filter { !kept.contains($0) })
    let rows = left.labels.filter { !shared.contains($0) }
    let columns = right.labels.filter { !shared.contains($0) }
    let sizes = Dictionary(
      uniqueKeysWithValues: shared.map { label in
        let (m, n) = (left.size(label), right.size(label))
        require(
          m == n || m == 1 || n == 1, "einsum",
          "\"\(equation)\": sizes \(m) and \(n) of \(label.name) differ (\(tensor.shape), \(other.tensor.shape))"
        )
        return (label, m == 1 ? n : m)
      })
    func count(_ labels: [EinsumLabel], _ term: EinsumTerm) -> Int {
      labels.reduce(1) { $0 * (sizes[$1] ?? term.size($1)) }
    }
    let (b, k) = (count(batch, left), count(summed, left))
    let a = left.arranged(batch + rows + summed, sizes).reshape([b, count(rows, left), k])
    let c = right.arranged(batch + summed + columns, sizes).reshape([b, k, count(columns, right)])
    let shape =
      batch.map { sizes[$0] ?? 1 } + rows.map { left.size($0) } + columns.map { right.size($0) }
    return EinsumTerm(a.bmm(c).reshape(shape), labels: batch + rows + columns, equation)
  }

  private func size(_ label: EinsumLabel) -> Int {
    labels.firstIndex(of: label).map { tensor.shape[$0] } ?? 1
  }

  /// The dimensions in this order, those of size 1 expanded to the given sizes.
  private func arranged(_ order: [EinsumLabel], _ sizes: [EinsumLabel: Int]) -> Tensor {
    let axes = order.compactMap { labels.firstIndex(of: $0) }
    return tensor.permute(axes).expand(order.map { sizes[$0] ?? size($0) })
  }
}
