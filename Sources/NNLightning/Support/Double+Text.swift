import Foundation

extension Double {
  /// A fixed number of digits behind the point, for people.
  package func formatted(digits: Int) -> String { isNaN ? "nan" : String(format: "%.\(digits)f", self) }
}
