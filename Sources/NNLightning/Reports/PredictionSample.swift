import Foundation
import NNCore
import NNData
import NNLayers

/// What a classifier makes of the validation data: the confusion matrix, and some images with their predictions.
struct PredictionSample {
  struct Shown {
    var label: Int
    var prediction: Int
    /// Probability of the prediction.
    var confidence: Double
    /// Cross-entropy of the sample.
    var loss: Double
    /// PNG; nil if the input is no image.
    var png: [UInt8]?
    var order: Float
  }

  private(set) var confusion: ConfusionMatrix?
  /// Greatest losses first.
  private(set) var worst: [Shown] = []
  private(set) var random: [Shown] = []

  init(_ trainer: Trainer, _ model: any Classifier, count: Int) throws {
    let generator = Generator(seed: 0)
    try model.evaluating {
      try noGrad {
        try trainer.activeFit?.forEachValidationBatch { batch in
          guard let batch = batch as? Sample, batch.target.rank == 1, !batch.target.dtype.isFloatingPoint
          else {
            return false
          }
          let scores = model(batch.input)
          guard scores.rank == 2 else { return false }
          add(batch.to(.cpu), scores.to(.cpu), count, generator)
          return !trainer.isInterrupted
        }
      }
    }
  }

  private mutating func add(_ batch: Sample, _ scores: Tensor, _ count: Int, _ generator: Generator) {
    let classes = scores.shape[1]
    var matrix = confusion ?? ConfusionMatrix(classes: classes)
    matrix.update(scores, batch.target)
    guard pendingDataProblem == nil else { return }
    confusion = matrix
    let labels = batch.target.array(of: Int.self)
    let logarithms = scores.logSoftmax(1)
    let values = logarithms.array(of: Double.self)
    let predictions = logarithms.argmax(1).array(of: Int.self)
    for (row, label) in labels.enumerated() {
      let prediction = predictions[row]
      var shown = Shown(
        label: label, prediction: prediction, confidence: exp(values[row * classes + prediction]),
        loss: -values[row * classes + label], png: nil, order: generator.rand())
      let isWorst = worst.count < count || shown.loss > (worst.last?.loss ?? 0)
      let isRandom = random.count < count || shown.order < (random.last?.order ?? 0)
      if !isWorst && !isRandom { continue }
      shown.png = Self.png(batch.input.select(0, index: row))
      if isWorst { worst = Array((worst + [shown]).sorted { $0.loss > $1.loss }.prefix(count)) }
      if isRandom { random = Array((random + [shown]).sorted { $0.order < $1.order }.prefix(count)) }
    }
  }

  /// A picture of [1 or 3, H, W] values, stretched to the whole range of brightness.
  private static func png(_ input: Tensor) -> [UInt8]? {
    guard input.rank == 3, input.shape[0] == 1 || input.shape[0] == 3, input.count > 0 else { return nil }
    let values = input.to(.float32)
    let (low, high) = (values.min().item(), values.max().item())
    guard low.isFinite, high.isFinite else { return nil }
    let scaled = (values - low) * (255 / max(high - low, 1e-12))
    let pixels = scaled.round().clamp(min: 0, max: 255).to(.uint8).permute(1, 2, 0).contiguous()
    return Image(pixels).pngData()
  }
}
