extension Double {
  /// Whether it has a place on an axis: neither NaN nor infinite, nor so large that a distance would be.
  var isPlottable: Bool { abs(self) < 1e300 }
}
