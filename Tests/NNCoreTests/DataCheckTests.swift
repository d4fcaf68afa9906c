import NNCore
import Testing

/// Operations that note what does not fit, where it is data that decides.
@Suite struct DataCheckTests {
  private struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let kind: DataProblem.Kind
    /// Of the result, nil where it does not matter.
    let shape: [Int]?
    let run: @Sendable () -> Tensor
    init(
      _ name: String, _ kind: DataProblem.Kind, _ shape: [Int]?, _ run: @escaping @Sendable () -> Tensor
    ) {
      (self.name, self.kind, self.shape, self.run) = (name, kind, shape, run)
    }
    var testDescription: String { name }
  }

  private static func z(_ shape: Int...) -> Tensor { Tensor.zeros(shape) }

  private static let cases: [Case] = [
    Case("conv channels", .channels, [2, 4, 1, 1]) { z(2, 1, 8, 8).conv2d(z(4, 3, 3, 3)) },
    Case("conv window", .tooSmall, [2, 4, 1, 1]) { z(2, 3, 2, 2).conv2d(z(4, 3, 3, 3)) },
    Case("conv rank", .shape, [2, 4, 1, 1]) { z(2, 64).conv2d(z(4, 3, 3, 3)) },
    Case("conv type", .type, nil) { z(2, 3, 8, 8).to(.uint8).conv2d(z(4, 3, 3, 3)) },
    Case("conv1d", .shape, [2, 4, 1]) { z(2, 3, 8, 8).conv1d(z(4, 3, 3)) },
    Case("convTranspose", .channels, nil) { z(2, 1, 8, 8).convTranspose2d(z(3, 4, 3, 3)) },
    Case("maxPool", .tooSmall, [2, 3, 1, 1]) { z(2, 3, 1, 1).maxPool2d(kernelSize: 2) },
    Case("avgPool", .tooSmall, [2, 3, 1, 1]) { z(2, 3, 2, 9).avgPool2d(kernelSize: 3) },
    Case("pool rank", .shape, [2, 3, 1, 1]) { z(2, 3).maxPool2d(kernelSize: 2) },
    Case("indices", .tooSmall, nil) { z(2, 3, 1, 1).maxPool2dWithIndices(kernelSize: 2).indices },
    Case("linear", .shape, [2, 5]) { z(2, 7).linear(z(5, 8)) },
    Case("linear type", .type, [2, 5]) { z(2, 8).to(.float64).linear(z(5, 8)) },
    Case("matmul", .shape, [2, 4]) { z(2, 3).matmul(z(5, 4)) },
    Case("batchNorm one", .singleValue, [1, 3]) { z(1, 3).batchNorm(training: true).output },
    Case("batchNorm channels", .channels, nil) { z(2, 3).batchNorm(weight: z(4), training: true).output },
    Case("groupNorm", .channels, nil) { z(2, 3, 4).groupNorm(groups: 2) },
    Case("instanceNorm", .tooSmall, nil) { z(2, 3, 1, 1).instanceNorm() },
    Case("layerNorm", .shape, nil) { z(2, 3).layerNorm(shape: [4]) },
    Case("reshape", .shape, [2, 8]) { z(2, 7).reshape([2, 8]) },
    Case("reshape -1", .shape, nil) { z(2, 7).reshape([-1, 4]) },
    Case("expand", .shape, [2, 8]) { z(2, 7).expand([2, 8]) },
    Case("split", .shape, [2, 3]) { z(2, 7).split([3, 3], axis: 1)[1] },
    Case("select", .shape, [2]) { z(2, 7).select(1, index: 9) },
    Case("narrow", .shape, [2, 4]) { z(2, 7).narrow(1, start: 5, length: 4) },
    Case("cat", .shape, nil) { cat([z(2, 7), z(2, 8)], axis: 0) },
    Case("stack", .shape, [2, 2, 7]) { stack([z(2, 7), z(2, 8)]) },
    Case("sum", .shape, nil) { z(2, 7) + z(2, 8) },
    Case("compare", .shape, nil) { z(2, 7) .== z(2, 8) },
    Case("reflect", .tooSmall, [1, 1, 6, 6]) { z(1, 1, 2, 2).pad([2, 2, 2, 2], mode: .reflect) },
    Case("oneHot", .label, [2, 3]) { Tensor([1, 3]).oneHot(3) },
    Case("embedding", .label, [2, 4]) { embedding(Tensor([1, 3]), z(3, 4)) },
    Case("gather", .label, [2, 1]) { z(2, 3).gather(1, index: Tensor([[1], [3]])) },
    Case("indexSelect", .label, [2, 3]) { z(2, 3).indexSelect(0, index: Tensor([1, -3])) },
    Case("crossEntropy label", .label, []) { crossEntropy(z(2, 3), Tensor([1, 3])) },
    Case("crossEntropy none", .label, [2]) { crossEntropy(z(2, 3), Tensor([1, -1]), reduction: .none) },
    Case("crossEntropy type", .type, []) { crossEntropy(z(2, 3), Tensor([1.0, 2])) },
    Case("crossEntropy shape", .shape, []) { crossEntropy(z(2, 3), Tensor([1, 2, 0])) },
    Case("nll", .label, []) { nllLoss(z(2, 3), Tensor([1, 7])) },
    Case("mse", .shape, []) { mseLoss(z(2, 3), z(2, 1)) },
    Case("bce", .shape, []) { binaryCrossEntropy(z(2) + 2, z(2)) },
  ]

  @Test(arguments: cases)
  private func whatDoesNotFitIsNoted(operation: Case) {
    let error = #expect(throws: DataProblem.self) {
      try checkingData { _ in
        let result = operation.run()
        if let shape = operation.shape { #expect(result.shape == shape) }
      }
    }
    #expect(error?.kind == operation.kind, "\(String(describing: error))")
  }

  @Test func theFirstProblemIsTheOneToldAndItIsToldOnce() throws {
    var first: Result<Void, any Error>?
    let error = #expect(throws: DataProblem.self) {
      try checkingData { check in
        _ = crossEntropy(Tensor.zeros([3, 2]), Tensor([0, 5, 9]))
        _ = Tensor.zeros([2, 7]).linear(Tensor.zeros([5, 8]))
        first = Result { try check.throwProblem() }
        try check.throwProblem()
        _ = crossEntropy(Tensor.zeros([3, 2]), Tensor([0, 1, 9]))
      }
    }
    #expect(error?.operation == "crossEntropy" && error?.row == 2)
    guard case .failure(let problem as DataProblem)? = first else {
      Issue.record("nothing was noted")
      return
    }
    #expect(problem.operation == "crossEntropy" && problem.row == 1)
  }

  @Test func itIsTheCauseOfWhatIsThrownAfterIt() {
    struct Later: Error {}
    #expect(throws: DataProblem.self) {
      try checkingData { _ in
        _ = Tensor.zeros([2, 7]).linear(Tensor.zeros([5, 8]))
        throw Later()
      }
    }
    #expect(throws: Later.self) { try checkingData { _ in throw Later() } }
  }

  @Test func elsewhereItStops() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([2, 7]).linear(Tensor.zeros([5, 8]))
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("linear: input of shape [2, 7] does not fit"))
  }
}
