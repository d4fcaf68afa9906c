import NNCore

/// What ``LSTM`` and ``GRU`` share: layers of cells that go through a sequence, forward or both ways.
open class RecurrentLayers: Module {
  public let inputSize: Int
  public let hiddenSize: Int
  public let layers: Int
  public let batchFirst: Bool
  /// Probability with which a result of a layer is dropped before the next one, in training.
  public let dropout: Double
  public let bidirectional: Bool
  /// The parameters under PyTorch's names, such as `weight_ih_l0_reverse`, in its order.
  @Untracked private var entries: [(name: String, parameter: Parameter)] = []

  /// Directions of each layer.
  var directions: Int { bidirectional ? 2 : 1 }

  /// - Parameter gates: rows of the weights, as multiples of the hidden size.
  init(
    gates: Int, _ inputSize: Int, _ hiddenSize: Int, layers: Int, bias: Bool, batchFirst: Bool,
    dropout: Double, bidirectional: Bool
  ) {
    require(
      inputSize > 0 && hiddenSize > 0 && layers > 0, "RecurrentLayers",
      "sizes must be positive: \(inputSize), \(hiddenSize), layers \(layers)")
    require((0...1).contains(dropout), "RecurrentLayers", "the dropout must lie in 0...1, got \(dropout)")
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
    self.layers = layers
    self.batchFirst = batchFirst
    self.dropout = dropout
    self.bidirectional = bidirectional
    super.init()
    let bound = 1 / Double(hiddenSize).squareRoot()
    for layer in 0..<layers {
      let width = layer == 0 ? inputSize : hiddenSize * directions
      for direction in 0..<directions {
        let end = "_l\(layer)" + (direction == 1 ? "_reverse" : "")
        var shapes = [
          ("weight_ih", [gates * hiddenSize, width]), ("weight_hh", [gates * hiddenSize, hiddenSize]),
        ]
        if bias { shapes += [("bias_ih", [gates * hiddenSize]), ("bias_hh", [gates * hiddenSize])] }
        for (name, shape) in shapes {
          entries.append((name + end, Parameter(Init.uniform(shape, low: -bound, high: bound))))
        }
      }
    }
  }

  override func members() -> [(key: String, member: Member)] {
    entries.map { ($0.name, .parameter($0.parameter)) } + super.members()
  }

  /// The parameters of one direction of one layer.
  struct Cell {
    let input, hidden: Tensor
    let inputBias, hiddenBias: Tensor?
  }

  private func cell(_ layer: Int, _ direction: Int) -> Cell {
    let end = "_l\(layer)" + (direction == 1 ? "_reverse" : "")
    func value(_ name: String) -> Tensor? { entries.first { $0.name == name + end }?.parameter.value }
    guard let input = value("weight_ih"), let hidden = value("weight_hh") else {
      fail("RecurrentLayers", "no weights of layer \(layer)")
    }
    return Cell(input: input, hidden: hidden, inputBias: value("bias_ih"), hiddenBias: value("bias_hh"))
  }

  /// One step of a cell.
  ///
  /// - Parameters:
  ///   - x: the input's part of the gates, [N, gates · hidden].
  ///   - state: hidden state, and whatever else the cell keeps, each [N, hidden].
  func step(_ cell: Cell, _ x: Tensor, _ state: [Tensor]) -> [Tensor] {
    fail("RecurrentLayers", "\(typeName) has no step")
  }

  /// Goes through a batch of sequences, or one sequence.
  ///
  /// - Parameters:
  ///   - x: [L, N, inputSize], with `batchFirst` [N, L, inputSize]; or [L, inputSize].
  ///   - states: what each cell starts with, [layers · directions, N, hidden] each; zeros if nil.
  ///   - count: of the states of a cell.
  /// - Returns: the hidden states of the last layer at all places, both directions side by side, of the form of `x`; and
  ///   the last states.
  func run(_ x: Tensor, _ states: [Tensor]?, count: Int) -> (output: Tensor, states: [Tensor]) {
    require(
      (x.rank == 2 || x.rank == 3) && x.shape.last == inputSize, "RecurrentLayers",
      "\(typeName) needs [L, N, \(inputSize)] or [L, \(inputSize)], got shape \(x.shape)")
    var y = x.rank == 2 ? x.unsqueeze(1) : batchFirst ? x.transpose(0, 1) : x
    let (length, samples) = (y.shape[0], y.shape[1])
    require(length > 0, "RecurrentLayers", "\(typeName) got a sequence without elements")
    let wanted = [layers * directions] + (x.rank == 2 ? [] : [samples]) + [hiddenSize]
    for state in states ?? [] {
      require(
        state.shape == wanted, "RecurrentLayers",
        "\(typeName) needs states of shape \(wanted), got \(state.shape)")
    }
    var last: [[Tensor]] = Array(repeating: [], count: count)
    for layer in 0..<layers {
      var ways: [Tensor] = []
      for direction in 0..<directions {
        let cell = cell(layer, direction)
        // All inputs at once, which is one large product.
        let gates = y.linear(cell.input, bias: cell.inputBias)
        var state: [Tensor] = (0..<count).map { place in
          guard let states else {
            return Tensor.zeros([samples, hiddenSize], dtype: x.dtype).to(x.device)
          }
          return states[place].select(0, index: layer * directions + direction)
            .reshape(samples, hiddenSize)
        }
        var found: [Tensor] = []
        for place in 0..<length {
          state = step(cell, gates.select(0, index: direction == 0 ? place : length - 1 - place), state)
          found.append(state[0])
        }
        ways.append(stack(direction == 0 ? found : found.reversed()))
        for place in 0..<count { last[place].append(state[place]) }
      }
      y = directions == 1 ? ways[0] : cat(ways, axis: 2)
      if layer < layers - 1 { y = y.dropout(p: dropout, training: isTraining) }
    }
    let output = x.rank == 2 ? y.squeeze(1) : batchFirst ? y.transpose(0, 1) : y
    return (output, last.map { x.rank == 2 ? stack($0).squeeze(1) : stack($0) })
  }

