import NNCore
import NNData
import NNLayers
import TestSupport

/// What a seeded case draws from the default generator, by the name of its operation.
let drawFixtures: [String: @Sendable (Arguments) throws -> [String: Tensor]] = [
  "rand": { a in try ["out": Tensor.rand(shape(a), dtype: dtype(a))] },
  "randn": { a in try ["out": Tensor.randn(shape(a), dtype: dtype(a))] },
  "uniform_": { a in
    try ["out": Tensor.uniform(shape(a), low: a.double("a", 0), high: a.double("b", 1), dtype: dtype(a))]
  },
  "normal_": { a in
    try ["out": Tensor.normal(shape(a), mean: a.double("mean", 0), std: a.double("std", 1), dtype: dtype(a))]
  },
  "exponential_": { a in
    try ["out": Tensor.exponential(shape(a), rate: a.double("lambd", 1), dtype: dtype(a))]
  },
  "randint": { a in
    a.ignore("dtype")
    return try ["out": Tensor.randint(a.int("low", 0), a.int("high"), shape(a))]
  },
  "random_": { a in
    a.ignore("dtype")
    return try ["out": Tensor.random(shape(a))]
  },
  "randperm": { a in try ["out": Tensor.randperm(a.int("n"))] },
  "bernoulli_scalar": { a in
    try ["out": Tensor.bernoulli(shape(a), p: a.double("p"), dtype: dtype(a))]
  },
  "bernoulli_tensor": { a in
    try ["out": Tensor.full(shape(a), a.double("p"), dtype: dtype(a)).bernoulli()]
  },
  "dropout": { a in try ["out": Tensor.ones(shape(a)).dropout(p: a.double("p", 0.5))] },
  "dropout2d": { a in try ["out": Tensor.ones(shape(a)).dropout2d(p: a.double("p", 0.5))] },
  "multinomial": { a in
    let weights = try a.elements("weights")
    let rows = weights.map { $0.doubles ?? [] }
    let tensor =
      try weights.first?.elements == nil
      ? Tensor(a.doubles("weights"), dtype: .float32) : Tensor(rows, dtype: .float32)
    return try ["out": tensor.multinomial(a.int("num_samples"), replacement: a.bool("replacement"))]
  },
  "sequence": { a in
    var results: [String: Tensor] = [:]
    for (index, call) in try a.elements("calls").enumerated() {
      guard let name = call[0]?.string, let size = call[1]?.ints, let draw = sequenceCalls[name] else {
        throw FixtureError("call not supported: \(call)")
      }
      results["out\(index)"] = try draw(size)
    }
    return results
  },
  "module": { a in try parameters(a) },
  "random_split": { a in
    let dataset = try Indices(count: a.int("n"))
    let lengths = try a.doubles("lengths")
    let parts =
      abs(lengths.reduce(0, +) - 1) < 1e-9
      ? randomSplit(dataset, fractions: lengths)
      : randomSplit(dataset, lengths: lengths.map { Int(exactly: $0) ?? -1 })
    let names = parts.indices.map { "split\($0)" }
    return Dictionary(
      uniqueKeysWithValues: zip(
        names,
        parts.map { part in
          // An empty list of Python's is one of floats.
          part.indices.isEmpty ? Tensor.zeros([0]) : Tensor(part.indices)
        }))
  },
  "dataloader": { a in
    let loader = try DataLoader(
      Indices(count: a.int("n")), batchSize: a.int("batch_size", 1), shuffle: true,
      dropLast: a.bool("drop_last"))
    var results: [String: Tensor] = [:]
    for epoch in try 0..<max(0, a.int("epochs")) {
      var order: [Int] = []
      try loader.forEach { order += $0.array(of: Int.self) }
      results["epoch\(epoch)"] = Tensor(order)
    }
    results["rand_after"] = Tensor.rand(4)
    return results
  },
  "weighted_sampler": { a in
    let sampler = try WeightedRandomSampler(
      weights: a.doubles("weights"), count: a.int("num_samples"), replacement: a.bool("replacement", true))
    return ["out": Tensor(sampler.order())]
  },
  "subset_sampler": { a in try ["out": Tensor(SubsetRandomSampler(a.ints("indices")).order())] },
  "init.uniform_": { a in try ["out": Init.uniform(shape(a), low: a.double("a", 0), high: a.double("b", 1))]
  },
  "init.normal_": { a in
    try ["out": Init.normal(shape(a), mean: a.double("mean", 0), std: a.double("std", 1))]
  },
  "init.trunc_normal_": { a in
    try [
      "out": Init.truncNormal(
        shape(a), mean: a.double("mean", 0), std: a.double("std", 1), low: a.double("a", -2),
        high: a.double("b", 2))
    ]
  },
  "init.constant_": { a in try ["out": Init.constant(shape(a), a.double("val"))] },
  "init.ones_": { a in try ["out": Init.ones(shape(a))] },
  "init.zeros_": { a in try ["out": Init.zeros(shape(a))] },
  "init.kaiming_uniform_": { a in
    try [
      "out": Init.kaimingUniform(
        shape(a), a: a.double("a", 0), mode: fanMode(a), nonlinearity: nonlinearity(a))
    ]
  },
  "init.kaiming_normal_": { a in
    try [
      "out": Init.kaimingNormal(
        shape(a), a: a.double("a", 0), mode: fanMode(a), nonlinearity: nonlinearity(a))
    ]
  },
  "init.xavier_uniform_": { a in try ["out": Init.xavierUniform(shape(a), gain: a.double("gain", 1))] },
  "init.xavier_normal_": { a in try ["out": Init.xavierNormal(shape(a), gain: a.double("gain", 1))] },
  "init.orthogonal_": { a in try ["out": Init.orthogonal(shape(a), gain: a.double("gain", 1))] },
]

