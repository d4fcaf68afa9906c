import Foundation
import NNCore
import NNFiles
import NNLayers

/// Tries learning rates from small to great over a few steps before training and suggests the one where the loss falls
/// fastest (Smith, 2015); as Lightning's `LearningRateFinder`. Weights, optimizer, schedules, random numbers and loader
/// are exactly as before afterwards.
public final class LearningRateFinder: Callback {
  public let minimum: Double
  public let maximum: Double
  public let steps: Int
  public let stopsAtFactor: Double
  public let plot: String?
  public let updates: Bool
  /// Rates tried and the smoothed losses behind them.
  public private(set) var tried: [(learningRate: Double, loss: Double)] = []
  /// The rate where the loss fell fastest; nil if there were too few.
  public private(set) var suggestion: Double?

  /// - Parameters:
  ///   - minimum: first rate, above 0,
  ///   - maximum: and last one, with a constant factor from step to step.
  ///   - stopsAtFactor: ends when the smoothed loss is so many times the best one.
  ///   - plot: SVG file for the curve.
  ///   - updates: gives all groups of the optimizer the suggested rate, and makes the schedules anew so that they start
  ///     from it.
  public init(
    minimum: Double = 1e-8, maximum: Double = 1, steps: Int = 100, stopsAtFactor: Double = 4,
    plot: String? = nil, updates: Bool = true
  ) {
    require(
      minimum > 0 && minimum < maximum, "LearningRateFinder",
      "needs 0 < minimum < maximum, got \(minimum) and \(maximum)")
    require(steps >= 3, "LearningRateFinder", "needs at least 3 steps, got \(steps)")
    self.minimum = minimum
    self.maximum = maximum
    self.steps = steps
    self.stopsAtFactor = stopsAtFactor
    self.plot = plot
    self.updates = updates
  }

  public override var isSkippedInFastDevRun: Bool { true }

  public override func onTrainStart(_ trainer: Trainer, _ model: Module) throws {
    // A resumed fit has its rate.
    guard trainer.globalStep == 0, let fit = trainer.activeFit, let optimizer = trainer.optimizer else {
      return
    }
    tried = []
    suggestion = nil
    let factor = pow(maximum / minimum, 1 / Double(steps - 1))
    let groups = optimizer.learningRates.count
    var (average, best) = (0.0, Double.infinity)
    try fit.rehearse(steps: steps) { step, _ in
      optimizer.learningRates = Array(repeating: minimum * pow(factor, Double(step)), count: groups)
    } onLoss: { _, _ in
    } after: { step, loss in
      // Exponential smoothing without the bias of its start.
      average = 0.98 * average + 0.02 * loss
      let smooth = average / (1 - pow(0.98, Double(step + 1)))
      if !smooth.isFinite || (step > 1 && smooth > stopsAtFactor * best) { return false }
      best = min(best, smooth)
      tried.append((minimum * pow(factor, Double(step)), smooth))
      return !trainer.isInterrupted
    }
    suggestion = try trainer.strategy.first(steepest())
    if updates, let suggestion { fit.restartSchedules(learningRate: suggestion) }
    if let plot, trainer.strategy.isWriter { try writePlot(plot) }
  }

  /// The first ten rates and the last one, where smoothing means little, do not count.
  private func steepest() -> Double? {
    let skipped = min(10, tried.count / 4)
    let places = tried.indices.dropFirst(skipped).dropLast(1)
    guard places.count >= 3 else { return nil }
    func slope(_ place: Int) -> Double {
      let before = tried[max(places.lowerBound, place - 1)]
      let after = tried[min(places.upperBound - 1, place + 1)]
      return (after.loss - before.loss) / (log(after.learningRate) - log(before.learningRate))
    }
    return places.min { slope($0) < slope($1) }.map { tried[$0].learningRate }
  }

  private func writePlot(_ path: String) throws {
    var lines = [SVGPlot.Line(name: "loss", points: tried.map { ($0.learningRate, $0.loss) })]
    if let best = tried.first(where: { $0.learningRate == suggestion }) {
      lines.append(
        SVGPlot.Line(
          name: "suggestion \(String(format: "%.3g", best.learningRate))",
          points: [(best.learningRate, best.loss)], isMark: true))
    }
    let plot = SVGPlot(
      title: "Learning rate finder", xLabel: "learning rate", lines: lines, isLogarithmicX: true)
    try AtomicFile.write(path) { try $0.write(Array(plot.text.utf8)) }
  }
}
