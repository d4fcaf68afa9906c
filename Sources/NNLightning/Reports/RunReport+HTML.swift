import Foundation
import NNCore
import NNLayers

extension RunReport {
  func html(_ trainer: Trainer, isRunning: Bool) -> String {
    let status =
      isRunning
      ? "running: epoch \(trainer.currentEpoch + 1)\(trainer.maxEpochs.map { " of \($0)" } ?? ""), step \(trainer.globalStep)"
      : "ended: \(trainer.stopReason.map { "\($0)" } ?? "with an error"), step \(trainer.globalStep)"
    let sections =
      [
        section("Warnings", findings.isEmpty ? "" : list(findings)), section("Curves", curves),
        section("Metrics", metricsTable(trainer.callbackMetrics)),
        section("Confusion matrix", confusionTable), section("Worst predictions", images(predictions?.worst)),
        section("Random predictions", images(predictions?.random)),
        section("Timings", table(timings(trainer))), section("Data", table(facts)),
        section("Configuration", table(configuration(trainer))),
        section("Model", "<pre>\(escapedHTML(summary))</pre>"),
      ].joined()
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>\(escapedHTML(title))</title>
      \(isRunning ? "<meta http-equiv=\"refresh\" content=\"15\">" : "")
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,">
      <style>
      body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1340px; padding: 0 1rem; color: #222; }
      h1 { margin-bottom: 0; } h2 { border-bottom: 1px solid #ddd; margin-top: 2rem; }
      .status { color: #555; } .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); gap: 1rem; }
      .plot { background: #fff; border: 1px solid #eee; } .plot .title { font-weight: 600; font-size: 14px; }
      table { border-collapse: collapse; } td, th { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #eee; overflow-wrap: anywhere; }
      td:first-child, th:first-child { text-align: left; } .confusion td { text-align: center; border: 1px solid #fff; }
      .images { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; width: 128px; font-size: 12px; }
      figure img { width: 128px; height: 128px; object-fit: contain; image-rendering: pixelated; background: #eee; }
      .wrong { color: #b3261e; } .right { color: #1b6e3c; } pre { overflow-x: auto; font-size: 12px; line-height: 1.25; }
      .warnings li { color: #8a4b00; }
      </style></head><body>
      <h1>\(escapedHTML(title))</h1><p class="status">\(escapedHTML(status)) · swift-nn \(libraryVersion)</p>
      \(sections)</body></html>

      """
  }

  private func section(_ name: String, _ body: String) -> String {
    body.isEmpty ? "" : "<section><h2>\(name)</h2>\(body)</section>\n"
  }

  private func list(_ items: [String]) -> String {
    "<ul class=\"warnings\">\(items.map { "<li>\(escapedHTML($0))</li>" }.joined())</ul>"
  }

  private func table(_ rows: [(name: String, value: String)]) -> String {
    if rows.isEmpty { return "" }
    let cells = rows.map { "<tr><td>\(escapedHTML($0.name))</td><td>\(escapedHTML($0.value))</td></tr>" }
    return "<table>\(cells.joined())</table>"
  }

  // MARK: Curves

  /// Metrics of one quantity share a plot: `loss`, `loss_epoch` and `val_loss`.
  private func quantity(_ name: String) -> String {
    if name.hasPrefix("lr-") { return "learning rate" }
    if name.hasSuffix("_per_second") { return "per second" }
    var base = name[...]
    for prefix in ["train_", "val_", "test_"] where base.hasPrefix(prefix) {
      base = base.dropFirst(prefix.count)
    }
    for suffix in ["_epoch", "_step"] where base.hasSuffix(suffix) { base = base.dropLast(suffix.count) }
    return String(base)
  }

  private var curves: String {
    var names: [String] = []
    var groups: [String: [SVGPlot.Line]] = [:]
    for series in history.series {
      let name = quantity(series.name)
      if groups[name] == nil { names.append(name) }
      groups[name, default: []].append(SVGPlot.Line(name: series.name, points: series.points))
    }
    if names.isEmpty { return "<p>no values yet</p>" }
    let plots = names.map { SVGPlot(title: $0, xLabel: "optimizer steps", lines: groups[$0] ?? []).text }
    return "<div class=\"plots\">\(plots.joined(separator: "\n"))</div>"
  }

  private func metricsTable(_ metrics: Metrics) -> String {
    table(metrics.map { ($0.name, $0.value.formatted(digits: 5)) })
  }

  // MARK: Predictions

  private func className(_ place: Int) -> String {
    classNames.indices.contains(place) ? classNames[place] : "\(place)"
  }

  private var confusionTable: String {
    guard let counts = predictions?.confusion?.counts, counts.count <= 50 else { return "" }
    let head = counts.indices.map { "<th>\(escapedHTML(className($0)))</th>" }.joined()
    let rows = counts.enumerated().map { row, line in
      let total = max(1, line.reduce(0, +))
      let cells = line.enumerated().map { column, count in
        let share = Double(count) / Double(total)
        let color = row == column ? "0,114,178" : "213,94,0"
        let ink = share > 0.55 ? "#fff" : "#222"
        return
          "<td style=\"background:rgba(\(color),\(share.formatted(digits: 3)));color:\(ink)\">\(count)</td>"
      }
      return "<tr><th>\(escapedHTML(className(row)))</th>\(cells.joined())</tr>"
    }
    return
      "<p>Rows are the true classes, columns the predicted ones.</p><table class=\"confusion\"><tr><th></th>\(head)</tr>"
      + rows.joined() + "</table>"
  }

  private func images(_ shown: [PredictionSample.Shown]?) -> String {
    guard let shown, shown.contains(where: { $0.png != nil }) else { return "" }
    let figures = shown.map { item in
      let data = Data(item.png ?? []).base64EncodedString()
      let isRight = item.label == item.prediction
      return
        "<figure><img alt=\"\(escapedHTML(className(item.label)))\" src=\"data:image/png;base64,\(data)\">"
        + "<figcaption class=\"\(isRight ? "right" : "wrong")\">\(escapedHTML(className(item.prediction))) "
        + "\((item.confidence * 100).formatted(digits: 0))%<br>is \(escapedHTML(className(item.label))), "
        + "loss \(item.loss.formatted(digits: 2))</figcaption></figure>"
    }
    return "<div class=\"images\">\(figures.joined())</div>"
  }

  // MARK: Tables

  private func timings(_ trainer: Trainer) -> [(name: String, value: String)] {
    let timings = trainer.timings
    return [
      ("the whole fit, with the runs it resumed", "\(trainer.progress.seconds.formatted(digits: 1)) s"),
      ("training steps", "\(timings.training.formatted(digits: 1)) s"),
      ("waiting for batches", "\(timings.loading.formatted(digits: 1)) s"),
      ("validation", "\(timings.validation.formatted(digits: 1)) s"),
    ]
  }

  private func configuration(_ trainer: Trainer) -> [(name: String, value: String)] {
    var rows: [(name: String, value: String)] = [
      ("maxEpochs", trainer.maxEpochs.map { "\($0)" } ?? "none"),
      ("maxSteps", trainer.maxSteps.map { "\($0)" } ?? "none"),
      ("accumulateGradBatches", "\(trainer.accumulateGradBatches)"),
      ("gradientClip", trainer.gradientClip.map { "\($0)" } ?? "none"),
      ("validationInterval", "\(trainer.validationInterval)"),
      ("threads", "\(ThreadPool.shared.threadCount)"),
    ]
    for optimizer in (trainer.optimizer as? OptimizerList)?.optimizers
      ?? [trainer.optimizer].compactMap({ $0 })
    {
      let rates = optimizer.learningRates.map { String(format: "%.4g", $0) }.joined(separator: ", ")
      rows.append(("optimizer", "\(type(of: optimizer)), learning rate \(rates)"))
    }
    rows += trainer.schedules.map { ("schedule", "\(type(of: $0.scheduler)) per \($0.interval)") }
    rows.append(("callbacks", trainer.callbacks.map { "\(type(of: $0))" }.joined(separator: ", ")))
    if let hyperparameters = history.hyperparameters { rows.append(("hyperparameters", hyperparameters)) }
    return rows
  }
}
