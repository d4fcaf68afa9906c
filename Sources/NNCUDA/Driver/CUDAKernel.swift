import NNCore
import Synchronization

/// A kernel of `CCUDAKernels`, known by the file it is in and its name there. Make each one once, as a static value: a driver
/// keeps what it found for a kernel under its number.
package final class CUDAKernel: Sendable {
  package let file: String
  package let name: String
  /// Counts the kernels of a process from 0.
  package let number: Int

  private static let count = Atomic(0)

  package init(_ name: String, in file: String) {
    self.file = file
    self.name = name
    number = Self.count.add(1, ordering: .relaxed).oldValue
  }

  /// The kernels of one name for some element types, `NAME_float32` and so on.
  package struct Family: Sendable {
    private let kernels: [CUDAKernel?]

    package init(_ name: String, in file: String, _ types: [DType] = DType.allCases) {
      kernels = DType.allCases.map { types.contains($0) ? CUDAKernel("\(name)_\($0)", in: file) : nil }
    }

    package subscript(_ dtype: DType) -> CUDAKernel {
      guard let kernel = kernels[Int(dtype.rawValue)] else {
        fail("CUDAKernel", "there is no kernel of element type \(dtype)")
      }
      return kernel
    }
  }
}

/// The values of a kernel's parameters in their order: each is copied into a fixed buffer, from where a driver takes their
/// addresses.
package struct KernelArguments {
  package static let capacity = 1024
  package static let most = 32
  /// The bytes of all values, each aligned to 8.
  package private(set) var bytes: [UInt8] = []
  /// Where each begins.
  package private(set) var offsets: [Int] = []

  package init() {
    bytes.reserveCapacity(256)
    offsets.reserveCapacity(16)
  }

  /// A number, an address, or a structure of a C header.
  package mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    offsets.append(bytes.count)
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: repeatElement(0, count: -bytes.count & 7))
  }
}
