import NNCore
import Synchronization

/// NVIDIA's GPUs on this machine: what there is, and whether it can be used.
public enum CUDA {
  /// A card as the driver describes it.
  public struct Card: Sendable, Equatable {
    public let index: Int
    public let name: String
    /// Such as 9.0.
    public let computeCapability: String
    /// Bytes of memory.
    public let memory: Int
  }

  /// What a GPU needs and what of it is there.
  public struct Status: Sendable, Equatable {
    public let cards: [Card]
    public let libraries: [CUDALibrary]
    /// One line about what is missing, with where it was looked for; nil if a GPU can be used.
    public let problem: String?
  }

  /// Opens all libraries to see; where there is no driver this takes a moment.
  public static var status: Status {
    Status(cards: cards, libraries: CUDALibraries.reports, problem: problem)
  }

  /// Whether there is a card and everything that it needs.
  public static var isAvailable: Bool { problem == nil }

  /// One line about what is missing; nil if a GPU can be used. Without a driver nothing else is looked for.
  public static var problem: String? {
    if case .failure(let error) = CUDALibraries.installedDriver.functions { return error.description }
    if case .failure(let error) = CUDALibraries.installed { return error.description }
    return nil
  }

  /// The cards that the driver finds.
  public static var cards: [Card] {
    guard case .success(let driver) = CUDALibraries.installedDriver.functions else { return [] }
    return CUDACard.all(driver).map {
      Card(
        index: $0.index, name: $0.name,
        computeCapability: "\($0.computeCapability.major).\($0.computeCapability.minor)",
        memory: $0.totalMemory)
    }
  }

  /// What computes on a card; the same one for every call.
  ///
  /// - Throws: ``CUDAError`` with what is missing.
  package static func open(_ index: Int = 0) throws(CUDAError) -> any Backend {
    try opened.withLock { opened in
      if let backend = opened[index] { return Result<any Backend, CUDAError>.success(backend) }
      return Result(catchingCUDA: {
        let backend = try makeBackend(index)
        opened[index] = backend
        return backend
      })
    }.get()
  }
  private static let opened = Mutex<[Int: any Backend]>([:])

  private static func makeBackend(_ index: Int) throws -> any Backend {
    // What is missing is told before anything else goes wrong.
    _ = try CUDALibraries.installedDriver.functions.get()
    let driver = try TimedDriver.timed(CardDriver(index: index))
    return CUDABackend(driver: driver, device: Device(.cuda, index: index))
  }
}
