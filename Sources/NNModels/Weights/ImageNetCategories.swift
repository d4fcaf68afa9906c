import Foundation
import NNCore

/// Names of the 1000 categories of ImageNet-1k in the order of the official networks' outputs, such as
/// `Samoyed` at 258. They are torchvision's category names.
///
/// Source: https://docs.pytorch.org/vision/stable/models.html (the `categories` of the weights' `meta`)
public let imagenetCategories: [String] = {
  guard let file = Bundle.module.url(forResource: "imagenet_categories", withExtension: "txt"),
    let text = try? String(contentsOf: file, encoding: .utf8)
  else {
    fail("imagenetCategories", "no imagenet_categories.txt in the resources at \(Bundle.module.bundlePath)")
  }
  return text.split(separator: "\n").map(String.init)
}()

/// Number of categories of ImageNet-1k.
let imagenetClassCount = 1000
