import NNCUDA
import NNCore
import TestSupport
import Testing

/// The emulated card itself.
struct EmulatorTests {
  private let sums = CUDAKernel("check_sums", in: "check.cpp")
  private let mirror = CUDAKernel("check_mirror", in: "check.cpp")

  /// Launches a kernel on x and a result of so many elements.
  private func run(
    _ kernel: CUDAKernel, blocks: Int, _ x: [Float], results: Int, _ last: some BitwiseCopyable
  ) -> [Float] {
    let backend = EmulatedCUDA.backend
    let input = Tensor(x).to(backend.device)
    let result = Tensor(uninitialized: [results], dtype: .float32, on: backend)
    var arguments = KernelArguments()
    arguments.append(input.storage.address)
    arguments.append(result.storage.address)
    arguments.append(last)
    EmulatedCUDA.shared.launch(kernel, grid: (blocks, 1, 1), block: 256, sharedBytes: 0, arguments)
    return withExtendedLifetime(input) { result.array(of: Float.self) }
  }

  @Test(arguments: [1, 31, 256, 257, 1000])
  func threadsOfABlockAddUp(_ count: Int) {
    let values = (0..<count).map { Float($0 % 17) }
    let blocks = (count + 255) / 256
    let expected = (0..<blocks).map { values[($0 * 256)..<min(count, $0 * 256 + 256)].reduce(0, +) }
    #expect(run(sums, blocks: blocks, values, results: blocks, count) == expected)
  }

  @Test func barriersSeparateWritesFromReads() {
    let values = (0..<256).map { Float($0) }
    let mirrored = run(mirror, blocks: 1, values, results: 200, Int32(0))
    #expect(mirrored == values.reversed().prefix(200).map { $0 })
  }

  @Test func sharedMemoryHoldsGarbageAtFirst() {
    let values = [Float](repeating: 1, count: 256)
    _ = run(mirror, blocks: 1, values, results: 200, Int32(0))
    let forgotten = run(mirror, blocks: 1, values, results: 200, Int32(1))
    #expect(forgotten.filter { $0.isNaN }.count == 200)
  }

  @Test func freshMemoryIsNotANumber() {
    let fresh = Tensor(uninitialized: [7], dtype: .float32, on: EmulatedCUDA.backend).array(of: Float.self)
    #expect(fresh.filter { $0.isNaN }.count == 7)
  }
}
