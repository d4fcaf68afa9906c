// Checks the driver of a real card against the CPU: memory, products, convolutions, recording; and what is slow or missing.
import Foundation
import NNCUDA
import NNCore

let status = CUDA.status
for library in status.libraries { print(library.description) }
for card in status.cards {
  print("card \(card.index): \(card.name), \(card.computeCapability), \(card.memory >> 20) MiB")
}
if let problem = status.problem {
  print("no GPU: \(problem)")
  exit(1)
}
nonisolated(unsafe) var clock = ContinuousClock.now
func lap(_ what: String) {
  print("\(what): \(((ContinuousClock.now - clock) / .milliseconds(1)).formatted()) ms")
  clock = .now
}
let driver = try CardDriver(index: 0)
lap("opened")
nonisolated(unsafe) var failures = 0
func check(_ what: String, _ error: Double, within tolerance: Double) {
  if error <= tolerance { return print("\(what): good (\(error))") }
  failures += 1
  print("\(what): WRONG, error \(error)")
}
extension Tensor {
  func bytes() -> [UInt8] {
    dtype == .float64
      ? array(of: Double.self).withUnsafeBytes { Array($0) }
      : array(of: Float.self).withUnsafeBytes { Array($0) }
  }
}
func put(_ bytes: [UInt8]) -> UnsafeMutableRawPointer {
  guard let address = driver.allocate(max(512, bytes.count)) else { fatalError("no memory") }
  bytes.withUnsafeBytes { driver.upload($0, to: address) }
  return address
}
func get(_ address: UnsafeMutableRawPointer, _ count: Int, _ dtype: DType) -> [Double] {
  if dtype == .float64 {
    var values = [Double](repeating: 0, count: count)
    values.withUnsafeMutableBytes { driver.download(address, to: $0) }
    return values
  }
  var values = [Float](repeating: 0, count: count)
  values.withUnsafeMutableBytes { driver.download(address, to: $0) }
  return values.map(Double.init)
}
func error(_ found: [Double], _ expected: Tensor) -> Double {
  let expected = expected.to(.float64).array(of: Double.self)
  let scale = expected.map(abs).max() ?? 1
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).map { abs($0 - $1) }.max().map { $0.isNaN ? .infinity : $0 / max(scale, 1e-30) }
    ?? 0
}
let generator = Generator(seed: 1)
func random(_ shape: [Int], _ dtype: DType) -> Tensor {
  Tensor.randn(shape, generator: generator, dtype: dtype)
}

// Memory.
for size in [1, 1000, 65_536, 65_537, 3_000_000, 40_000_000] {
  let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  let address = put(bytes)
  let other = put([UInt8](repeating: 0, count: size))
  driver.copy(address, to: other, byteCount: size)
  var back = [UInt8](repeating: 0, count: size)
  back.withUnsafeMutableBytes { driver.download(other, to: $0) }
  check("copy of \(size) bytes", back == bytes ? 0 : 1, within: 0)
  driver.clear(other, byteCount: size)
  back.withUnsafeMutableBytes { driver.download(other, to: $0) }
  check("clear", back.allSatisfy { $0 == 0 } ? 0 : 1, within: 0)
  driver.free(address)
  driver.free(other)
}
print("memory: \(driver.memory)")
check("more memory than there is", driver.allocate(1 << 42) == nil ? 0 : 1, within: 0)
lap("memory")

// Products.
for dtype in [DType.float32, .float64] {
  for batch in [1, 3] {
    for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
      for keeps in [false, true] {
        let (m, n, k) = (5, 70, 33)
        let (a, b, c) = (
          random([batch, m, k], dtype), random([batch, k, n], dtype), random([batch, m, n], dtype)
        )
        let (aMemory, bMemory) = (
          put((left ? a.transpose(1, 2).contiguous() : a).bytes()),
          put((right ? b.transpose(1, 2).contiguous() : b).bytes())
        )
        let cMemory = put(c.bytes())
        driver.multiply(
          CUDAProduct(
            dtype: dtype, rows: m, columns: n, depth: k, batch: batch,
            a: .init(aMemory, stride: left ? m : k, isTransposed: left, batchStride: m * k),
            b: .init(bMemory, stride: right ? k : n, isTransposed: right, batchStride: k * n),
            c: .init(cMemory, stride: n, batchStride: m * n), keepsC: keeps, allowsTF32: false))
        let expected = keeps ? a.matmul(b) + c : a.matmul(b)
        check(
          "product \(dtype) batch \(batch) \(left ? "t" : "n")\(right ? "t" : "n") \(keeps ? "kept" : "new")",
          error(get(cMemory, batch * m * n, dtype), expected), within: dtype == .float64 ? 1e-13 : 1e-5)
      }
    }
  }
}
lap("products")

