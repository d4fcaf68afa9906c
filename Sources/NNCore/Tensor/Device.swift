/// Where tensors live. The CPU is the only device so far.
public enum Device: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
  case cpu

  public var description: String { rawValue }

  package var backend: any Backend { CPUBackend.shared }
}
