/// A stage that need not compute its image at once: it notes on an ``ImageView`` what is to be done. That is all it says;
/// an image by itself takes the same way.
protocol ImageStage: Transform where Input == Image, Output == Image {
  func noted(on view: ImageView, context: SampleContext) -> ImageView
}

// Public, since they are what a public stage has for the requirements of `Transform`.
extension ImageStage {
  public func callAsFunction(_ image: Image, context: SampleContext) -> Image {
    noted(on: ImageView(image), context: context).rendered()
  }
}

/// One without random numbers.
protocol DeterministicImageStage: ImageStage, DeterministicTransform {
  func noted(on view: ImageView) -> ImageView
}

extension DeterministicImageStage {
  func noted(on view: ImageView, context: SampleContext) -> ImageView { noted(on: view) }
  public func callAsFunction(_ image: Image) -> Image { noted(on: ImageView(image)).rendered() }
  public func callAsFunction(_ image: Image, context: SampleContext) -> Image { self(image) }
}

extension ImageView {
  func noting<T: Transform<Image, Image>>(_ transform: T, context: SampleContext) -> ImageView {
    if let stage = transform as? any ImageStage { return stage.noted(on: self, context: context) }
    return ImageView(transform(rendered(), context: context))
  }
}

extension Chained: ImageStage where First.Input == Image, First.Output == Image, Second.Output == Image {
  func noted(on view: ImageView, context: SampleContext) -> ImageView {
    view.noting(first, context: context).noting(second, context: context)
  }
}

extension Compose: ImageStage where Chain.Input == Image, Chain.Output == Image {
  func noted(on view: ImageView, context: SampleContext) -> ImageView { view.noting(chain, context: context) }
}
