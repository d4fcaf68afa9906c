import CNNKernels
import Foundation
import Synchronization

/// How an image is resampled, as in PIL; all but `nearest` smooth before they shrink.
public enum InterpolationMode: String, Sendable, CaseIterable {
  case nearest, bilinear, bicubic, lanczos, box, hamming

  /// Reach of the kernel on each side, in pixels of the coarser image.
  var support: Double {
    switch self {
    case .nearest: 0
    case .box: 0.5
    case .bilinear, .hamming: 1
    case .bicubic: 2
    case .lanczos: 3
    }
  }

  func weight(_ position: Double) -> Double {
    let x = abs(position)
    switch self {
    case .nearest: return 0
    // One end belongs to the interval, so that no pixel is taken twice.
    case .box: return position > -0.5 && position <= 0.5 ? 1 : 0
    case .bilinear: return x < 1 ? 1 - x : 0
    case .hamming:
      if x == 0 { return 1 }
      if x >= 1 { return 0 }
      return sin(x * .pi) / (x * .pi) * (0.54 + 0.46 * cos(x * .pi))
    case .bicubic:
      // Keys' kernel with a = -1/2.
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    case .lanczos:
      return position >= -3 && position < 3
        ? InterpolationMode.sinc(position) * InterpolationMode.sinc(position / 3) : 0
    }
  }

  private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}

/// Which inputs, with which weights, make each output of a resampling along one axis: PIL's fixed-point weights.
final class ResampleTable: Sendable {
  struct Key: Hashable {
    let inputs: Int
    let outputs: Int
    let mode: InterpolationMode
  }

  let taps: Int
  let first: [Int32]
  let count: [Int32]
  /// `taps` places per output, with 22 fractional bits.
  let weights: [Int32]

  private init(_ key: Key) {
    let scale = Double(key.inputs) / Double(key.outputs)
    if key.mode == .nearest {
      // The position is added up step by step, as PIL does: `(i + 0.5) * scale` rounds differently in places.
      var position = 0.5 * scale
      taps = 1
      first = (0..<key.outputs).map { _ in
        defer { position += scale }
        return Int32(min(Int(position), key.inputs - 1))
      }
      count = Array(repeating: 1, count: key.outputs)
      weights = Array(repeating: 1 << 22, count: key.outputs)
      return
    }
    let filterScale = max(scale, 1)
    let support = key.mode.support * filterScale
    taps = Int(support.rounded(.up)) * 2 + 1
    var first: [Int32] = []
    var count: [Int32] = []
    var weights = [Int32](repeating: 0, count: key.outputs * taps)
    for output in 0..<key.outputs {
      let center = (Double(output) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let end = min(key.inputs, Int(center + support + 0.5))
      let inverse = 1 / filterScale
      let values = (start..<end).map { key.mode.weight((Double($0) - center + 0.5) * inverse) }
      let sum = values.reduce(0, +)
      for (tap, value) in values.enumerated() {
        let scaled = (sum != 0 ? value / sum : value) * Double(1 << 22)
        weights[output * taps + tap] = Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
      }
      first.append(Int32(start))
      count.append(Int32(end - start))
    }
    self.first = first
    self.count = count
    self.weights = weights
  }

  /// Data sets resize the same few sizes over and over; a set of photographs has a few hundred.
  private static let cache = Mutex<[Key: ResampleTable]>([:])
  private static let cacheLimit = 1024

  /// The table for a pair of sizes. Safe to call from any thread.
  static func table(inputs: Int, outputs: Int, mode: InterpolationMode) -> ResampleTable {
    let key = Key(inputs: inputs, outputs: outputs, mode: mode)
    if let table = cache.withLock({ $0[key] }) { return table }
    let table = ResampleTable(key)
    cache.withLock { tables in
      if tables.count >= cacheLimit { tables.removeAll() }
      tables[key] = table
    }
    return table
  }

  /// Both tables of a resizing; an axis without one is NULL.
  static func withKernelTables<R>(
    _ columns: ResampleTable?, _ rows: ResampleTable?,
    _ body: (UnsafePointer<nn_resample_table>?, UnsafePointer<nn_resample_table>?) -> R
  ) -> R {
    func second(_ columns: UnsafePointer<nn_resample_table>?) -> R {
      rows?.withKernelTable { body(columns, $0) } ?? body(columns, nil)
    }
    return columns?.withKernelTable { second($0) } ?? second(nil)
  }

  func withKernelTable<R>(_ body: (UnsafePointer<nn_resample_table>) -> R) -> R {
    first.withUnsafeBufferPointer { first in
      count.withUnsafeBufferPointer { count in
        weights.withUnsafeBufferPointer { weights in
          var table = nn_resample_table(
            outputs: Int64(first.count), taps: Int64(taps), first: first.baseAddress,
            count: count.baseAddress,
            weight: weights.baseAddress)
          return body(&table)
        }
      }
    }
  }
}
