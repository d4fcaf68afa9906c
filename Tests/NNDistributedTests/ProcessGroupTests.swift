import Foundation
import NNCore
import NNDistributed
import TestSupport
import Testing

/// The exchanges, between threads.
@Suite struct ProcessGroupTests {
  @Test(arguments: [1, 2, 3, 5]) func sumsAreInTheOrderOfRanks(count: Int) throws {
    for dtype in [DType.float32, .float64] {
      let sums = try together(count) { group in
        let values = Tensor.randn([101], generator: Generator(seed: group.rank), dtype: dtype)
        return try group.allReduce(values).to(.float64).array(of: Double.self)
      }.map { try $0.get() }
      var expected = Tensor.randn([101], generator: Generator(seed: 0), dtype: dtype)
      for rank in 1..<max(count, 1) {
        expected += Tensor.randn([101], generator: Generator(seed: rank), dtype: dtype)
      }
      for sum in sums { #expect(sum == expected.to(.float64).array(of: Double.self)) }
    }
  }

  @Test(arguments: [1, 2, 5]) func gathersTextsOfAnyLength(count: Int) throws {
    let texts = try together(count) { group in
      try group.barrier()
      return try group.allGather(Data(String(repeating: "\(group.rank)", count: group.rank * 70_000).utf8))
    }.map { try $0.get() }
    for all in texts {
      #expect(all.map(\.count) == (0..<count).map { $0 * 70_000 })
      #expect(all.allSatisfy { Set($0).count <= 1 } && all == texts[0])
    }
  }

  @Test(arguments: [1, 2, 3, 6]) func broadcastsTheFirstOnesTensors(count: Int) throws {
    let all = try together(count) { group in
      let mine = [Tensor.full([2, 3], Double(group.rank)), Tensor([group.rank]), Tensor.zeros(0)]
      return try group.broadcast(mine)
    }.map { try $0.get() }
    for one in all {
      #expect(one.map(\.shape) == [[2, 3], [1], [0]])
      #expect(one[0].sum().item() == 0 && one[1].dtype == .int64 && one[1].item() == 0)
    }
  }

  @Test func meansAreWeighted() throws {
    for (weights, expected) in [([1.0, 3], 2.5), ([0, 2], 3), ([0, 0], 0)] {
      let means = try together(2) { group in
        let values = Tensor.full([40], group.rank == 0 ? 1.0 : 3)
        try group.startMean(of: values, weight: weights[group.rank], wire: .float32).wait()
        return values.array(of: Float.self)
      }.map { try $0.get() }
      for mean in means { #expect(mean == Array(repeating: Float(expected), count: 40)) }
    }
  }

  /// Single means are those of rounded numbers; over many of them nothing is lost.
  @Test func errorsOfHalfNumbersDoNotAddUp() throws {
    let all = try together(2) { group -> (first: [Float], total: [Float], bytes: Int) in
      let feedback = ErrorFeedback()
      var first: [Float] = []
      var total = [Float](repeating: 0, count: 64)
      for round in 0..<200 {
        let values = Tensor.randn([64], generator: Generator(seed: 9)) * (group.rank == 0 ? 1 : 0.3)
        try group.startMean(of: values, weight: 1, wire: .bfloat16(feedback)).wait()
        let mean = values.array(of: Float.self)
        if round == 0 { first = mean }
        for place in mean.indices { total[place] += mean[place] / 200 }
      }
      return (first, total, group.traffic.bytesSent)
    }.map { try $0.get() }
    #expect(all[0].first == all[1].first && all[0].total == all[1].total)
    let exact = (Tensor.randn([64], generator: Generator(seed: 9)) * 0.65).array(of: Float.self)
    func error(_ values: [Float]) -> Float { zip(values, exact).map { abs($0 - $1) }.max() ?? .nan }
    #expect(error(all[0].first) > 5e-4)
    #expect(error(all[0].total) < 5e-5)
    // Two halves of 64 numbers of two bytes, and a header, each time.
    #expect(all[0].bytes == 200 * (64 * 2 + 32) + all[0].bytes % 200)
  }

  // MARK: Ends

  @Test func otherExchangesAreRefused() throws {
    let both = try together(2) { group in
      if group.rank == 0 {
        _ = try group.allReduce(Tensor.zeros(4))
      } else {
        try group.barrier()
      }
    }
    #expect {
      try both[0].get()
    } throws: {
      "\($0)" == "rank 1: expected a sum, as rank 0 does, found a barrier"
        || "\($0)" == "rank 0: expected a barrier, as rank 1 does, found a sum"
    }
  }

  @Test func otherSizesAreRefused() throws {
    let both = try together(2) { group in try group.allReduce(Tensor.zeros(4 + group.rank)) }
    for one in both {
      #expect {
        try one.get()
      } throws: {
        "\($0)".contains("a sum of 16 bytes") && "\($0)".contains("a sum of 20 bytes")
      }
    }
  }

  @Test func anEndOfOneIsThatOfAll() throws {
    struct Failed: Error, CustomStringConvertible { let description = "no luck" }
    let all = try together(3) { group in
      if group.rank == 1 { throw Failed() }
      try group.barrier()
    }
    for rank in [0, 2] {
      #expect(throws: ProcessError.failed(rank: 1, reason: "rank 1: no luck")) { try all[rank].get() }
    }
  }

  @Test func aProcessThatEndsEarlyIsNamed() throws {
    let both = try together(2) { group in if group.rank == 0 { try group.barrier() } }
    #expect {
      try both[0].get()
    } throws: {
      "\($0)" == "rank 1: expected a barrier, as rank 0 does, found the end of the program"
        || "\($0)" == "rank 0: expected the end of the program, as rank 1 does, found a barrier"
    }
  }

  @Test func aProcessThatDoesNotComeIsNamed() throws {
    var patience = ProcessGroup.Patience()
    patience.lateness = 0.3
    let both = try together(2, patience: patience) { [patience] group in
      if group.rank == 0 { try group.barrier() } else { Thread.sleep(forTimeInterval: patience.lateness * 4) }
    }
    #expect(throws: ProcessError.late(rank: 1, seconds: 0)) { try both[0].get() }
  }

  @Test func refusesWhatItCannotSend() {
    #expect(throws: (any Error).self) {
      try catchingMistakes {
        let group = try ProcessGroup.threads(1)[0]
        _ = group.startMean(of: Tensor.zeros([2, 3]).transpose(0, 1), weight: 1, wire: .float32)
      }
    }
  }
}
