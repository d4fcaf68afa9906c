import NNCore
import NNLayers

// What files of other libraries call the tensors, and what becomes of positions of another image size.

extension PatchTransformer: MapsKeys {
  public var keyMaps: [KeyMap] {
    let hasRegisters = options.registers > 0
    return [VisionTransformerNames.torchvision, .transformers].map { $0.map(from: .timm) } + [
      .transformersDINOv2(registers: hasRegisters), .transformersCLIP,
      .transformersDINOv3, .dinov2(registers: hasRegisters),
    ]
  }
}

/// What a library calls the tensors of the first paper's transformer, in one order.
private struct VisionTransformerNames: Sendable {
  let library: String
  let names: [String]
  var ignored: [String] = []

  /// `vit_base_patch16_224` and its like.
  static let timm = VisionTransformerNames(
    library: "timm",
    names: [
      "cls_token", "pos_embed", "patch_embed.proj.*", "blocks.*.norm1.*", "blocks.*.attn.qkv.*",
      "blocks.*.attn.proj.*", "blocks.*.norm2.*", "blocks.*.mlp.fc1.*", "blocks.*.mlp.fc2.*", "norm.*",
      "head.*",
    ])

  /// `vit_b_16` and its like.
  static let torchvision = VisionTransformerNames(
    library: "torchvision",
    names: ["class_token", "encoder.pos_embedding", "conv_proj.*"]
      + [
        "ln_1.*", "self_attention.in_proj_*", "self_attention.out_proj.*", "ln_2.*", "mlp.0.*", "mlp.3.*",
      ].map { "encoder.layers.encoder_layer_*." + $0 } + ["encoder.ln.*", "heads.head.*"])

  /// `ViTForImageClassification`, and `ViTModel` and `DeiTModel`.
  static let transformers = VisionTransformerNames(
    library: "transformers",
    names: [
      "embeddings.cls_token", "embeddings.position_embeddings", "embeddings.patch_embeddings.projection.*",
    ]
      + [
        "layernorm_before.*", "attention.attention.{query,key,value}.*", "attention.output.dense.*",
        "layernorm_after.*", "intermediate.dense.*", "output.dense.*",
      ].map { "encoder.layer.*." + $0 } + ["layernorm.*", "classifier.*"],
    ignored: ["embeddings.mask_token", "pooler.dense.*"])

  /// How this library calls what another one calls otherwise.
  func map(from own: VisionTransformerNames) -> KeyMap {
    KeyMap(library, own: own.names, others: names, ignoring: ignored)
  }
}

extension KeyMap {
  /// `Dinov2Model` and `Dinov2WithRegistersModel`.
  static func transformersDINOv2(registers: Bool) -> KeyMap {
    let both: KeyValuePairs<String, Source> = [
      "reg_token": "embeddings.register_tokens",
      "pos_embed": registers
        ? .tokens(from: 1, "embeddings.position_embeddings") : "embeddings.position_embeddings",
      "cls_token": "embeddings.cls_token",
      "patch_embed.proj.*": "embeddings.patch_embeddings.projection.*",
      "blocks.*.attn.qkv.*": "encoder.layer.*.attention.attention.{query,key,value}.*",
      "blocks.*.attn.proj.*": "encoder.layer.*.attention.output.dense.*",
      "blocks.*.ls1.gamma": "encoder.layer.*.layer_scale1.lambda1",
      "blocks.*.ls2.gamma": "encoder.layer.*.layer_scale2.lambda1",
      "blocks.*.*": "encoder.layer.*.*",
      "norm.*": "layernorm.*",
      "head.*": "classifier.*",
    ]
    return KeyMap(
      "transformers", both,
      sums: registers
        ? classTokenWithPosition("embeddings.cls_token", "embeddings.position_embeddings") : [:],
      ignoring: ["embeddings.mask_token", "pooler.dense.*"])
  }

  /// `Dinov2` as its authors publish it.
  static func dinov2(registers: Bool) -> KeyMap {
    KeyMap(
      "DINOv2",
      registers ? ["reg_token": "register_tokens", "pos_embed": .tokens(from: 1, "pos_embed")] : [:],
      sums: registers ? classTokenWithPosition("cls_token", "pos_embed") : [:], ignoring: ["mask_token"])
  }

  /// With registers only patches have positions here: that of the class token is added to it.
  private static func classTokenWithPosition(
    _ token: String, _ positions: String
  ) -> KeyValuePairs<String, [Source]> {
    ["cls_token": [Source(stringLiteral: token), .tokens(from: 0, to: 1, positions)]]
  }

