/// Where tensors live and are computed on: a kind of device, and which one of that kind.
public struct Device: Sendable, Hashable, CustomStringConvertible {
  /// A kind of device, such as `cpu`.
  public struct Kind: Sendable, Hashable, CustomStringConvertible {
    public let description: String

    package init(_ name: String) { description = name }

    /// The processor and the memory of the host.
    public static let cpu = Kind("cpu")
  }

  public let kind: Kind
  /// Counts the devices of one kind from 0.
  public let index: Int

  package init(_ kind: Kind, index: Int = 0) {
    self.kind = kind
    self.index = index
  }

  /// The processor.
  public static let cpu = Device(.cpu)

  /// PyTorch's name: `cpu`, or the kind and the index, as in `cuda:0`.
  public var description: String { kind == .cpu ? kind.description : "\(kind):\(index)" }
}
