extension Duration {
  /// The time as a number, for sums and for people.
  package var seconds: Double { self / .seconds(1) }
}
