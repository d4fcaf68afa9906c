import NNCore

/// Products, of the golden group `ops`.
package let productFixtures: FixtureTable = [
  "matmul": { c, _ in try [c["x"].matmul(c["y"])] },
  "mm": { c, _ in try [c["x"].mm(c["y"])] },
  "bmm": { c, _ in try [c["x"].bmm(c["y"])] },
  "mv": { c, _ in try [c["x"].mv(c["y"])] },
  "dot": { c, _ in try [c["x"].dot(c["y"])] },
  "outer": { c, _ in try [c["x"].outer(c["y"])] },
  "addmm": { c, a in
    try [c["c"].addmm(c["x"], c["y"], beta: a.double("beta", 1), alpha: a.double("alpha", 1))]
  },
  "einsum": { c, a in try [einsum(a.string("equation"), c.list)] },
  "graph_diamond": { c, _ in
    let product = try c["x"].matmul(c["y"])
    return [product.tanh() * product.sigmoid().sum(0, keepDim: true)]
  },
]

/// Linear maps and convolutions, of the golden group `nn`.
package let convolutionFixtures: FixtureTable = [
  "linear": { c, _ in try [c["x"].linear(c["weight"], bias: c.optional("bias"))] },
  "conv2d": { c, a in
    let padding: Padding2
    switch a.value("padding") {
    case .string("same"): padding = .same
    case .string("valid"): padding = .valid
    default: padding = try .symmetric(a.size("padding", 0))
    }
    return try [
      c["x"].conv2d(
        c["weight"], bias: c.optional("bias"), stride: a.size("stride", 1), padding: padding,
        dilation: a.size("dilation", 1), groups: a.int("groups", 1))
    ]
  },
  "conv1d": { c, a in
    let padding: Padding1
    switch a.value("padding") {
    case .string("same"): padding = .same
    case .string("valid"): padding = .valid
    default: padding = try .symmetric(a.length("padding", 0))
    }
    return try [
      c["x"].conv1d(
        c["weight"], bias: c.optional("bias"), stride: a.length("stride", 1), padding: padding,
        dilation: a.length("dilation", 1), groups: a.int("groups", 1))
    ]
  },
  "conv_transpose2d": { c, a in
    try [
      c["x"].convTranspose2d(
        c["weight"], bias: c.optional("bias"), stride: a.size("stride", 1), padding: a.size("padding", 0),
        outputPadding: a.size("output_padding", 0), groups: a.int("groups", 1),
        dilation: a.size("dilation", 1))
    ]
  },
  "conv_transpose1d": { c, a in
    try [
      c["x"].convTranspose1d(
        c["weight"], bias: c.optional("bias"), stride: a.length("stride", 1),
        padding: a.length("padding", 0), outputPadding: a.length("output_padding", 0),
        groups: a.int("groups", 1), dilation: a.length("dilation", 1))
    ]
  },
  "unfold": { c, a in
    try [
      c["x"].unfold(
        kernelSize: a.size("kernel_size"), dilation: a.size("dilation", 1), padding: a.size("padding", 0),
        stride: a.size("stride", 1))
    ]
  },
  "fold": { c, a in
    try [
      c["x"].fold(
        outputSize: a.size("output_size"), kernelSize: a.size("kernel_size"), dilation: a.size("dilation", 1),
        padding: a.size("padding", 0), stride: a.size("stride", 1))
    ]
  },
]