  /// `CLIPVisionModel` and `SiglipVisionModel`.
  static let transformersCLIP = KeyMap(
    "transformers",
    [
      "cls_token": "embeddings.class_embedding",
      "pos_embed": "embeddings.position_embedding.weight",
      "patch_embed.proj.*": "embeddings.patch_embedding.*",
      "norm_pre.*": "pre_layrnorm.*",
      "blocks.*.norm1.*": "encoder.layers.*.layer_norm1.*",
      "blocks.*.norm2.*": "encoder.layers.*.layer_norm2.*",
      "blocks.*.attn.qkv.*": "encoder.layers.*.self_attn.{q_proj,k_proj,v_proj}.*",
      "blocks.*.attn.proj.*": "encoder.layers.*.self_attn.out_proj.*",
      "blocks.*.mlp.*": "encoder.layers.*.mlp.*",
      "norm.*": "post_layernorm.*",
      "attn_pool.latent": "head.probe",
      "attn_pool.q.*": .rows(0..<1, of: 3, "head.attention.in_proj_*"),
      "attn_pool.kv.*": .rows(1..<3, of: 3, "head.attention.in_proj_*"),
      "attn_pool.proj.*": "head.attention.out_proj.*",
      "attn_pool.norm.*": "head.layernorm.*",
      "attn_pool.mlp.*": "head.mlp.*",
      "head.*": "classifier.*",
    ], ignoring: ["embeddings.position_ids"])

  /// `DINOv3ViTModel`.
  static let transformersDINOv3 = KeyMap(
    "transformers",
    [
      "cls_token": "embeddings.cls_token",
      "reg_token": "embeddings.register_tokens",
      "patch_embed.proj.*": "embeddings.patch_embeddings.*",
      "blocks.*.gamma_*": "layer.*.layer_scale*.lambda1",
      "blocks.*.attn.qkv.*": "layer.*.attention.{q_proj,k_proj,v_proj}.*",
      "blocks.*.attn.q_bias": "layer.*.attention.q_proj.bias",
      "blocks.*.attn.v_bias": "layer.*.attention.v_proj.bias",
      "blocks.*.attn.proj.*": "layer.*.attention.o_proj.*",
      "blocks.*.mlp.fc1.*": "layer.*.mlp.up_proj.*",
      "blocks.*.mlp.fc2.*": "layer.*.mlp.down_proj.*",
      "blocks.*.*": "layer.*.*",
      "head.*": "classifier.*",
    ], ignoring: ["embeddings.mask_token"])
}

extension VisionTransformer: MapsKeys {
  public var keyMaps: [KeyMap] {
    [VisionTransformerNames.timm, .transformers].map { $0.map(from: .torchvision) }
  }
}

// MARK: Positions of another image size

extension PatchTransformer: AdaptsWeights {
  public func canAdapt(_ key: String, from shape: [Int]) -> Bool {
    key == "pos_embed"
      && positions.map { GridPositions.canResize(shape, to: $0.shape, prefix: positionPrefix) } == true
  }

  /// As timm's `resample_abs_pos_embed`.
  public func adapted(_ key: String, _ value: Tensor) -> Tensor {
    guard let positions else { return value }
    return GridPositions.resized(value, to: positions.shape, prefix: positionPrefix) { grid, size in
      grid.interpolate(size: size, mode: .bicubic, antialias: true)
    }
  }

  /// Tokens before the patches that have positions.
  private var positionPrefix: Int { options.positions == .all ? options.prefix : 0 }
}

extension VisionTransformer: AdaptsWeights {
  public func canAdapt(_ key: String, from shape: [Int]) -> Bool {
    key == "encoder.pos_embedding" && GridPositions.canResize(shape, to: encoder.positions.shape, prefix: 1)
  }

  /// As torchvision's `interpolate_embeddings`.
  public func adapted(_ key: String, _ value: Tensor) -> Tensor {
    GridPositions.resized(value, to: encoder.positions.shape, prefix: 1) { grid, size in
      grid.interpolate(size: size, mode: .bicubic, alignCorners: true)
    }
  }
}

/// Learned positions [1, prefix + side², width].
private enum GridPositions {
  static func canResize(_ shape: [Int], to target: [Int], prefix: Int) -> Bool {
    shape.count == 3 && shape[0] == 1 && shape[2] == target[2] && side(shape[1] - prefix) != nil
  }

  static func resized(
    _ value: Tensor, to target: [Int], prefix: Int, _ resample: (_ grid: Tensor, _ size: [Int]) -> Tensor
  ) -> Tensor {
    guard let from = side(value.shape[1] - prefix), let to = side(target[1] - prefix) else { return value }
    let single = value.to(.float32)
    let grid = single.narrow(1, start: prefix, length: from * from).reshape(1, from, from, target[2])
      .permute(0, 3, 1, 2)
    let resized = resample(grid, [to, to]).permute(0, 2, 3, 1).reshape(1, to * to, target[2])
    return prefix == 0 ? resized : cat([single.narrow(1, start: 0, length: prefix), resized], axis: 1)
  }

  /// The root of a square number of patches.
  private static func side(_ count: Int) -> Int? {
    let root = Int(Double(max(count, 0)).squareRoot().rounded())
    return root > 0 && root * root == count ? root : nil
  }
}
