import NNCore
import NNLayers

// Learning-rate schedules: when they advance, and whether they go on with those of a checkpoint.
extension FitLoop {
  var schedulePlan: SchedulePlan {
    let batches = (try? trainer.limitTrainBatches.batches(of: loader.batchCount)) ?? nil
    let steps = batches.map { (max(0, $0 - 1)) / trainer.accumulateGradBatches + 1 }
    var total = trainer.maxSteps
    if let steps, let epochs = trainer.maxEpochs {
      let (product, overflows) = steps.multipliedReportingOverflow(by: epochs)
      if !overflows { total = min(total ?? product, product) }
    }
    return SchedulePlan(
      lengths: schedules.map(\.scheduler.length), epochs: trainer.maxEpochs, steps: total)
  }

  /// Why the schedules of the fit are not those of a checkpoint, nil if they are.
  func schedulesDiffer(from saved: SchedulePlan) -> TrainerError? {
    let now = schedulePlan
    for (place, schedule) in schedules.enumerated() where saved.lengths.indices.contains(place) {
      let (before, after) = (saved.lengths[place], now.lengths[place])
      let unit = schedule.interval == .epoch ? "epochs" : "steps"
      let name = "\(type(of: schedule.scheduler))"
      func text(_ length: Int?) -> String { length.map { "\($0) \(unit)" } ?? "no certain length" }
      if before != after {
        return .scheduleOfAnotherLength(name, was: text(before), now: text(after))
      }
      // A schedule that reached to the end of the fit then, and does not now.
      guard let length = after, let fit = schedule.interval == .epoch ? now.epochs : now.steps,
        let former = schedule.interval == .epoch ? saved.epochs : saved.steps
      else { continue }
      let advances = fit / schedule.frequency
      if former / schedule.frequency <= length, advances > length {
        return .scheduleOfAnotherLength(name, was: text(before), now: "a fit of \(fit) \(unit)")
      }
    }
    return nil
  }

  /// Makes the schedules anew from the learning rates that the optimizer had when it was made.
  func makeSchedulesAnew(from rates: [Double]) {
    optimizer.learningRates = rates
    optimizer.initialLearningRates = Array(repeating: nil, count: rates.count)
    schedules = model.configureSchedulers(for: optimizer)
    trainer.schedules = schedules
    metricIsNew = schedules.map { _ in false }
  }

  /// Refuses schedules that watch what the run does not have.
  func checkSchedules(known: [String]) throws {
    for schedule in schedules {
      let name = "\(type(of: schedule.scheduler))"
      if let key = schedule.monitor, !known.contains(key.name) {
        let error = TrainerError.unknownMetric(key.name, watcher: name, known: known)
        if schedule.strict { throw error }
        trainer.note("Warning: \(error.description); the schedule waits for it.")
      }
      if schedule.monitor == nil, schedule.scheduler is ReduceLROnPlateau {
        throw TrainerError.scheduleWithoutMetric
      }
    }
  }

  func metricsAreNew(_ names: [String]) {
    for (place, schedule) in schedules.enumerated() where metricIsNew.indices.contains(place) {
      if let monitor = schedule.monitor, names.contains(monitor.name) { metricIsNew[place] = true }
    }
  }

  func stepSchedules(_ interval: ScheduledRate.Interval) throws {
    if trainer.suspendsSchedules { return }
    let count = interval == .epoch ? trainer.progress.epoch + 1 : trainer.globalStep
    for (place, schedule) in schedules.enumerated()
    where schedule.interval == interval && count % schedule.frequency == 0 {
      if let left = schedule.scheduler.stepsLeft, left <= 0 {
        throw TrainerError.scheduleOver(
          "\(type(of: schedule.scheduler))", steps: schedule.scheduler.length ?? count)
      }
      guard let monitor = schedule.monitor else {
        schedule.scheduler.step()
        continue
      }
      // A value that the schedule has seen already does not count a second time.
      guard metricIsNew[place], let value = trainer.callbackMetrics[monitor] else { continue }
      metricIsNew[place] = false
      // Metrics of single steps are those of a process's own batch.
      schedule.scheduler.step(metric: try trainer.strategy.first(value))
    }
  }
}
