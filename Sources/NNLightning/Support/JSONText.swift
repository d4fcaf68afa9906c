/// A string as JSON.
func jsonText(_ text: String) -> String {
  (try? SavedState.encode(text)) ?? "\"\""
}

/// A number as JSON, the shortest text that reads back as the same bits.
func jsonNumber(_ value: Double) -> String {
  value.isFinite ? "\(value)" : value.isNaN ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\""
}
