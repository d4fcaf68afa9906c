// swift-format-ignore-file: AlwaysUseLowerCamelCase (the names of the networks are timm's)
import NNCore
import NNLayers

// The networks, and where their weights are published. Numbers of parameters are without a head where the weights have
// none. Source: timm 1.0.31.

/// A network of timm's whose weights, of the names of their training, lie on its hub.
private func timm(
  _ name: String, _ weights: [PretrainedWeights], _ options: PatchTransformer.Options
) -> Architecture<PatchTransformer> {
  Architecture(name, weights: weights, imageSizes: sizes(patch: options.patchSize)) { classes, size in
    PatchTransformer(options, imageSize: size, classes: classes)
  }
}

/// What images were made of.
private func preset(
  _ size: Int, share: Double = 1, _ mean: [Float] = [0.5, 0.5, 0.5], _ std: [Float] = [0.5, 0.5, 0.5]
) -> ImageClassification {
  ImageClassification(
    crop: size, resize: Int(Double(size) / share), interpolation: .bicubic, mean: mean, std: std)
}
private let imageNetMean: [Float] = [0.485, 0.456, 0.406]
private let imageNetStd: [Float] = [0.229, 0.224, 0.225]
private let clipMean: [Float] = [0.48145466, 0.4578275, 0.40821073]
private let clipStd: [Float] = [0.26862954, 0.26130258, 0.27577711]

extension PatchTransformer.Options {
  fileprivate mutating func isEVA02(gate: EVABlock.Gate, hidden: Int) {
    (rotation, pooling, normalizesPooled) = (.counted(side: 16), .average, true)
    (self.gate, self.hidden) = (gate, hidden)
    projection = gate == .joint ? .biasedBeside : .separate
  }

  fileprivate mutating func isDINOv3(bias: Bool) {
    (rotation, pooling, positions) = (.centred, .average, .none)
    (layerScale, registers, epsilon) = (1e-5, 4, 1e-5)
    projection = bias ? .biasedBeside : .joint(bias: false)
  }
}

/// ViT-Ti/16 of AugReg (Steiner et al., 2022), for images of 224x224: 5.5 million parameters without the head.
public let vit_tiny_patch16_224 = timm(
  "vit_tiny_patch16_224",
  [
    PretrainedWeights(
      "augreg_in21k_ft_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors",
      from: .hub("timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"), parameters: 5_717_416,
      accuracy: [75.454, 92.844], imageSize: 224,
      transforms: preset(224, share: 0.9))
  ],
  .init(patchSize: 16, width: 192))
/// ViT-S/16 of AugReg, for images of 224x224: 21.7 million parameters without the head.
public let vit_small_patch16_224 = timm(
  "vit_small_patch16_224",
  [
    PretrainedWeights(
      "augreg_in21k_ft_in1k", "vit_small_patch16_224.augreg_in21k_ft_in1k.safetensors",
      from: .hub("timm/vit_small_patch16_224.augreg_in21k_ft_in1k"), parameters: 22_050_664,
      accuracy: [81.384, 96.136], imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "augreg_in1k", "vit_small_patch16_224.augreg_in1k.safetensors",
      from: .hub("timm/vit_small_patch16_224.augreg_in1k"), parameters: 22_050_664,
      accuracy: [78.846, 94.288], imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "dino", "vit_small_patch16_224.dino.safetensors", from: .hub("timm/vit_small_patch16_224.dino"),
      parameters: 21_665_664, imageSize: 224,
      transforms: preset(224, share: 0.9, imageNetMean, imageNetStd)),
  ],
  .init(patchSize: 16, width: 384))
/// ViT-B/16 of AugReg, for images of 224x224: 85.8 million parameters without the head.
public let vit_base_patch16_224 = timm(
  "vit_base_patch16_224",
  [
    PretrainedWeights(
      "augreg2_in21k_ft_in1k", "vit_base_patch16_224.augreg2_in21k_ft_in1k.safetensors",
      from: .hub("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k"), parameters: 86_567_656,
      accuracy: [85.096, 97.53], imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "augreg_in21k_ft_in1k", "vit_base_patch16_224.augreg_in21k_ft_in1k.safetensors",
      from: .hub("timm/vit_base_patch16_224.augreg_in21k_ft_in1k"), parameters: 86_567_656,
      accuracy: [84.532, 97.292], imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "augreg_in1k", "vit_base_patch16_224.augreg_in1k.safetensors",
      from: .hub("timm/vit_base_patch16_224.augreg_in1k"), parameters: 86_567_656, accuracy: [79.154, 94.09],
      imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "dino", "vit_base_patch16_224.dino.safetensors", from: .hub("timm/vit_base_patch16_224.dino"),
      parameters: 85_798_656, imageSize: 224,
      transforms: preset(224, share: 0.9, imageNetMean, imageNetStd)),
  ],
  .init(patchSize: 16, width: 768))
