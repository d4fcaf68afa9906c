import NNCore

/// Attention with several heads, each in a part of the features (Vaswani et al., 2017); as
/// `torch.nn.MultiheadAttention`, whose `add_bias_kv` and `add_zero_attn` it does not have.
///
///     let attention = MultiheadAttention(768, heads: 12, batchFirst: true)
///     let y = attention(x, x, x)
///
/// Starts from PyTorch's defaults, drawn in its order: the output projection as a `Linear` (its bias 0), then the
/// input projections from Xavier's uniform distribution, their biases 0.
///
/// Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
public final class MultiheadAttention: Module {
  /// [3E, E]: the projections of query, key and value above each other; nil where these have sizes of their own.
  @Key("in_proj_weight") public private(set) var inProjectionWeight: Parameter?
  /// [E, E]; nil where `inProjectionWeight` stands for it.
  @Key("q_proj_weight") public private(set) var queryWeight: Parameter?
  /// [E, keySize]; nil where `inProjectionWeight` stands for it.
  @Key("k_proj_weight") public private(set) var keyWeight: Parameter?
  /// [E, valueSize]; nil where `inProjectionWeight` stands for it.
  @Key("v_proj_weight") public private(set) var valueWeight: Parameter?
  /// [3E], nil without biases.
  @Key("in_proj_bias") public private(set) var inProjectionBias: Parameter?
  @Key("out_proj") public private(set) var outProjection: Linear
  /// A trained change of `inProjectionWeight`; nil until ``Module/addLoRA(rank:alpha:)``.
  @Key("lora") public internal(set) var lowRank: LowRank? = nil
  /// E, the size of queries and results.
  public let embedding: Int
  public let heads: Int
  public let dropout: Double
  public let batchFirst: Bool

  /// - Parameters:
  ///   - embedding: E, the size of queries and results; a multiple of `heads`.
  ///   - dropout: probability with which an attention weight is dropped in training.
  ///   - bias: whether the projections have biases.
  ///   - keySize: features of a key; E if nil.
  ///   - valueSize: features of a value; E if nil.
  ///   - batchFirst: whether inputs are [N, L, E] rather than [L, N, E].
  public init(
    _ embedding: Int, heads: Int, dropout: Double = 0, bias: Bool = true, keySize: Int? = nil,
    valueSize: Int? = nil, batchFirst: Bool = false
  ) {
    require(
      heads > 0 && embedding > 0 && embedding % heads == 0, "MultiheadAttention",
      "\(embedding) features do not divide into \(heads) heads")
    require((0...1).contains(dropout), "MultiheadAttention", "the dropout must lie in 0...1, got \(dropout)")
    self.embedding = embedding
    self.heads = heads
    self.dropout = dropout
    self.batchFirst = batchFirst
    super.init()
    outProjection = Linear(embedding, embedding, bias: bias)
    outProjection.bias?.value = Init.zeros([embedding])
    let sizes = [embedding, keySize ?? embedding, valueSize ?? embedding]
    if sizes.allSatisfy({ $0 == embedding }) {
      inProjectionWeight = Parameter(Init.xavierUniform([3 * embedding, embedding]))
      (queryWeight, keyWeight, valueWeight) = (nil, nil, nil)
    } else {
      inProjectionWeight = nil
      let parts = sizes.map { Parameter(Init.xavierUniform([embedding, $0])) }
      (queryWeight, keyWeight, valueWeight) = (parts[0], parts[1], parts[2])
    }
    inProjectionBias = bias ? Parameter(Init.zeros([3 * embedding])) : nil
  }

  /// What each query gathers from the values.
  ///
  /// - Parameters:
  ///   - query: [L, N, E], with `batchFirst` [N, L, E]; or [L, E].
  ///   - key: [S, N, keySize] or [N, S, keySize] or [S, keySize].
  ///   - value: [S, N, valueSize] or [N, S, valueSize] or [S, valueSize].
  ///   - keyPaddingMask: bool [N, S] (or [S]); true hides a key from all queries.
  ///   - attentionMask: [L, S] or [N · heads, L, S]: bool (true hides a key from a query) or added to the scores.
  /// - Returns: of the shape of `query`.
  public func callAsFunction(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, keyPaddingMask: Tensor? = nil,
    attentionMask: Tensor? = nil
  ) -> Tensor {
    attend(query, key, value, keyPaddingMask, attentionMask).output
  }

