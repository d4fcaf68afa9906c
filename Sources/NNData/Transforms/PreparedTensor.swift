import NNCore

/// The result of a chain from image to tensor while it is not in memory yet: what can be written straight into a
/// batch.
package enum PreparedTensor: Sendable {
  case image(ImageView, Normalize?)
  case tensor(Tensor)

  var shape: [Int] {
    switch self {
    case .image(let view, _): [view.channels, view.height, view.width]
    case .tensor(let tensor): tensor.shape
    }
  }
  var dtype: DType {
    switch self {
    case .image: .float32
    case .tensor(let tensor): tensor.dtype
    }
  }

  /// The same without what was noted only: nothing of the image that it came from is held.
  func rendered() -> PreparedTensor {
    switch self {
    case .image(let view, let normalize): .image(ImageView(view.rendered()), normalize)
    case .tensor(let tensor): .tensor(tensor.detach().contiguous())
    }
  }

  /// Memory of the result of ``rendered()``.
  var byteCount: Int {
    switch self {
    case .image(let view, _): view.height * view.width * view.channels
    case .tensor(let tensor): tensor.count * tensor.dtype.byteCount
    }
  }

  /// Writes the elements in row-major order.
  func write(to memory: UnsafeMutableRawBufferPointer) {
    switch self {
    case .image(let view, let normalize) where view.isWritable:
      view.write(normalize?.maps ?? .unit, to: memory.bindMemory(to: Float.self))
    case .image, .tensor:
      tensor().detach().to(.cpu).contiguous().withHostBytes {
        memory.copyMemory(from: UnsafeRawBufferPointer($0))
      }
    }
  }

  func tensor() -> Tensor {
    switch self {
    case .tensor(let tensor): return tensor
    case .image(let view, let normalize):
      if !view.isWritable {
        let values = ToTensor()(view.rendered())
        return normalize.map { $0(values) } ?? values
      }
      let tensor = Tensor(uninitialized: shape, dtype: .float32)
      tensor.withHostBytes { write(to: $0) }
      return tensor
    }
  }
}

extension TensorStack {
  mutating func append(_ element: PreparedTensor) throws {
    try append(shape: element.shape, dtype: element.dtype, write: { element.write(to: $0) })
  }
}

/// A stage, or a chain of them, that need not compute its tensor at once.
package protocol TensorStage {
  func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor
}

extension ImageView {
  package func prepared<T: Transform<Image, Tensor>>(by transform: T, context: SampleContext)
    -> PreparedTensor
  {
    if let stage = transform as? any TensorStage { return stage.prepared(self, context: context) }
    return .tensor(transform(rendered(), context: context))
  }
}

extension Chained: TensorStage where First.Input == Image, Second.Output == Tensor {
  // What lies between the two stages is known only at run time. Casts to constrained protocols would tell, but each
  // takes as long as a small image.
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor {
    if let stage = first as? any ImageStage {
      return finished(stage.noted(on: view, context: context), context)
    }
    if let stage = first as? any TensorStage {
      let result = stage.prepared(view, context: context)
      if let normalize = second as? Normalize, case .image(let view, nil) = result {
        return .image(view, normalize.checked(channels: view.channels))
      }
      return .tensor(finished(result.tensor(), context))
    }
    let output = first(view.rendered(), context: context)
    if let image = output as? Image { return finished(ImageView(image), context) }
    return .tensor(second(output, context: context))
  }

  private func finished(_ view: ImageView, _ context: SampleContext) -> PreparedTensor {
    if let stage = second as? any TensorStage { return stage.prepared(view, context: context) }
    return .tensor(finished(view.rendered(), context))
  }

  private func finished<Value>(_ value: Value, _ context: SampleContext) -> Tensor {
    guard let input = value as? Second.Input else {
      fail("Compose", "\(second) does not take what \(first) gives")
    }
    return second(input, context: context)
  }
}

extension Compose: TensorStage where Chain.Input == Image, Chain.Output == Tensor {
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor {
    view.prepared(by: chain, context: context)
  }
}
