import Foundation
import NNCore

/// How the inputs of a case lie in memory when it runs.
public enum FixtureLayout: String, Sendable, CaseIterable {
  /// As they are stored: row-major.
  case rowMajor
  /// Every input is a view with gaps into larger memory.
  case strided
  /// 4-D inputs lie as N, H, W, C.
  case channelsLast
}

extension FixtureCase {
  /// Runs the case's operation and compares outputs and gradients with the expected values. In float32 at the stated
  /// tolerance; in float64 only the rounding of the stored values is forgiven.
  ///
  /// - Parameters:
  ///   - path: the kernels to run on; those of the process if nil.
  ///   - device: where the inputs are, and with them the operation.
  ///   - looseness: also allowed in float32, as a share of the greatest expected value of a tensor.
  /// - Returns: what differs or is wrong with the case, one line each; nothing if the case passes.
  package func failures(
    _ table: FixtureTable, dtype: DType, layout: FixtureLayout = .rowMajor, path: KernelPath? = nil,
    on device: Device = .cpu, looseness: Double = 0
  ) -> [String] {
    do {
      return try catchingMistakes {
        let run = { try failures(table, dtype, layout, device, dtype == .float32 ? looseness : 0) }
        return try path.map { try $0.force(run) } ?? run()
      }
    } catch {
      return ["\(self): \(error)"]
    }
  }

  private func failures(
    _ table: FixtureTable, _ dtype: DType, _ layout: FixtureLayout, _ device: Device, _ looseness: Double
  ) throws -> [String] {
    var inputs: [String: Tensor] = [:]
    var leaves: [String: Tensor] = [:]
    for name in inputNames {
      var tensor = try stored("in.\(name)").to(device)
      if tensor.dtype.isFloatingPoint {
        tensor = tensor.to(dtype)
        if gradientNames.contains(name) {
          tensor = tensor.requiringGrad()
          leaves[name] = tensor
        }
      }
      inputs[name] = Self.laidOut(tensor, layout)
    }
    let outputs = try withArguments { arguments in
      guard let body = table[operation] else { throw FixtureError("operation not supported: \(operation)") }
      return try body(FixtureInputs(tensors: inputs, dtype: dtype), arguments)
    }
    var found: [String] = []
    if outputs.count != outputNames.count {
      return ["\(outputs.count) outputs, expected \(outputNames)"]
    }
    var loss: Tensor?
    for (name, output) in zip(outputNames, outputs) {
      found += try differences(name, output, dtype, looseness: looseness)
      if output.device != device, !inputs.isEmpty { found.append("\(name) is on \(output.device)") }
      let seed = name == "out" ? "gradout" : "gradout.\(name)"
      if hasStored(seed), !gradientNames.isEmpty {
        if !output.requiresGrad {
          found.append("\(name) does not require a gradient")
          continue
        }
        if try output.shape != stored(seed).shape { continue }
        let term = try (output * stored(seed).to(dtype).to(device)).sum()
        loss = loss.map { $0 + term } ?? term
      }
    }
    guard let loss else {
      return gradientNames.isEmpty || !found.isEmpty ? found : ["nothing to take the gradients of"]
    }
    loss.backward()
    for name in gradientNames {
      guard let leaf = leaves[name] else { throw FixtureError("the gradient's input \(name) is no float") }
      let gradient = leaf.grad ?? Tensor.zeros(like: leaf)
      if gradient.device != device { found.append("grad.\(name) is on \(gradient.device)") }
      found += try differences("grad.\(name)", gradient, dtype, looseness: looseness)
    }
    return found
  }

  /// Runs the case's operation on bfloat16 inputs, and on the same numbers in float32 on the CPU. Results and gradients may
  /// differ by what a few roundings make of them, as a share of the greatest value of a tensor.
  package func roundedFailures(_ table: FixtureTable, on device: Device) -> [String] {
    do {
      return try catchingMistakes {
        let (found, expected) = try (
          results(table, .bfloat16, on: device), results(table, .float32, on: .cpu)
        )
        return expected.flatMap { name, want in
          guard let got = found.first(where: { $0.name == name })?.tensor else {
            return ["\(name) is missing"]
          }
          if want.dtype == .float32, got.dtype != .bfloat16 { return ["\(name) is \(got.dtype)"] }
          if got.device != device, !inputNames.isEmpty { return ["\(name) is on \(got.device)"] }
          let sizes = want.to(.float32).abs().array(of: Float.self).filter(\.isFinite)
          return tensorDifferences(
            got.to(want.dtype), want, name: name, relativeTolerance: Self.rounding,
            absoluteTolerance: Self.rounding * Double(sizes.max() ?? 0) + 1e-6)
        }
      }
    } catch {
      return ["\(self): \(error)"]
    }
  }

  /// Four units in the last place of bfloat16.
  private static let rounding = 0.03125

