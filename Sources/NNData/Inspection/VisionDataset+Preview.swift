import NNCore

extension VisionDataset {
  /// A contact sheet: images as they are stored, with the names of their classes below them.
  ///
  ///     try dataset.preview(40).writePNG(toFile: "sheet.png")
  ///
  /// Classes take turns, so the first images of each are seen. Small images are enlarged by a whole factor, large
  /// ones made smaller, to about `cell` pixels. Throws what reading an image throws.
  ///
  /// - Parameters:
  ///   - number: Images, or all if there are fewer; at least 1.
  ///   - columns: Images per row; by default so many that the sheet is about square.
  ///   - cell: Largest side of an image in pixels.
  public func preview(_ number: Int = 40, columns: Int? = nil, cell: Int = 96) throws -> Image {
    require(number >= 1 && count >= 1 && cell >= 8, "preview", "\(number) of \(count) images, cell \(cell)")
    let chosen = takingTurns(number)
    let entries = try chosen.map { index in
      (image: Optional(try image(at: index)), lines: [classes[targets[index]]])
    }
    return Image.contactSheet(entries, columns: columns, cell: cell)
  }

  /// Indices of the first image of each class, then of the second, and so on.
  private func takingTurns(_ number: Int) -> [Int] {
    var seen = Array(repeating: 0, count: classes.count)
    let turns = targets.map { target in
      defer { seen[target] += 1 }
      return seen[target]
    }
    // Only so many turns as are needed: a data set can be long.
    let order = targets.indices.filter { turns[$0] < number }
      .sorted { (turns[$0], targets[$0]) < (turns[$1], targets[$1]) }
    return Array(order.prefix(number))
  }
}

extension Image {
  /// Images with lines of text below them, in rows; an empty field for none.
  ///
  /// - Parameters:
  ///   - columns: images per row; by default so many that the sheet is about square.
  ///   - cell: largest side of an image in pixels.
  package static func contactSheet(
    _ entries: [(image: Image?, lines: [String])], columns: Int? = nil, cell: Int
  ) -> Image {
    let count = entries.count
    let columns = max(1, min(columns ?? Int(Double(count).squareRoot().rounded(.up)), count))
    let lines = entries.reduce(0) { max($0, $1.lines.count) }
    let (gap, label) = (4, lines * (PixelFont.height + 4))
    let rows = (count + columns - 1) / columns
    var sheet = Image(
      width: gap + columns * (cell + gap), height: gap + rows * (cell + label + gap), color: [24])
    for (place, entry) in entries.enumerated() {
      let left = gap + place % columns * (cell + gap)
      let top = gap + place / columns * (cell + label + gap)
      if let image = entry.image?.rgb().fitted(into: cell) {
        sheet.paste(image, top: top + (cell - image.height) / 2, left: left + (cell - image.width) / 2)
      }
      let room = cell / PixelFont.advance
      for (number, line) in entry.lines.enumerated() {
        let text = line.count <= room ? line : "\(line.prefix(max(room - 2, 1))).."
        let width = text.count * PixelFont.advance - 1
        sheet.draw(
          text, top: top + cell + 3 + number * (PixelFont.height + 4),
          left: left + max(0, (cell - width) / 2),
          color: [230])
      }
    }
    return sheet
  }

  /// Enlarged by a whole factor, or made smaller, so that neither side exceeds `side`.
  fileprivate func fitted(into side: Int) -> Image {
    let longest = max(width, height)
    if longest <= side {
      let factor = side / longest
      return resized(height: height * factor, width: width * factor, interpolation: .nearest)
    }
    func scaled(_ size: Int) -> Int { max(1, size * side / longest) }
    return resized(height: scaled(height), width: scaled(width))
  }
}
