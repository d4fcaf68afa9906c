import NNCore
import TestSupport
import Testing

/// Whole trainings against PyTorch's: initial weights, batches, losses, gradients, accuracies, final weights.
@Suite(.serialized)
struct TrainingTests {
  @Test(arguments: ["cnn_tiny_sgd", "cnn_sgd"], [Device.cpu, EmulatedDevice.shared.device, EmulatedCUDA.device])
  func followsPyTorch(_ name: String, on device: Device) throws {
    // Composed operations add up in another order than the kernels that PyTorch's tolerances were made with.
    let slack = device == .cpu ? 1.0 : 2
    let differences = try GoldenTraining(name, in: fixtureFolder).differences(
      on: device, slack: .golden(slack))
    #expect(differences == [])
  }
}
