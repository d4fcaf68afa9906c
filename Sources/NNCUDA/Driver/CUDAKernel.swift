import Foundation
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

/// The values of a kernel's parameters in their order, in memory from where a driver takes their addresses.
package struct KernelArguments {
  package static let most = 32
  /// Parameters in all; a launch's list of numbers and structures fits into the first block of memory as a rule.
  package private(set) var count = 0
  private var memory = Memory.make(896)
  private var used = 0
  /// Where each value begins, in units of 8 bytes.
  private var places = SIMD32<UInt16>()

  package init() {}

  /// A number, an address, or a structure of a C header.
  package mutating func append<Value: BitwiseCopyable>(_ value: Value) {
    let end = used + (MemoryLayout<Value>.size + 7) & ~7
    require(count < Self.most, "KernelArguments", "a kernel has more than \(Self.most) parameters")
    // Copies share the memory until one of them grows.
    if end > memory.header || !isKnownUniquelyReferenced(&memory) { grow(to: max(end, memory.header / 2)) }
    memory.withUnsafeMutablePointerToElements {
      UnsafeMutableRawPointer($0 + used).storeBytes(of: value, as: Value.self)
    }
    places[count] = UInt16(truncatingIfNeeded: used / 8)
    count += 1
    used = end
  }

  /// Calls `body` with the list of the values' addresses, a null pointer at its end.
  package func withAddresses<Result>(
    _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>) throws -> Result
  ) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: count + 1) { list in
      try memory.withUnsafeMutablePointerToElements { bytes in
        for index in 0..<count { list.initializeElement(at: index, to: bytes + Int(places[index]) * 8) }
        list.initializeElement(at: count, to: nil)
        guard let first = list.baseAddress else { fail("KernelArguments", "there is no memory") }
        return try body(first)
      }
    }
  }

  private mutating func grow(to size: Int) {
    let larger = Memory.make(2 * size)
    memory.withUnsafeMutablePointerToElements { old in
      larger.withUnsafeMutablePointerToElements { $0.update(from: old, count: used) }
    }
    memory = larger
  }

  /// Whether both lists are of the same values at the same places: what lies between values is 0.
  func isSame(as other: KernelArguments) -> Bool {
    if memory === other.memory { return hasForm(of: other) }
    return hasForm(of: other)
      && memory.withUnsafeMutablePointerToElements { own in
        other.memory.withUnsafeMutablePointerToElements { memcmp(own, $0, used) == 0 }
      }
  }

  /// Whether both lists have values of the same sizes.
  func hasForm(of other: KernelArguments) -> Bool {
    count == other.count && used == other.used && places == other.places
  }

  /// Bytes, and how many there are.
  private final class Memory: ManagedBuffer<Int, UInt8> {
    static func make(_ size: Int) -> ManagedBuffer<Int, UInt8> {
      let memory = create(minimumCapacity: size) { _ in size }
      memory.withUnsafeMutablePointerToElements { $0.initialize(repeating: 0, count: size) }
      return memory
    }
  }
}
