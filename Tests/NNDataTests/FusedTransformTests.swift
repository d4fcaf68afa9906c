import Foundation
import NNCore
import NNData
import Testing

/// Chains that are computed in one go give the bits of their stages one by one, on every kernel path.
struct FusedTransformTests {
  private func image(_ width: Int, _ height: Int, _ channels: Int, _ seed: Int = 0) -> Image {
    let generator = Generator(seed: seed)
    return Image(
      width: width, height: height, channels: channels,
      pixels: (0..<width * height * channels).map { _ in UInt8(generator.randint(0, 256)) })
  }

  /// A stage that cannot be fused.
  private struct Negative: DeterministicTransform {
    func callAsFunction(_ input: Image) -> Image { input.inverted() }
    var description: String { "Negative()" }
  }

  /// Stages one by one, which share the context as those of a chain do.
  private func stepByStep(
    _ image: Image, _ stages: [any Transform<Image, Image>], _ context: SampleContext
  ) -> Tensor {
    var result = image
    for stage in stages { result = stage(result, context: context) }
    return ToTensor()(result)
  }

  @Test(arguments: InterpolationMode.allCases)
  func resizingToTensor(_ mode: InterpolationMode) {
    for (size, target) in [
      ((32, 32), (224, 224)), ((50, 40), (13, 37)), ((7, 90), (7, 31)), ((90, 7), (33, 7)), ((5, 5), (5, 5)),
    ] {
      for channels in [1, 3, 4] {
        let source = image(size.0, size.1, channels)
        let resize = Resize(target.0, target.1, interpolation: mode)
        let fused = Compose {
          resize
          ToTensor()
        }
        let got = fused(source)
        #expect(got.shape == [channels, target.0, target.1])
        #expect(got.array(of: Float.self) == ToTensor()(resize(source)).array(of: Float.self))
      }
    }
  }

  @Test func normalizing() {
    let source = image(41, 29, 3)
    for (mean, std) in [
      ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
      ([0, 3, -1e-7], [1e-3, 7, 1e20]), ([0.1, 0.2, 0.3], [2e-38, 0.123456, 1.7]),
    ] as [([Float], [Float])] {
      let normalize = Normalize(mean: mean, std: std)
      let fused = Compose {
        Resize(60, 53)
        ToTensor()
        normalize
      }
      let wanted = normalize(ToTensor()(Resize(60, 53)(source)))
      let (a, b) = (fused(source).array(of: Float.self), wanted.array(of: Float.self))
      #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(mean) \(std)")
    }
  }

  @Test func chainsOfGeometry() {
    let flip = RandomHorizontalFlip(p: 1)
    let (crop, wide, padded) = (RandomCrop(20), RandomCrop(31, 40), RandomCrop(32, padding: 4))
    let (piece, maybe) = (RandomResizedCrop(24), RandomHorizontalFlip())
    let jitter = ColorJitter(brightness: 0.5)
    let cases: [(any Transform<Image, Tensor>, [any Transform<Image, Image>])] = [
      (
        Compose {
          Resize(40); CenterCrop(32); ToTensor()
        }, [Resize(40), CenterCrop(32)]
      ),
      (
        Compose {
          CenterCrop(20); Resize(33, 27); ToTensor()
        }, [CenterCrop(20), Resize(33, 27)]
      ),
      (
        Compose {
          CenterCrop(60); ToTensor()
        }, [CenterCrop(60)]
      ),
      (
        Compose {
          piece; maybe; ToTensor()
        }, [piece, maybe]
      ),
      (
        Compose {
          flip; crop; piece; ToTensor()
        }, [flip, crop, piece]
      ),
      (
        Compose {
          flip; CenterCrop(21, 9); maybe; ToTensor()
        }, [flip, CenterCrop(21, 9), maybe]
      ),
      (
        Compose {
          Resize(48); flip; wide; ToTensor()
        }, [Resize(48), flip, wide]
      ),
      (
        Compose {
          Resize(48); crop; Resize(16); ToTensor()
        }, [Resize(48), crop, Resize(16)]
      ),
      (
        Compose {
          padded; maybe; ToTensor()
        }, [padded, maybe]
      ),
      (
        Compose {
          Compose {
            Resize(48); crop
          }; flip; ToTensor()
        }, [Resize(48), crop, flip]
      ),
      (
        Compose {
          Negative(); Resize(12); RandomVerticalFlip(); jitter; CenterCrop(9); ToTensor()
        },
        [Negative(), Resize(12), RandomVerticalFlip(), jitter, CenterCrop(9)]
      ),
    ]
    for (number, (fused, stages)) in cases.enumerated() {
      for index in 0..<8 {
        let source = image(37, 45, 3, index)
        let wanted = stepByStep(source, stages, SampleContext(seed: 3, index: index))
        let got = fused(source, context: SampleContext(seed: 3, index: index))
        #expect(got.shape == wanted.shape, "chain \(number)")
        #expect(got.array(of: Float.self) == wanted.array(of: Float.self), "chain \(number), image \(index)")
      }
    }
  }

  /// Batches that are written in place are what their elements make one by one.
  @Test(arguments: [0, 2])
  func batches(workers: Int) throws {
    var set = SyntheticShapes(count: 23)
    let transforms: [any Transform<Image, Tensor>] = [
      ToTensor(),
      Compose {
        RandomCrop(32, padding: 4); RandomHorizontalFlip(); ToTensor(); Normalize.imageNet
      },
      Compose {
        Resize(48); CenterCrop(40); ToTensor(); Normalize.imageNet; RandomErasing(p: 0.7)
      },
      Compose {
        ToTensor(); Lambda("sum") { (x: Tensor) in x.sum() }
      },
      Compose {
        ToTensor(); Lambda("wide") { (x: Tensor) in x.to(.float64) }
      },
    ]
    for transform in transforms {
      set.transform = transform
      let part = Subset(set, indices: (0..<23).reversed())
      func run(_ loader: DataLoader<Sample>) throws -> [Sample] {
        var all: [Sample] = []
        try loader.forEach { all.append($0) }
        return all
      }
      let fast = try run(
        DataLoader(part, batchSize: 8, shuffle: true, workers: workers, generator: Generator(seed: 1)))
      let slow = try run(
        DataLoader(part, batchSize: 8, shuffle: true, generator: Generator(seed: 1)) {
          try Sample.collate($0)
        })
      #expect(fast.count == 3)
      for (a, b) in zip(fast, slow) {
        #expect(a.input.shape == b.input.shape && a.input.dtype == b.input.dtype)
        #expect(a.input.array(of: Double.self) == b.input.array(of: Double.self))
        #expect(a.target.array(of: Int.self) == b.target.array(of: Int.self))
      }
    }
  }

  @Test func rejectedChannels() async {
    await #expect(processExitsWith: .failure) {
      _ = Compose {
        ToTensor(); Normalize.imageNet
      }(Image(width: 2, height: 2, channels: 1, color: [0]))
    }
  }
}
