import Foundation
import Synchronization

/// What the loops of the pool took, by the function that they are in: gathered where the environment variable
/// `NN_POOL_TIMES` is set, and told on standard error when the process ends. It shows what keeps more threads from helping:
/// what is outside of loops runs on one thread, and loops whose threads are idle have too few or too uneven pieces.
final class PoolTimes: Sendable {
  static let shared: PoolTimes? = {
    guard ProcessInfo.processInfo.environment["NN_POOL_TIMES"] != nil else { return nil }
    atexit { PoolTimes.shared?.tell() }
    return PoolTimes()
  }()

  private struct Loop {
    var count = 0
    /// Seconds from beginning to end, and of all threads in it together.
    var (wall, busy, capacity) = (0.0, 0.0, 0.0)
  }

  private let loops = Mutex<[String: Loop]>([:])
  private let begin = PoolTimes.now

  /// Nanoseconds of a clock.
  static var now: Int { Int(DispatchTime.now().uptimeNanoseconds) }

  func add(_ name: StaticString, began: Int, busy: Int, threads: Int) {
    let wall = Double(Self.now - began) / 1e9
    loops.withLock { loops in
      var loop = loops["\(name)"] ?? Loop()
      loop.count += 1
      loop.wall += wall
      loop.busy += Double(busy) / 1e9
      loop.capacity += wall * Double(threads)
      loops["\(name)"] = loop
    }
  }

  private func tell() {
    let seconds = Double(Self.now - begin) / 1e9
    let loops = self.loops.withLock { $0 }
    let wall = loops.values.reduce(0) { $0 + $1.wall }
    func row(_ name: String, _ loop: Loop) -> String {
      String(format: "%7d %8.3f s %4.0f%% busy  ", loop.count, loop.wall, 100 * loop.busy / loop.capacity)
        + name
    }
    let lines =
      [
        String(
          format: "%.3f s since the first loop, %.3f s of them outside of loops", seconds, seconds - wall)
      ]
      + loops.sorted { $0.value.wall > $1.value.wall }.prefix(20).map { row($0.key, $0.value) }
    writeToStandardError(lines.joined(separator: "\n") + "\n")
  }
}
