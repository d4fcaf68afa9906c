/// An entry of a golden document, which prints as its name in the list of tests.
public struct NamedEntry: Sendable, CustomStringConvertible {
  public let description: String
  public let value: JSONValue

  /// - Parameter key: where the entry's name stands; its place if nothing is there.
  public static func all(_ list: JSONValue?, named key: String) -> [NamedEntry] {
    (list?.elements ?? []).enumerated().map { place, entry in
      let name = entry[key]
      return NamedEntry(description: name?.string ?? name?.description ?? "\(place)", value: entry)
    }
  }

  public subscript(_ key: String) -> JSONValue? { value[key] }
}