/// ViT-L/16 of AugReg, for images of 224x224: 303.3 million parameters without the head.
public let vit_large_patch16_224 = timm(
  "vit_large_patch16_224",
  [
    PretrainedWeights(
      "augreg_in21k_ft_in1k", "vit_large_patch16_224.augreg_in21k_ft_in1k.safetensors",
      from: .hub("timm/vit_large_patch16_224.augreg_in21k_ft_in1k"), parameters: 304_326_632,
      accuracy: [85.834, 97.818], imageSize: 224,
      transforms: preset(224, share: 0.9))
  ],
  .init(patchSize: 16, width: 1024, layers: 24))
/// DeiT-Ti/16, for images of 224x224: 5.5 million parameters without the head.
public let deit_tiny_patch16_224 = timm(
  "deit_tiny_patch16_224",
  [
    PretrainedWeights(
      "fb_in1k", "deit_tiny_patch16_224-a1311bcf.pth", from: .deit, parameters: 5_717_416,
      accuracy: [72.172, 91.112], imageSize: 224,
      transforms: preset(224, share: 0.9, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 192))
/// DeiT-S/16, for images of 224x224: 21.7 million parameters without the head.
public let deit_small_patch16_224 = timm(
  "deit_small_patch16_224",
  [
    PretrainedWeights(
      "fb_in1k", "deit_small_patch16_224-cd65a155.pth", from: .deit, parameters: 22_050_664,
      accuracy: [79.844, 95.044], imageSize: 224,
      transforms: preset(224, share: 0.9, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 384))
/// DeiT-B/16, for images of 224x224: 85.8 million parameters without the head.
public let deit_base_patch16_224 = timm(
  "deit_base_patch16_224",
  [
    PretrainedWeights(
      "fb_in1k", "deit_base_patch16_224-b5f2ef4d.pth", from: .deit, parameters: 86_567_656,
      accuracy: [81.992, 95.736], imageSize: 224,
      transforms: preset(224, share: 0.9, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 768))
/// DINOv2 S/14, for images of 518x518: 22.1 million parameters without the head.
public let vit_small_patch14_dinov2 = timm(
  "vit_small_patch14_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_small_patch14_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_small_patch14_dinov2.lvd142m"), parameters: 22_056_192, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 384) { $0.layerScale = 1e-5 })
/// DINOv2 B/14, for images of 518x518: 86.6 million parameters without the head.
public let vit_base_patch14_dinov2 = timm(
  "vit_base_patch14_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_base_patch14_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_base_patch14_dinov2.lvd142m"), parameters: 86_579_712, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 768) { $0.layerScale = 1e-5 })
/// DINOv2 L/14, for images of 518x518: 304.4 million parameters without the head.
public let vit_large_patch14_dinov2 = timm(
  "vit_large_patch14_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_large_patch14_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_large_patch14_dinov2.lvd142m"), parameters: 304_367_616, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 1024, layers: 24) { $0.layerScale = 1e-5 })
/// DINOv2 S/14 with four registers, for images of 518x518: 22.1 million parameters without the head.
public let vit_small_patch14_reg4_dinov2 = timm(
  "vit_small_patch14_reg4_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_small_patch14_reg4_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_small_patch14_reg4_dinov2.lvd142m"), parameters: 22_057_344, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 384) { ($0.layerScale, $0.registers, $0.positions) = (1e-5, 4, .patches) })
/// DINOv2 B/14 with four registers, for images of 518x518: 86.6 million parameters without the head.
public let vit_base_patch14_reg4_dinov2 = timm(
  "vit_base_patch14_reg4_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_base_patch14_reg4_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_base_patch14_reg4_dinov2.lvd142m"), parameters: 86_582_016, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 768) { ($0.layerScale, $0.registers, $0.positions) = (1e-5, 4, .patches) })