  /// As the call, and the weights beside it: [N, L, S] (or [L, S]), averaged over the heads; with `perHead`
  /// [N, heads, L, S].
  public func withWeights(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, keyPaddingMask: Tensor? = nil,
    attentionMask: Tensor? = nil, perHead: Bool = false
  ) -> (output: Tensor, weights: Tensor) {
    let (output, weights) = attend(query, key, value, keyPaddingMask, attentionMask)
    let shown = perHead ? weights : weights.mean(1)
    return (output, query.rank == 2 ? shown.squeeze(0) : shown)
  }

  private func attend(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, _ keyPaddingMask: Tensor?, _ attentionMask: Tensor?
  ) -> (output: Tensor, weights: Tensor) {
    require(
      query.rank == key.rank && key.rank == value.rank && (query.rank == 2 || query.rank == 3)
        && query.shape.last == embedding && key.shape.dropLast() == value.shape.dropLast(),
      "MultiheadAttention",
      "query \(query.shape), key \(key.shape) and value \(value.shape) do not fit \(embedding) features")
    /// [N, length, features].
    func batch(_ x: Tensor) -> Tensor {
      x.rank == 2 ? x.unsqueeze(0) : batchFirst ? x : x.transpose(0, 1)
    }
    /// [N, heads, length, features / heads].
    func split(_ x: Tensor) -> Tensor {
      x.reshape(x.shape[0], x.shape[1], heads, embedding / heads).transpose(1, 2)
    }
    let parts = zip([query, key, value], zip(weights, biases)).enumerated().map { place, entry in
      let (x, layer) = (batch(entry.0), entry.1)
      let y = x.linear(layer.0, bias: layer.1)
      let rows = place * embedding..<(place + 1) * embedding
      return split(lowRank.map { y + $0(x, outputs: rows) } ?? y)
    }
    let (samples, length, keys) = (parts[0].shape[0], parts[0].shape[2], parts[1].shape[2])
    require(parts[1].shape[0] == samples, "MultiheadAttention", "query \(query.shape), key \(key.shape)")
    let weights = attentionWeights(
      parts[0], parts[1], mask: mask(keyPaddingMask, attentionMask, samples: samples, length, keys)
    ).dropout(p: dropout, training: isTraining)
    let gathered = weights.matmul(parts[2]).transpose(1, 2).reshape(samples, length, embedding)
    let output = outProjection(gathered)
    return (query.rank == 2 ? output.squeeze(0) : batchFirst ? output : output.transpose(0, 1), weights)
  }

  private var weights: [Tensor] {
    inProjectionWeight?.value.split(embedding)
      ?? [queryWeight, keyWeight, valueWeight].compactMap { $0?.value }
  }
  private var biases: [Tensor?] { inProjectionBias?.value.split(embedding) ?? [nil, nil, nil] }

  /// Both masks as one that is added to the scores [N, heads, L, S].
  private func mask(
    _ keyPadding: Tensor?, _ attention: Tensor?, samples: Int, _ length: Int, _ keys: Int
  ) -> Tensor? {
    func added(_ mask: Tensor, _ shape: [Int]) -> Tensor {
      require(
        mask.count == shape.reduce(1, *) && (mask.dtype == .bool || mask.dtype.isFloatingPoint),
        "MultiheadAttention", "a mask of shape \(mask.shape) and type \(mask.dtype) for \(shape)")
      let mask = mask.reshape(shape)
      return mask.dtype == .bool
        ? Tensor.zeros(shape).to(mask.device).maskedFill(mask, with: -.infinity) : mask
    }
    let padding = keyPadding.map { added($0, [samples, 1, 1, keys]) }
    let scores = attention.map {
      added($0, $0.rank == 2 ? [1, 1, length, keys] : [samples, heads, length, keys])
    }
    if let padding, let scores { return padding + scores }
    return padding ?? scores
  }

  public override var extraDescription: String {
    "\(embedding), heads: \(heads), dropout: \(dropout), batchFirst: \(batchFirst)"
  }
}