/// Draws in which a normal distribution, an exponential one or a factorisation takes part: equal but for the last bits.
func isRounded(_ test: FixtureCase) -> Bool {
  let names = ["randn", "normal_", "sequence", "exponential_", "init.orthogonal_"]
  return names.contains(test.operation)
    || test.operation.hasSuffix("_normal_")
      && test.operation != "init.trunc_normal_"
    || test.operation == "init.normal_" || test.kwargs["type"]?.string == "Embedding"
}

private func shape(_ a: Arguments) throws -> [Int] {
  let shape = try a.ints("shape")
  if shape.contains(where: { $0 < 0 }) { throw FixtureError("argument shape: \(shape) is no shape") }
  return shape
}

private func dtype(_ a: Arguments) throws -> DType {
  try a.choice("dtype", "F32", ["F32": .float32, "F64": .float64])
}

private func fanMode(_ a: Arguments) throws -> Init.FanMode {
  try a.choice("mode", "fan_in", ["fan_in": .fanIn, "fan_out": .fanOut])
}

private func nonlinearity(_ a: Arguments) throws -> Init.Nonlinearity {
  try a.choice(
    "nonlinearity", "leaky_relu",
    [
      "leaky_relu": .leakyReLU, "relu": .relu, "linear": .linear, "conv1d": .linear, "conv2d": .linear,
      "sigmoid": .sigmoid, "tanh": .tanh, "selu": .selu,
    ])
}

private let sequenceCalls: [String: @Sendable ([Int]) throws -> Tensor] = [
  "rand": { Tensor.rand($0) }, "rand64": { Tensor.rand($0, dtype: .float64) },
  "randn": { Tensor.randn($0) }, "randn64": { Tensor.randn($0, dtype: .float64) },
  "randperm": { sizes in
    guard sizes.count == 1 else { throw FixtureError("randperm takes one number, found \(sizes)") }
    return Tensor.randperm(sizes[0])
  },
  "randint10": { Tensor.randint(10, $0) }, "random_": { Tensor.random($0) },
  "bernoulli_": { Tensor.bernoulli($0, p: 0.5) },
]

/// What a layer's constructor draws: the state dict of the layer with the arguments of PyTorch's.
private func parameters(_ a: Arguments) throws -> [String: Tensor] {
  let type = try a.string("type")
  guard let (names, make) = moduleFixtures[type] else { throw FixtureError("module not supported: \(type)") }
  var named = a.value("kwargs")?.entries ?? [:]
  for (name, value) in zip(names, try a.elements("args")) { named[name] = value }
  let arguments = Arguments(named)
  let module = try make(arguments)
  try arguments.expectAllRead()
  return Dictionary(uniqueKeysWithValues: module.stateDict().map { ($0.key, $0.value) })
}

private let convolutionNames = [
  "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias",
  "padding_mode",
]
private let transposedNames = [
  "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias",
  "dilation",
]

/// Names of the positional arguments, and the layer.
private let moduleFixtures: [String: ([String], @Sendable (Arguments) throws -> Module)] = [
  "Conv2d": (
    convolutionNames,
    { a in
      // Strides and paddings change nothing in what is drawn.
      a.ignore("stride", "padding", "dilation", "padding_mode")
      return try Conv2d(
        a.int("in_channels"), a.int("out_channels"), kernelSize: a.size("kernel_size"),
        groups: a.int("groups", 1), bias: a.bool("bias", true))
    }
  ),
  "Conv1d": (
    convolutionNames,
    { a in
      a.ignore("stride", "padding", "dilation", "padding_mode")
      return try Conv1d(
        a.int("in_channels"), a.int("out_channels"), kernelSize: a.length("kernel_size"),
        groups: a.int("groups", 1), bias: a.bool("bias", true))
    }
  ),
  "ConvTranspose2d": (
    transposedNames,
    { a in
      a.ignore("stride", "padding", "output_padding", "dilation")
      return try ConvTranspose2d(
        a.int("in_channels"), a.int("out_channels"), kernelSize: a.size("kernel_size"),
        groups: a.int("groups", 1), bias: a.bool("bias", true))
    }
  ),
  "Linear": (
    ["in_features", "out_features", "bias"],
    { a in try Linear(a.int("in_features"), a.int("out_features"), bias: a.bool("bias", true)) }
  ),
  "BatchNorm2d": (
    ["num_features", "eps", "momentum", "affine", "track_running_stats"],
    { a in
      a.ignore("eps", "momentum")
      return try BatchNorm2d(
        a.int("num_features"), affine: a.bool("affine", true),
        trackRunningStats: a.bool("track_running_stats", true))
    }
  ),
  "LayerNorm": (
    ["normalized_shape", "eps", "elementwise_affine", "bias"],
    { a in
      a.ignore("eps")
      return try LayerNorm(
        a.ints("normalized_shape"), affine: a.bool("elementwise_affine", true), bias: a.bool("bias", true))
    }
  ),
  "Embedding": (
    ["num_embeddings", "embedding_dim", "padding_idx"],
    { a in
      try Embedding(
        a.int("num_embeddings"), a.int("embedding_dim"), paddingIndex: a.optionalInt("padding_idx"))
    }
  ),
]

/// 0, 1, …: each element is its own index.
private struct Indices: Dataset {
  let count: Int
  subscript(index: Int) -> Int { index }
}
