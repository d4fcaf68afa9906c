import NNCore
import NNData
import TestSupport
import Testing

/// What processes take of a data set's batches.
@Suite struct DistributedBatchSamplerTests {
  private func orders(
    _ count: Int, _ batch: Int, _ replicas: Int, divides: Bool, training: Bool, dropLast: Bool = false
  ) -> [DistributedBatchSampler] {
    (0..<replicas).map { rank in
      let order = RandomSampler(sourceCount: count, generator: Generator(seed: 3))
      return DistributedBatchSampler(
        BatchSampler(order, batchSize: batch, dropLast: dropLast), replicas: replicas, rank: rank,
        dividesBatches: divides, isTraining: training)
    }
  }

  @Test(arguments: [1, 2, 3, 5], [true, false])
  func everySampleIsInOneProcess(replicas: Int, divides: Bool) {
    for count in 1...60 {
      let samplers = orders(count, 7, replicas, divides: divides, training: false)
      let all = samplers.map { $0.order() }
      #expect(all.flatMap { $0.flatMap { $0 } }.sorted() == Array(0..<count), "\(count)")
      #expect(all.map(\.count) == samplers.map(\.count) && all.allSatisfy { $0.allSatisfy { !$0.isEmpty } })
      // The first one's is the longest.
      #expect(all.map(\.count) == all.map(\.count).sorted(by: >))
    }
  }

  /// All steps of all processes together are those of one process.
  @Test(arguments: [1, 2, 3, 5], [true, false])
  func trainingStepsAreThoseOfOneProcess(replicas: Int, divides: Bool) {
    for count in 1...60 {
      let samplers = orders(count, 7, replicas, divides: divides, training: true)
      let all = samplers.map { $0.order(epoch: 2) }
      let joint = BatchSampler(
        RandomSampler(sourceCount: count, generator: Generator(seed: 3)),
        batchSize: divides ? 7 : 7 * replicas
      ).order()
      #expect(all.allSatisfy { $0.count == joint.count } && samplers.allSatisfy { $0.count == joint.count })
      for step in joint.indices {
        var seen: [Int] = []
        for (sampler, batches) in zip(samplers, all) {
          if !sampler.isSpare(step) { seen += batches[step] }
          // Batch norms can be trained, unless there is one sample.
          #expect(batches[step].count > 1 || joint[step].count == 1)
          #expect(sampler.isAlone(step) == all.allSatisfy { $0[step] == all[0][step] })
        }
        #expect(seen.sorted() == joint[step].sorted(), "\(count), step \(step)")
      }
    }
  }

  @Test func wholeBatchesAloneAreKeptIfAskedFor() {
    for count in 1...60 {
      for sampler in orders(count, 7, 2, divides: false, training: true, dropLast: true) {
        #expect(sampler.count == count / 14 && sampler.order().allSatisfy { $0.count == 7 })
        #expect(sampler.order().count == sampler.count)
      }
    }
  }

  /// Loaders of one process know whether the whole is shuffled.
  @Test func loadersKnowTheOrderOfAll() {
    for shuffle in [false, true] {
      let loader = DataLoader(
        TensorDataset(Tensor.zeros([9, 1]), Tensor.zeros(9)), batchSize: 2, shuffle: shuffle)
      let share = loader.withBatchSampler(
        DistributedBatchSampler(loader.batchSampler, replicas: 2, rank: 1, isTraining: false))
      #expect((share as? any ResumableLoader)?.isShuffled == shuffle)
    }
  }

  @Test func refusesRanksThatThereAreNot() {
    #expect(throws: FixtureError.self) {
      try catchingMistakes {
        DistributedBatchSampler(
          BatchSampler(SequentialSampler(count: 4), batchSize: 1), replicas: 2, rank: 2, isTraining: true)
      }
    }
  }
}
