import Foundation
import NNCore
import NNData
import Testing

struct SyntheticShapesTests {
  /// The bits never change: pretrained weights and published accuracies belong to them.
  @Test(arguments: [
    (SyntheticShapes.Family.target, true, "4a2fda5d55abc5e968245ce6852b6ecd617bfd78c7fc2e5730d49b42b4d0054c"),
    (.target, false, "fc264e568dd79bda8d585a5be96871dbe343d6d32b5b1d159b834214b0cddf11"),
    (.pretraining, true, "d812a36f875ac1e49a66664b4c9ce690e4f8ed1898c3de8c75703bc919082ea6"),
    (.pretraining, false, "2898fcf4d2905e637a15f603ba53598bd3a2f9bd0149312f9758c4c79a80d981"),
  ])
  func drawsTheSameImagesEverywhere(_ family: SyntheticShapes.Family, _ train: Bool, _ digest: String) throws
  {
    let set = SyntheticShapes(family, train: train, count: 60)
    let found = try set.data.withElements(of: UInt8.self) { try sha256(UnsafeRawBufferPointer($0)) }
    #expect(found == digest)
  }

  @Test func anImageDependsOnItsIndexAlone() {
    let few = SyntheticShapes(count: 20)
    let many = SyntheticShapes(count: 50)
    #expect(few.data.array(of: UInt8.self) == many.data[0..<20].array(of: UInt8.self))
    #expect(few.data.array(of: UInt8.self) != SyntheticShapes(count: 20, seed: 1).data.array(of: UInt8.self))
    let images = Set((0..<50).map { many.image(at: $0) })
    let test = SyntheticShapes(train: false, count: 50)
    #expect(images.union((0..<50).map { test.image(at: $0) }).count == 100)
    #expect(SyntheticShapes(count: 0).count == 0)
  }

  @Test func classesAreBalancedNamedAndApart() {
    let target = SyntheticShapes(count: 100)
    let other = SyntheticShapes(.pretraining, count: 100)
    #expect(target.classes.count == 10 && other.classes.count == 20)
    #expect(Set(target.classes).union(other.classes).count == 30)
    for (set, each) in [(target, 10), (other, 5)] {
      for label in set.classes.indices { #expect(set.targets.filter { $0 == label }.count == each) }
    }
    #expect(target[0].input.shape == [3, 32, 32] && target[13].target.item() == 3)
  }

  /// Nearest class mean, a linear classifier: far below what the set is made for.
  @Test func pixelsAloneSayLittle() {
    let train = SyntheticShapes(count: 1000)
    let test = SyntheticShapes(train: false, count: 300)
    let pixels = train.data.reshape([100, 10, 3072]).to(.float32)
    let means = pixels.mean(0)
    let x = test.data.reshape([300, 1, 3072]).to(.float32)
    let distances = (x - means.unsqueeze(0)).square().sum(2)
    let answers = distances.argmin(1).array(of: Int.self)
    let right = zip(answers, test.targets).filter { $0 == $1 }.count
    #expect(right < 120)
  }
}