// Convolutions.
func lastChannels(_ x: Tensor) -> Tensor { x.permute(0, 2, 3, 1).contiguous() }
for dtype in [DType.float32, .float64] {
  for tf32 in dtype == .float32 ? [true, false] : [false] {
    for (c, o, size, k, stride, padding, dilation, groups) in [
      (3, 64, 32, 3, 1, 1, 1, 1), (16, 32, 17, 3, 2, 1, 1, 1), (8, 8, 9, 1, 1, 0, 1, 1),
      (8, 16, 12, 3, 1, 2, 2, 2),
      (8, 8, 10, 3, 1, 1, 1, 8), (3, 8, 23, 7, 2, 3, 1, 1), (5, 7, 11, 2, 1, 0, 1, 1),
    ] {
      let batch = 4
      let out = (size + 2 * padding - (k - 1) * dilation - 1) / stride + 1
      let (x, w) = (
        random([batch, c, size, size], dtype).requiringGrad(),
        random([o, c / groups, k, k], dtype).requiringGrad()
      )
      let (g, bias, z) = (
        random([batch, o, out, out], dtype), random([o], dtype), random([batch, o, out, out], dtype)
      )
      let y = x.conv2d(
        w, stride: Size2(stride), padding: .symmetric(Size2(padding)), dilation: Size2(dilation),
        groups: groups)
      y.backward(gradient: g)
      let (xm, wm, gm) = (
        put(lastChannels(x.detach()).bytes()), put(lastChannels(w.detach()).bytes()),
        put(lastChannels(g).bytes())
      )
      let (bm, zm) = (put(bias.bytes()), put(lastChannels(z).bytes()))
      var convolution = CUDAConvolution(
        pass: .forward, dtype: dtype, batch: batch, channels: c, inputSize: Size2(size), outputs: o,
        outputSize: Size2(out),
        kernelSize: Size2(k),
        geometry: ConvolutionGeometry(
          stride: Size2(stride), padding: Size2(padding), dilation: Size2(dilation), groups: groups),
        allowsTF32: tf32)
      let tolerance = dtype == .float64 ? 1e-13 : tf32 ? 3e-3 : 1e-5
      let name =
        "\(dtype) \(tf32 ? "TF32" : "exact") \(c)>\(o) \(size) k\(k) s\(stride) p\(padding) d\(dilation) g\(groups)"
      let ym = put([UInt8](repeating: 255, count: y.count * dtype.byteCount))
      let plain = y.detach()
      let channels = bias.reshape([1, o, 1, 1])
      for (what, hasBias, rectified, adds) in [
        ("", false, false, false), (" + bias", true, false, false), (" + bias, relu", true, true, false),
        (" + bias + z, relu", true, true, true), (" + z", false, false, true),
        (" + bias + z", true, false, true), (", relu", false, true, false),
      ] {
        (convolution.hasBias, convolution.isRectified) = (hasBias, rectified)
        var expected = plain
        if hasBias { expected = expected + channels }
        if adds { expected = expected + z }
        if rectified { expected = expected.relu() }
        driver.convolve(
          convolution,
          .init(image: xm, weight: wm, result: ym, bias: hasBias ? bm : nil, addend: adds ? zm : nil))
        check("\(name)\(what)", error(get(ym, y.count, dtype), lastChannels(expected)), within: tolerance)
      }
      (convolution.hasBias, convolution.isRectified) = (false, false)
      convolution.pass = .inputGradient
      let xg = put([UInt8](repeating: 255, count: x.count * dtype.byteCount))
      driver.convolve(convolution, .init(image: xg, weight: wm, result: gm))
      if let expected = x.grad {
        check("\(name) input", error(get(xg, x.count, dtype), lastChannels(expected)), within: tolerance)
      }
      convolution.pass = .weightGradient
      let wg = put([UInt8](repeating: 255, count: w.count * dtype.byteCount))
      driver.convolve(convolution, .init(image: xm, weight: wg, result: gm))
      if let expected = w.grad {
        check("\(name) weight", error(get(wg, w.count, dtype), lastChannels(expected)), within: tolerance)
      }
    }
  }
}
lap("convolutions")

// Recording.
let source = put([UInt8](repeating: 5, count: 4096))
let target = put([UInt8](repeating: 0, count: 4096))
driver.beginCapture()
driver.copy(source, to: target, byteCount: 4096)
do {
  let graph = try driver.endCapture()
  driver.clear(target, byteCount: 4096)
  graph.launch()
  var back = [UInt8](repeating: 0, count: 4096)
  back.withUnsafeMutableBytes { driver.download(target, to: $0) }
  check("graph", back.allSatisfy { $0 == 5 } ? 0 : 1, within: 0)
} catch {
  check("graph: \(error)", 1, within: 0)
}
driver.beginCapture()
driver.copy(source, to: target, byteCount: 4096)
driver.synchronize()
do {
  _ = try driver.endCapture()
  check("a graph that waits", 1, within: 0)
} catch {
  print("refused as it should be: \(error)")
}
let start = driver.mark()
driver.clear(target, byteCount: 4096)
print("a clear takes \(start.milliseconds(until: driver.mark())) ms")
lap("recording")
print(failures == 0 ? "all good" : "\(failures) WRONG")
exit(failures == 0 ? 0 : 1)