  open override var extraDescription: String {
    "\(inputSize), \(hiddenSize), layers: \(layers), batchFirst: \(batchFirst), dropout: \(dropout), "
      + "bidirectional: \(bidirectional)"
  }
}

/// Long short-term memory (Hochreiter and Schmidhuber, 1997); as `torch.nn.LSTM`, whose `proj_size` it does not have.
///
///     let lstm = LSTM(28, 64, layers: 2, batchFirst: true)
///     let (output, state) = lstm(rows)  // [N, 28, 28] to [N, 28, 64]
///
/// Starts from PyTorch's defaults, drawn in its order: all uniform in ±1/√hidden. Composed: each step is a product and
/// elementwise operations, so it has derivatives of any order, and is no faster than that.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html
public final class LSTM: RecurrentLayers {
  /// Hidden states and memory cells, [layers · directions, N, hidden] each, or without N.
  public struct State: Sendable {
    public var hidden, cell: Tensor

    public init(hidden: Tensor, cell: Tensor) {
      self.hidden = hidden
      self.cell = cell
    }
  }

  public init(
    _ inputSize: Int, _ hiddenSize: Int, layers: Int = 1, bias: Bool = true, batchFirst: Bool = false,
    dropout: Double = 0, bidirectional: Bool = false
  ) {
    super.init(
      gates: 4, inputSize, hiddenSize, layers: layers, bias: bias, batchFirst: batchFirst, dropout: dropout,
      bidirectional: bidirectional)
  }

  /// - Parameters:
  ///   - x: [L, N, inputSize], with `batchFirst` [N, L, inputSize]; or [L, inputSize].
  ///   - state: zeros if nil.
  /// - Returns: the hidden states of the last layer at all places [..., hidden · directions], and the last states.
  public func callAsFunction(_ x: Tensor, state: State? = nil) -> (output: Tensor, state: State) {
    let (output, states) = run(x, state.map { [$0.hidden, $0.cell] }, count: 2)
    return (output, State(hidden: states[0], cell: states[1]))
  }

  override func step(_ cell: Cell, _ x: Tensor, _ state: [Tensor]) -> [Tensor] {
    let gates = (x + state[0].linear(cell.hidden, bias: cell.hiddenBias)).chunk(4, axis: 1)
    let memory = gates[1].sigmoid() * state[1] + gates[0].sigmoid() * gates[2].tanh()
    return [gates[3].sigmoid() * memory.tanh(), memory]
  }
}

/// Gated recurrent units (Cho et al., 2014); as `torch.nn.GRU`.
///
/// Starts from PyTorch's defaults, drawn in its order: all uniform in ±1/√hidden. Composed as ``LSTM``.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
public final class GRU: RecurrentLayers {
  public init(
    _ inputSize: Int, _ hiddenSize: Int, layers: Int = 1, bias: Bool = true, batchFirst: Bool = false,
    dropout: Double = 0, bidirectional: Bool = false
  ) {
    super.init(
      gates: 3, inputSize, hiddenSize, layers: layers, bias: bias, batchFirst: batchFirst, dropout: dropout,
      bidirectional: bidirectional)
  }

  /// - Parameters:
  ///   - x: [L, N, inputSize], with `batchFirst` [N, L, inputSize]; or [L, inputSize].
  ///   - state: hidden states [layers · directions, N, hidden], or without N; zeros if nil.
  /// - Returns: the hidden states of the last layer at all places [..., hidden · directions], and the last ones.
  public func callAsFunction(_ x: Tensor, state: Tensor? = nil) -> (output: Tensor, state: Tensor) {
    let (output, states) = run(x, state.map { [$0] }, count: 1)
    return (output, states[0])
  }

  override func step(_ cell: Cell, _ x: Tensor, _ state: [Tensor]) -> [Tensor] {
    let ours = x.chunk(3, axis: 1)
    let theirs = state[0].linear(cell.hidden, bias: cell.hiddenBias).chunk(3, axis: 1)
    let (reset, update) = ((ours[0] + theirs[0]).sigmoid(), (ours[1] + theirs[1]).sigmoid())
    let new = (ours[2] + reset * theirs[2]).tanh()
    return [(1 - update) * new + update * state[0]]
  }
}
