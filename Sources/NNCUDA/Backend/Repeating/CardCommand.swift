import NNCore

/// Something that the stream is asked to do.
enum CardCommand {
  case launch(CUDAKernel, grid: (x: Int, y: Int, z: Int), block: Int, sharedBytes: Int, KernelArguments)
  case multiply(CUDAProduct)
  case convolve(CUDAConvolution, CUDAConvolution.Operands)
  case copy(UnsafeMutableRawPointer, to: UnsafeMutableRawPointer, byteCount: Int)
  case clear(UnsafeMutableRawPointer, byteCount: Int)
  /// The host brings values, reads some, or waits; the caller does that itself.
  case host(HostAccess)

  enum HostAccess: Equatable {
    case upload, download, wait
  }

  func run(on driver: any CUDADriver) {
    switch self {
    case .launch(let kernel, let grid, let block, let sharedBytes, let arguments):
      driver.launch(kernel, grid: grid, block: block, sharedBytes: sharedBytes, arguments)
    case .multiply(let product): driver.multiply(product)
    case .convolve(let convolution, let operands): driver.convolve(convolution, operands)
    case .copy(let source, let target, let byteCount):
      driver.copy(source, to: target, byteCount: byteCount)
    case .clear(let address, let byteCount): driver.clear(address, byteCount: byteCount)
    case .host: break
    }
  }

  /// Whether it can be part of a graph.
  var isOfCard: Bool {
    if case .host = self { return false }
    return true
  }

  /// What it is, for a message.
  var name: String {
    switch self {
    case .launch(let kernel, _, _, _, _): kernel.name
    case .multiply: "a product"
    case .convolve: "a convolution"
    case .copy: "a copy"
    case .clear: "zeros"
    case .host(.upload): "values of the host"
    case .host(.download): "a read value"
    case .host(.wait): "a wait"
    }
  }
}

extension CardCommand {
  enum Likeness {
    /// The same work on the same memory with the same numbers.
    case same
    /// The same work, on other memory or with other numbers.
    case alike
    case different
  }

  func likeness(to other: CardCommand) -> Likeness {
    switch (self, other) {
    case (
      .launch(let a, let gridA, let blockA, let sharedA, let x),
      .launch(let b, let gridB, let blockB, let sharedB, let y)
    ):
      guard a === b, gridA == gridB, blockA == blockB, sharedA == sharedB, x.hasForm(of: y) else {
        return .different
      }
      return x.isSame(as: y) ? .same : .alike
    case (.multiply(let a), .multiply(let b)):
      return a.hasForm(of: b) ? a.hasOperands(of: b) ? .same : .alike : .different
    case (.convolve(let a, let x), .convolve(let b, let y)):
      return a == b ? x == y ? .same : .alike : .different
    case (.copy(let a, let x, let countA), .copy(let b, let y, let countB)):
      return countA == countB ? a == b && x == y ? .same : .alike : .different
    case (.clear(let a, let countA), .clear(let b, let countB)):
      return countA == countB ? a == b ? .same : .alike : .different
    case (.host(let a), .host(let b)): return a == b ? .alike : .different
    default: return .different
    }
  }
}

extension CUDAProduct {
  fileprivate func hasForm(of other: CUDAProduct) -> Bool {
    dtype == other.dtype
      && (rows, columns, depth, batch) == (other.rows, other.columns, other.depth, other.batch)
      && keepsC == other.keepsC && allowsTF32 == other.allowsTF32
  }

  fileprivate func hasOperands(of other: CUDAProduct) -> Bool {
    a == other.a && b == other.b && c == other.c
  }
}
