import NNCore
import TestSupport
import Testing

/// Products and convolutions against PyTorch, on every set of kernels.
struct MatrixFixtureTests {
  static let productTable: FixtureTable = [
    "matmul": { c in [c["x"].matmul(c["y"])] },
    "mm": { c in [c["x"].mm(c["y"])] },
    "bmm": { c in [c["x"].bmm(c["y"])] },
    "mv": { c in [c["x"].mv(c["y"])] },
    "dot": { c in [c["x"].dot(c["y"])] },
    "outer": { c in [c["x"].outer(c["y"])] },
    "addmm": { c in [c["c"].addmm(c["x"], c["y"], beta: c.double("beta", 1), alpha: c.double("alpha", 1))] },
    "einsum": { c in [einsum(c.string("equation"), c.list)] },
    "graph_diamond": { c in
      let product = c["x"].matmul(c["y"])
      return [product.tanh() * product.sigmoid().sum(0, keepDim: true)]
    },
  ]

  static let convolutionTable: FixtureTable = [
    "linear": { c in [c["x"].linear(c["weight"], bias: c.optional("bias"))] },
    "conv2d": { c in
      [
        c["x"].conv2d(
          c["weight"], bias: c.optional("bias"), stride: size(c, "stride", 1), padding: padding(c),
          dilation: size(c, "dilation", 1), groups: c.int("groups", 1))
      ]
    },
    "conv1d": { c in
      let padding: Padding1 = c.kwargs["padding"] == .string("same") ? .same : .symmetric(c.int("padding"))
      return [
        c["x"].conv1d(
          c["weight"], bias: c.optional("bias"), stride: c.int("stride", 1), padding: padding,
          dilation: c.int("dilation", 1), groups: c.int("groups", 1))
      ]
    },
    "conv_transpose2d": { c in
      [
        c["x"].convTranspose2d(
          c["weight"], bias: c.optional("bias"), stride: size(c, "stride", 1), padding: size(c, "padding", 0),
          outputPadding: size(c, "output_padding", 0), groups: c.int("groups", 1),
          dilation: size(c, "dilation", 1))
      ]
    },
    "conv_transpose1d": { c in
      [
        c["x"].convTranspose1d(
          c["weight"], bias: c.optional("bias"), stride: c.int("stride", 1), padding: c.int("padding"))
      ]
    },
    "unfold": { c in
      [
        c["x"].unfold(
          kernelSize: size(c, "kernel_size", 1), dilation: size(c, "dilation", 1),
          padding: size(c, "padding", 0),
          stride: size(c, "stride", 1))
      ]
    },
  ]

  static let cases =
    OpsFixtureTests.group.cases.filter { productTable[$0.operation] != nil }
    + loadFixtures("nn").cases.filter { convolutionTable[$0.operation] != nil }

  private static func size(_ c: FixtureInputs, _ name: String, _ fallback: Int) -> Size2 {
    let (height, width) = c.pair(name, fallback)
    return Size2(height, width)
  }

  private static func padding(_ c: FixtureInputs) -> Padding2 {
    switch c.kwargs["padding"] {
    case .string("same"): .same
    case .string("valid"): .valid
    default: .symmetric(size(c, "padding", 0))
    }
  }

  @Test(arguments: KernelPath.available)
  func matchesPyTorch(_ path: KernelPath) throws {
    #expect(Self.cases.count == 78)
    for fixture in Self.cases {
      let operation = try #require(
        Self.productTable[fixture.operation] ?? Self.convolutionTable[fixture.operation])
      for dtype in [DType.float32, .float64] {
        for layout in FixtureLayout.allCases {
          let failures = path.force {
            #expect(KernelPath.current == path)
            return fixture.failures(dtype: dtype, layout: layout, operation: operation)
          }
          #expect(failures.isEmpty, "\(fixture.id) \(fixture.kwargs) \(dtype) \(layout)")
        }
      }
    }
  }
}
