import NNCore

/// Weights of classes that make each count the same, however many images it has: the number of all images, divided by the
/// number of classes and that of the class; as scikit-learn's `class_weight="balanced"`. A class without images has 0.
///
///     let weights = balancedClassWeights(dataset.targets, classes: dataset.classes.count)
///     let loss = crossEntropy(scores, target, weight: Tensor(weights.map(Float.init)))
///
/// - Parameter targets: classes of the images, in 0..<classes.
public func balancedClassWeights(_ targets: [Int], classes: Int) -> [Double] {
  let counts = targets.reduce(into: Array(repeating: 0, count: classes)) { $0[$1] += 1 }
  return counts.map { $0 == 0 ? 0 : Double(targets.count) / Double(classes * $0) }
}

extension VisionDataset {
  /// So many images of each class, drawn at random; all of a class that has fewer.
  ///
  ///     let few = dataset.fewShot(5, generator: Generator(seed: 0))
  public func fewShot(_ perClass: Int, generator: Generator = .default) -> Subset<Self> {
    require(perClass >= 1, "fewShot", "expected at least one image per class, got \(perClass)")
    return Subset(self, indices: firstOfEachClass(generator.randperm(count), perClass, targets: targets))
  }
}

/// The first so many indices of each class, in their order.
package func firstOfEachClass(_ indices: [Int], _ perClass: Int, targets: [Int]) -> [Int] {
  var taken: [Int: Int] = [:]
  return indices.filter { index in
    taken[targets[index], default: 0] += 1
    return taken[targets[index], default: 0] <= perClass
  }
}

/// Cuts images into parts of equal size at random, each with its share of every class; as scikit-learn's
/// `StratifiedKFold`. Sizes differ by one at most, and so do the numbers of each class.
///
///     for fold in stratifiedFolds(dataset.targets, count: 5, generator: Generator(seed: 0)) {
///       let test = Subset(dataset, indices: fold)
///     }
///
/// - Parameter targets: class of each index, from 0.
public func stratifiedFolds(_ targets: [Int], count: Int, generator: Generator = .default) -> [[Int]] {
  require(count >= 2, "stratifiedFolds", "needs at least 2 parts, got \(count)")
  var classes: [[Int]] = Array(repeating: [], count: (targets.max() ?? -1) + 1)
  for index in generator.randperm(targets.count) { classes[targets[index]].append(index) }
  var folds: [[Int]] = Array(repeating: [], count: count)
  // Dealt out class by class without a gap, so that what is left of one goes on with the next.
  for (place, index) in classes.joined().enumerated() { folds[place % count].append(index) }
  return folds
}
