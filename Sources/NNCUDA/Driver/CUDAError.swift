/// Why a GPU cannot be used, or what went wrong on it, in one line.
public struct CUDAError: Error, Equatable, CustomStringConvertible {
  public let description: String

  package init(_ description: String) { self.description = description }
}
