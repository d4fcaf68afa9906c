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
  func write(to memory: UnsafeMutableRawPointer) {
    switch self {
    case .image(let view, let normalize):
      if view.isWritable {
        view.write(normalize?.maps ?? .unit, to: memory.assumingMemoryBound(to: Float.self))
      } else {
        PreparedTensor.tensor(tensor()).write(to: memory)
      }
    case .tensor(let tensor):
      let source = tensor.detach().contiguous()
      withExtendedLifetime(source) {
        memory.copyMemory(from: source.hostPointer, byteCount: source.count * source.dtype.byteCount)
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
      write(to: tensor.hostPointer)
      return tensor
    }
  }
}

/// A stage that need not compute its image at once.
protocol ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView
}

/// A stage, or a chain of them, that need not compute its tensor at once.
package protocol TensorStage {
  func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor
}

extension ImageView {
  func noting<T: Transform<Image, Image>>(_ transform: T, context: SampleContext) -> ImageView {
    if let stage = transform as? any ImageStage { return stage.noted(on: self, context: context) }
    return ImageView(transform(rendered(), context: context))
  }

  package func prepared<T: Transform<Image, Tensor>>(by transform: T, context: SampleContext)
    -> PreparedTensor
  {
    if let stage = transform as? any TensorStage { return stage.prepared(self, context: context) }
    return .tensor(transform(rendered(), context: context))
  }
}

extension Chained: ImageStage where First.Input == Image, First.Output == Image, Second.Output == Image {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    view.noting(first, context: context).noting(second, context: context)
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

extension Compose: ImageStage where Chain.Input == Image, Chain.Output == Image {
  func noted(on view: ImageView, context: SampleContext) -> ImageView { view.noting(chain, context: context) }
}

extension Compose: TensorStage where Chain.Input == Image, Chain.Output == Tensor {
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor {
    view.prepared(by: chain, context: context)
  }
}

extension ToTensor: TensorStage {
  package func prepared(_ view: ImageView, context: SampleContext) -> PreparedTensor { .image(view, nil) }
}

extension Resize: ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    let size = outputSize(height: view.height, width: view.width)
    return view.resized(height: size.height, width: size.width, interpolation)
  }
}

extension CenterCrop: ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    if height > view.height || width > view.width { return ImageView(self(view.rendered())) }
    return view.cropped(
      to: .centered(height: height, width: width, in: (height: view.height, width: view.width)))
  }
}

extension RandomCrop: ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    if needsPadding(height: view.height, width: view.width) {
      return ImageView(self(view.rendered(), context: context))
    }
    return view.cropped(to: box(in: (view.height, view.width), generator: context.generator))
  }
}

extension RandomResizedCrop: ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    view.cropped(to: box(in: (view.height, view.width), generator: context.generator))
      .resized(height: height, width: width, interpolation)
  }
}

extension RandomHorizontalFlip: ImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    context.generator.happens(p) ? view.mirrored() : view
  }
}
