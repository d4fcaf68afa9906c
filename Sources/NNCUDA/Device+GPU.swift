import NNCore

extension Device.Kind {
  /// NVIDIA's GPUs, under PyTorch's name.
  public static let cuda = Device.Kind("cuda")
}

extension Device {
  /// An NVIDIA GPU. It is opened when something is first put there, which stops with what is missing if there is none;
  /// `CUDA.isAvailable` and `CUDA.status` tell beforehand.
  public static func gpu(_ index: Int = 0) -> Device {
    require(index >= 0, "Device.gpu", "expected a number from 0 on, got \(index)")
    opener
    return Device(.cuda, index: index)
  }

  private static let opener: Void = Devices.register(.cuda) { try CUDA.open($0.index) }
}