  /// Outputs and gradients for inputs that bfloat16 can hold.
  private func results(
    _ table: FixtureTable, _ dtype: DType, on device: Device
  ) throws -> [(name: String, tensor: Tensor)] {
    func rounded(_ name: String) throws -> Tensor {
      let tensor = try stored(name).to(device)
      return tensor.dtype.isFloatingPoint ? tensor.to(.bfloat16).to(dtype) : tensor
    }
    var inputs: [String: Tensor] = [:]
    for name in inputNames {
      let tensor = try rounded("in.\(name)")
      inputs[name] = gradientNames.contains(name) ? tensor.requiringGrad() : tensor
    }
    let outputs = try withArguments { arguments in
      guard let body = table[operation] else { throw FixtureError("operation not supported: \(operation)") }
      return try body(FixtureInputs(tensors: inputs, dtype: dtype), arguments)
    }
    var results = Array(zip(outputNames, outputs)).map { (name: $0, tensor: $1.detach()) }
    var loss: Tensor?
    for (name, output) in zip(outputNames, outputs) {
      let seed = name == "out" ? "gradout" : "gradout.\(name)"
      guard output.requiresGrad, hasStored(seed) else { continue }
      let term = try (output.to(.float32) * rounded(seed).to(.float32)).sum()
      loss = loss.map { $0 + term } ?? term
    }
    loss?.backward()
    for name in gradientNames {
      if let gradient = inputs[name]?.grad { results.append(("grad.\(name)", gradient)) }
    }
    return results
  }

  /// Compares a tensor with the expected one of that name.
  public func differences(
    _ name: String, _ got: Tensor, _ dtype: DType, looseness: Double = 0
  ) throws -> [String] {
    let want = try stored(name)
    let exact = dtype == .float64
    // Beyond float32 the stored values are infinite.
    let got = exact && got.dtype == .float64 ? got.detach().to(.float32).to(.float64) : got
    // Of large values by a device that rounds the factors of products.
    let loose =
      looseness > 0 && want.dtype.isFloatingPoint && want.count > 0 ? looseness * want.abs().amax().item() : 0
    return tensorDifferences(
      got, want.dtype.isFloatingPoint ? want.to(dtype) : want, name: name,
      relativeTolerance: exact ? 2e-7 : relativeTolerance,
      absoluteTolerance: loose + (exact ? 1e-9 : absoluteTolerance))
  }

  private static func laidOut(_ x: Tensor, _ layout: FixtureLayout) -> Tensor {
    switch layout {
    case .rowMajor: return x
    case .channelsLast: return x.rank == 4 ? x.channelsLast() : x
    case .strided: return x.strided()
    }
  }
}

extension Tensor {
  /// The same elements as a view with gaps along every dimension, in reversed order of memory.
  public func strided() -> Tensor {
    if rank == 0 || count == 0 { return self }
    let axes = Array((0..<rank).reversed())
    var wide = permute(axes).unsqueeze(-1)
    wide = cat([wide, wide * 0 + 1].map { $0.to(dtype) }, axis: -1)
    return wide.select(-1, index: 0).permute(axes)
  }
}

/// Differences between two tensors in shape, element type or values: |got - want| <= absolute + relative * |want|.
/// NaN meets NaN and an infinity the same infinity; integers and bools must be equal.
public func tensorDifferences(
  _ got: Tensor, _ want: Tensor, name: String = "result", relativeTolerance: Double, absoluteTolerance: Double
) -> [String] {
  if got.shape != want.shape { return ["\(name): shape \(got.shape), expected \(want.shape)"] }
  if got.dtype != want.dtype { return ["\(name): \(got.dtype), expected \(want.dtype)"] }
  if !want.dtype.isFloatingPoint {
    let (a, b) = (got.array(of: Int.self), want.array(of: Int.self))
    guard let place = a.indices.first(where: { a[$0] != b[$0] }) else { return [] }
    return ["\(name)[\(place)]: \(a[place]), expected \(b[place])"]
  }
  let (a, b) = (got.array(of: Double.self), want.array(of: Double.self))
  var worst: (place: Int, excess: Double)?
  var wrong = 0
  for place in a.indices {
    if a[place] == b[place] || (a[place].isNaN && b[place].isNaN) { continue }
    let excess = abs(a[place] - b[place]) - (absoluteTolerance + relativeTolerance * abs(b[place]))
    if excess <= 0 { continue }
    wrong += 1
    // A NaN or an infinity in the wrong place counts as the worst.
    let size = excess.isNaN ? Double.infinity : excess
    if size > worst?.excess ?? -1 { worst = (place, size) }
  }
  guard let worst else { return [] }
  return [
    "\(name)[\(worst.place)]: \(a[worst.place]), expected \(b[worst.place]) (\(wrong) of \(a.count) differ)"
  ]
}