/// DINOv2 L/14 with four registers, for images of 518x518: 304.4 million parameters without the head.
public let vit_large_patch14_reg4_dinov2 = timm(
  "vit_large_patch14_reg4_dinov2",
  [
    PretrainedWeights(
      "lvd142m", "vit_large_patch14_reg4_dinov2.lvd142m.safetensors",
      from: .hub("timm/vit_large_patch14_reg4_dinov2.lvd142m"), parameters: 304_370_688, imageSize: 518,
      transforms: preset(518, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 14, width: 1024, layers: 24) {
    ($0.layerScale, $0.registers, $0.positions) = (1e-5, 4, .patches)
  })
/// The image tower of OpenCLIP B/32, for images of 224x224: 87.5 million parameters without the head.
public let vit_base_patch32_clip_224 = timm(
  "vit_base_patch32_clip_224",
  [
    PretrainedWeights(
      "laion2b", "vit_base_patch32_clip_224.laion2b.safetensors",
      from: .hub("timm/vit_base_patch32_clip_224.laion2b"), parameters: 87_849_728, imageSize: 224,
      transforms: preset(224, share: 0.9, clipMean, clipStd))
  ],
  .init(patchSize: 32, width: 768) { ($0.normalizesEmbeddings, $0.epsilon) = (true, 1e-5) })
/// The image tower of CLIP B/32, for images of 224x224: 87.5 million parameters without the head.
public let vit_base_patch32_clip_quickgelu_224 = timm(
  "vit_base_patch32_clip_quickgelu_224",
  [
    PretrainedWeights(
      "openai", "vit_base_patch32_clip_quickgelu_224.openai.safetensors",
      from: .hub("timm/vit_base_patch32_clip_224.openai"), parameters: 87_849_728, imageSize: 224,
      transforms: preset(224, share: 0.9, clipMean, clipStd))
  ],
  .init(patchSize: 32, width: 768) {
    ($0.normalizesEmbeddings, $0.epsilon, $0.activation) = (true, 1e-5, .quickGELU)
  })
/// The image tower of OpenCLIP B/16, for images of 224x224: 85.8 million parameters without the head.
public let vit_base_patch16_clip_224 = timm(
  "vit_base_patch16_clip_224",
  [
    PretrainedWeights(
      "laion2b", "vit_base_patch16_clip_224.laion2b.safetensors",
      from: .hub("timm/vit_base_patch16_clip_224.laion2b"), parameters: 86_193_152, imageSize: 224,
      transforms: preset(224, clipMean, clipStd))
  ],
  .init(patchSize: 16, width: 768) { ($0.normalizesEmbeddings, $0.epsilon) = (true, 1e-5) })
/// The image tower of CLIP B/16, for images of 224x224: 85.8 million parameters without the head.
public let vit_base_patch16_clip_quickgelu_224 = timm(
  "vit_base_patch16_clip_quickgelu_224",
  [
    PretrainedWeights(
      "openai", "vit_base_patch16_clip_quickgelu_224.openai.safetensors",
      from: .hub("timm/vit_base_patch16_clip_224.openai"), parameters: 86_193_152, imageSize: 224,
      transforms: preset(224, share: 0.9, clipMean, clipStd))
  ],
  .init(patchSize: 16, width: 768) {
    ($0.normalizesEmbeddings, $0.epsilon, $0.activation) = (true, 1e-5, .quickGELU)
  })
/// The image tower of OpenCLIP L/14, for images of 224x224: 303.2 million parameters without the head.
public let vit_large_patch14_clip_224 = timm(
  "vit_large_patch14_clip_224",
  [
    PretrainedWeights(
      "laion2b", "vit_large_patch14_clip_224.laion2b.safetensors",
      from: .hub("timm/vit_large_patch14_clip_224.laion2b"), parameters: 303_966_976, imageSize: 224,
      transforms: preset(224))
  ],
  .init(patchSize: 14, width: 1024, layers: 24) { ($0.normalizesEmbeddings, $0.epsilon) = (true, 1e-5) })
/// The image tower of CLIP L/14, for images of 224x224: 303.2 million parameters without the head.
public let vit_large_patch14_clip_quickgelu_224 = timm(
  "vit_large_patch14_clip_quickgelu_224",
  [
    PretrainedWeights(
      "openai", "vit_large_patch14_clip_quickgelu_224.openai.safetensors",
      from: .hub("timm/vit_large_patch14_clip_224.openai"), parameters: 303_966_976, imageSize: 224,
      transforms: preset(224, clipMean, clipStd))
  ],
  .init(patchSize: 14, width: 1024, layers: 24) {
    ($0.normalizesEmbeddings, $0.epsilon, $0.activation) = (true, 1e-5, .quickGELU)
  })
/// The image tower of SigLIP B/16, for images of 224x224: 92.9 million parameters without the head.
public let vit_base_patch16_siglip_224 = timm(
  "vit_base_patch16_siglip_224",
  [
    PretrainedWeights(
      "webli", "vit_base_patch16_siglip_224.webli.safetensors",
      from: .hub("timm/vit_base_patch16_siglip_224.webli"), parameters: 92_884_224, imageSize: 224,
      transforms: preset(224, share: 0.9)),
    PretrainedWeights(
      "v2_webli", "vit_base_patch16_siglip_224.v2_webli.safetensors",
      from: .hub("timm/vit_base_patch16_siglip_224.v2_webli"), parameters: 92_884_224, imageSize: 224,
      transforms: preset(224, share: 0.9)),
  ],
  .init(patchSize: 16, width: 768) { ($0.hasClassToken, $0.pooling) = (false, .attention) })
/// The image tower of SigLIP B/16, for images of 256x256: 92.9 million parameters without the head.
public let vit_base_patch16_siglip_256 = timm(
  "vit_base_patch16_siglip_256",
  [
    PretrainedWeights(
      "webli", "vit_base_patch16_siglip_256.webli.safetensors",
      from: .hub("timm/vit_base_patch16_siglip_256.webli"), parameters: 92_930_304, imageSize: 256,
      transforms: preset(256, share: 0.9)),
    PretrainedWeights(
      "v2_webli", "vit_base_patch16_siglip_256.v2_webli.safetensors",
      from: .hub("timm/vit_base_patch16_siglip_256.v2_webli"), parameters: 92_930_304, imageSize: 256,
      transforms: preset(256, share: 0.9)),
  ],
  .init(patchSize: 16, width: 768) { ($0.hasClassToken, $0.pooling) = (false, .attention) })
/// The image tower of SigLIP L/16, for images of 256x256: 316.0 million parameters without the head.
public let vit_large_patch16_siglip_256 = timm(
  "vit_large_patch16_siglip_256",
  [
    PretrainedWeights(
      "webli", "vit_large_patch16_siglip_256.webli.safetensors",
      from: .hub("timm/vit_large_patch16_siglip_256.webli"), parameters: 315_956_224, imageSize: 256,
      transforms: preset(256, share: 0.9)),
    PretrainedWeights(
      "v2_webli", "vit_large_patch16_siglip_256.v2_webli.safetensors",
      from: .hub("timm/vit_large_patch16_siglip_256.v2_webli"), parameters: 315_956_224, imageSize: 256,
      transforms: preset(256, share: 0.9)),
  ],
  .init(patchSize: 16, width: 1024, layers: 24) { ($0.hasClassToken, $0.pooling) = (false, .attention) })
/// The image tower of SigLIP So400m/14, for images of 378x378: 428.2 million parameters without the head.
public let vit_so400m_patch14_siglip_378 = timm(
  "vit_so400m_patch14_siglip_378",
  [
    PretrainedWeights(
      "webli", "vit_so400m_patch14_siglip_378.webli.safetensors",
      from: .hub("timm/vit_so400m_patch14_siglip_378.webli"), parameters: 428_225_600, imageSize: 378,
      transforms: preset(378, share: 0.9))
  ],
  .init(patchSize: 14, width: 1152, layers: 27) {
    ($0.hasClassToken, $0.pooling, $0.heads, $0.hidden) = (false, .attention, 16, 4304)
  })
/// EVA-02 S/14, for images of 224x224: 21.6 million parameters without the head.
public let eva02_small_patch14_224 = timm(
  "eva02_small_patch14_224",
  [
    PretrainedWeights(
      "mim_in22k", "eva02_small_patch14_224.mim_in22k.safetensors",
      from: .hub("timm/eva02_small_patch14_224.mim_in22k"), parameters: 21_621_120, imageSize: 224,
      license: .mit,
      transforms: preset(224, share: 0.9, clipMean, clipStd))
  ],
  .init(patchSize: 14, width: 384) { $0.isEVA02(gate: .joint, hidden: 1024) })
/// EVA-02 B/14, for images of 224x224: 85.8 million parameters without the head.
public let eva02_base_patch14_224 = timm(
  "eva02_base_patch14_224",
  [
    PretrainedWeights(
      "mim_in22k", "eva02_base_patch14_224.mim_in22k.safetensors",
      from: .hub("timm/eva02_base_patch14_224.mim_in22k"), parameters: 85_758_720, imageSize: 224,
      license: .mit,
      transforms: preset(224, share: 0.9, clipMean, clipStd))
  ],
  .init(patchSize: 14, width: 768) { $0.isEVA02(gate: .normalized, hidden: 2048) })
/// DINOv3 S/16, for images of 256x256: 21.6 million parameters without the head.
public let vit_small_patch16_dinov3 = timm(
  "vit_small_patch16_dinov3",
  [
    PretrainedWeights(
      "lvd1689m", "vit_small_patch16_dinov3.lvd1689m.safetensors",
      from: .hub("timm/vit_small_patch16_dinov3.lvd1689m"), parameters: 21_586_944, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 384) { $0.isDINOv3(bias: false) })
/// DINOv3 S/16 with the biases of queries and values, for images of 256x256: 21.6 million parameters without the head.
public let vit_small_patch16_dinov3_qkvb = timm(
  "vit_small_patch16_dinov3_qkvb",
  [
    PretrainedWeights(
      "lvd1689m", "vit_small_patch16_dinov3_qkvb.lvd1689m.safetensors",
      from: .hub("timm/vit_small_patch16_dinov3_qkvb.lvd1689m"), parameters: 21_596_160, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 384) { $0.isDINOv3(bias: true) })
/// DINOv3 B/16, for images of 256x256: 85.6 million parameters without the head.
public let vit_base_patch16_dinov3 = timm(
  "vit_base_patch16_dinov3",
  [
    PretrainedWeights(
      "lvd1689m", "vit_base_patch16_dinov3.lvd1689m.safetensors",
      from: .hub("timm/vit_base_patch16_dinov3.lvd1689m"), parameters: 85_641_216, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 768) { $0.isDINOv3(bias: false) })
/// DINOv3 B/16 with the biases of queries and values, for images of 256x256: 85.7 million parameters without the head.
public let vit_base_patch16_dinov3_qkvb = timm(
  "vit_base_patch16_dinov3_qkvb",
  [
    PretrainedWeights(
      "lvd1689m", "vit_base_patch16_dinov3_qkvb.lvd1689m.safetensors",
      from: .hub("timm/vit_base_patch16_dinov3_qkvb.lvd1689m"), parameters: 85_659_648, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 768) { $0.isDINOv3(bias: true) })
/// DINOv3 L/16, for images of 256x256: 303.1 million parameters without the head.
public let vit_large_patch16_dinov3 = timm(
  "vit_large_patch16_dinov3",
  [
    PretrainedWeights(
      "lvd1689m", "vit_large_patch16_dinov3.lvd1689m.safetensors",
      from: .hub("timm/vit_large_patch16_dinov3.lvd1689m"), parameters: 303_079_424, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 1024, layers: 24) { $0.isDINOv3(bias: false) })
/// DINOv3 L/16 with the biases of queries and values, for images of 256x256: 303.1 million parameters without the head.
public let vit_large_patch16_dinov3_qkvb = timm(
  "vit_large_patch16_dinov3_qkvb",
  [
    PretrainedWeights(
      "lvd1689m", "vit_large_patch16_dinov3_qkvb.lvd1689m.safetensors",
      from: .hub("timm/vit_large_patch16_dinov3_qkvb.lvd1689m"), parameters: 303_128_576, imageSize: 256,
      license: .dinov3,
      transforms: preset(256, imageNetMean, imageNetStd))
  ],
  .init(patchSize: 16, width: 1024, layers: 24) { $0.isDINOv3(bias: true) })

extension PatchTransformer {
  /// The members of the family.
  static let architectures: [any ArchitectureRow] = [
    vit_tiny_patch16_224, vit_small_patch16_224, vit_base_patch16_224, vit_large_patch16_224,
    deit_tiny_patch16_224, deit_small_patch16_224, deit_base_patch16_224, vit_small_patch14_dinov2,
    vit_base_patch14_dinov2, vit_large_patch14_dinov2, vit_small_patch14_reg4_dinov2,
    vit_base_patch14_reg4_dinov2, vit_large_patch14_reg4_dinov2, vit_base_patch32_clip_224,
    vit_base_patch32_clip_quickgelu_224, vit_base_patch16_clip_224, vit_base_patch16_clip_quickgelu_224,
    vit_large_patch14_clip_224, vit_large_patch14_clip_quickgelu_224, vit_base_patch16_siglip_224,
    vit_base_patch16_siglip_256, vit_large_patch16_siglip_256, vit_so400m_patch14_siglip_378,
    eva02_small_patch14_224, eva02_base_patch14_224, vit_small_patch16_dinov3, vit_small_patch16_dinov3_qkvb,
    vit_base_patch16_dinov3, vit_base_patch16_dinov3_qkvb, vit_large_patch16_dinov3,
    vit_large_patch16_dinov3_qkvb,
  ]
}
