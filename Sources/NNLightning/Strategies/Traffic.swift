/// What a process exchanged with others so far.
public struct Traffic: Sendable, Equatable {
  /// Sent by this process.
  public var bytesSent = 0
  /// In which exchanges were under way, waiting for other processes included.
  public var exchangeSeconds = 0.0
  /// In which this process did nothing but wait for them.
  public var waitSeconds = 0.0

  public init() {}
}
