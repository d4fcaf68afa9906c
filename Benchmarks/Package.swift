// swift-tools-version: 6.0
import PackageDescription

// A package of its own, so that what benchmarks need never becomes a user's need.
let package = Package(
  name: "swift-nn-benchmarks",
  dependencies: [
    .package(name: "swift-nn", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    .executableTarget(
      name: "Workloads",
      dependencies: [
        .product(name: "NNCore", package: "swift-nn"),
        .product(name: "NNCUDA", package: "swift-nn"),
        .product(name: "NNLayers", package: "swift-nn"),
        .product(name: "NNData", package: "swift-nn"),
        .product(name: "NNModels", package: "swift-nn"),
        .product(name: "NNLightning", package: "swift-nn"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "ProcessSteps",
      dependencies: [
        .product(name: "NNCore", package: "swift-nn"),
        .product(name: "NNLayers", package: "swift-nn"),
        .product(name: "NNModels", package: "swift-nn"),
        .product(name: "NNLightning", package: "swift-nn"),
        .product(name: "NNDistributed", package: "swift-nn"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "Convolutions",
      dependencies: [
        .product(name: "NNCore", package: "swift-nn"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "Exports",
      dependencies: [
        .product(name: "NNCore", package: "swift-nn"),
        .product(name: "NNLayers", package: "swift-nn"),
        .product(name: "NNModels", package: "swift-nn"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
