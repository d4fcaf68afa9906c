/// Text from outside (file names, keys, class names, metadata) as it may be printed: control characters and the marks
/// that reorder what a terminal shows stand as `\u{1b}`, everything else as it is.
///
/// A terminal obeys escape sequences: a class called `\u{1b}]0;…` would rename its window, others move its cursor.
package func printable(_ text: some StringProtocol) -> String {
  guard text.unicodeScalars.contains(where: \.isUnprintable) else { return String(text) }
  return text.unicodeScalars.reduce(into: "") { line, scalar in
    if scalar.isUnprintable {
      line += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      line.unicodeScalars.append(scalar)
    }
  }
}

extension Unicode.Scalar {
  /// Control characters (Cc, line breaks among them), line and paragraph separators, and the marks that embed, override
  /// or isolate a direction of writing (Unicode Standard Annex 9), which can show a name as another one.
  fileprivate var isUnprintable: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value)
    }
  }
}
