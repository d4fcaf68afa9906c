// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "swift-nn",
  products: [
    .library(name: "NNCore", targets: ["NNCore", "NNFiles"]),
    .library(name: "NNCUDA", targets: ["NNCUDA"]),
    .library(name: "NNLayers", targets: ["NNLayers", "NNExport"]),
    .library(name: "NNData", targets: ["NNData"]),
    .library(name: "NNModels", targets: ["NNModels"]),
    .library(name: "NNLightning", targets: ["NNLightning"]),
    .library(name: "NNDistributed", targets: ["NNDistributed"]),
    .executable(name: "nn", targets: ["nn"]),
    .executable(name: "FineTuneExample", targets: ["FineTuneExample"]),
    .executable(name: "TrainFromScratchExample", targets: ["TrainFromScratchExample"]),
    .executable(name: "PretrainExample", targets: ["PretrainExample"]),
    .executable(name: "PredictExample", targets: ["PredictExample"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    // System libraries (Debian packages are listed in the Makefile).
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/System/COpenBLAS",
      providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]),
    .systemLibrary(name: "CArchive", path: "Sources/System/CArchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CCrypto", path: "Sources/System/CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Sources/System/CTurboJPEG", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CPNG", path: "Sources/System/CPNG", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CWebP", path: "Sources/System/CWebP", providers: [.apt(["libwebp-dev"])]),
    .systemLibrary(name: "CGIF", path: "Sources/System/CGIF", providers: [.apt(["libgif-dev"])]),
    .systemLibrary(name: "CTIFF", path: "Sources/System/CTIFF", providers: [.apt(["libtiff-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", providers: [.apt(["zlib1g-dev"])]),
    // For several processes, and only for NNDistributed and what uses it.
    .systemLibrary(
      name: "COpenMPI", path: "Sources/System/COpenMPI", pkgConfig: "ompi-c",
      providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),

    // The library, lowest layer first.
    .target(name: "CThreadState"),
    .target(name: "CNNKernels"),
    .target(name: "NNCore", dependencies: ["COpenBLAS", "CNNKernels", "CThreadState"]),
    .target(name: "NNFiles", dependencies: ["NNCore", "CZlib"]),
    // NVIDIA GPUs; the libraries of a card are opened at run time.
    .target(name: "CCUDAKernels", exclude: ["Kernels"]),
    .target(name: "NNCUDA", dependencies: ["NNCore", "NNFiles", "CCUDAKernels", "CThreadState"]),
    .target(name: "NNLayers", dependencies: ["NNCore", "NNFiles"]),
    .target(name: "NNExport", dependencies: ["NNCore", "NNFiles", "NNLayers"]),
    .target(
      name: "NNData",
      dependencies: [
        "NNCore", "NNFiles", "CNNKernels", "CThreadState", "CArchive", "CCrypto", "CTurboJPEG", "CPNG",
        "CWebP", "CGIF", "CTIFF", "CZlib",
      ]),
    .target(
      name: "NNModels", dependencies: ["NNCore", "NNFiles", "NNLayers", "NNData"],
      resources: [.process("Resources")]),
    .target(
      name: "NNLightning",
      dependencies: [
        "NNCore", "NNFiles", "NNCUDA", "NNLayers", "NNData",
      ]),
    // MPI's macros as functions.
    .target(name: "CMPI", dependencies: ["COpenMPI"]),
    .target(
      name: "NNDistributed", dependencies: ["NNCore", "NNFiles", "NNLayers", "NNData", "NNLightning", "CMPI"]),

    // The command line.
    .executableTarget(
      name: "nn",
      dependencies: [
        "NNCore", "NNFiles", "NNCUDA", "NNLayers", "NNExport", "NNData", "NNModels", "NNLightning",
        "NNDistributed",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ]),

    // One executable per experiment, and what they share.
    .target(
      name: "ExampleSupport",
      dependencies: [
        "NNCore", "NNLayers", "NNData", "NNModels", "NNLightning", "NNDistributed",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Examples/ExampleSupport"),
    .executableTarget(
      name: "FineTuneExample", dependencies: ["ExampleSupport"], path: "Examples/FineTuneExample"),
    .executableTarget(
      name: "TrainFromScratchExample", dependencies: ["ExampleSupport"],
      path: "Examples/TrainFromScratchExample"),
    .executableTarget(
      name: "PretrainExample", dependencies: ["ExampleSupport"], path: "Examples/PretrainExample"),
    .executableTarget(
      name: "PredictExample", dependencies: ["ExampleSupport"], path: "Examples/PredictExample"),

    // Tests.
    .target(name: "CSanitizers", path: "Tests/Sanitizers"),
    // A card of the host: the kernels of CCUDAKernels, compiled as C++.
    .target(
      name: "CCUDAEmulator", path: "Tests/CUDAEmulator",
      cxxSettings: [.headerSearchPath("../../Sources/CCUDAKernels/include"), .headerSearchPath(".")]),
    .target(
      name: "TestSupport",
      dependencies: [
        "NNCore", "NNFiles", "NNCUDA", "NNLayers", "NNData", "NNLightning", "CCUDAEmulator", "CSanitizers",
      ],
      path: "Tests/TestSupport"),
    .testTarget(
      name: "NNCoreTests", dependencies: ["NNCore", "NNFiles", "NNData", "NNLayers", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .executableTarget(name: "CardProbe", dependencies: ["NNCore", "NNCUDA"], path: "Tests/CardProbe"),
    .testTarget(name: "NNCUDATests", dependencies: ["NNCore", "NNCUDA", "NNLayers", "TestSupport"]),
    .testTarget(
      name: "NNFilesTests", dependencies: ["NNCore", "NNFiles", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NNLayersTests",
      dependencies: ["NNCore", "NNFiles", "NNData", "NNLayers", "NNExport", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NNDataTests", dependencies: ["NNFiles", "NNData", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NNModelsTests",
      dependencies: ["NNCore", "NNFiles", "NNLayers", "NNExport", "NNData", "NNModels", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .executableTarget(
      name: "ResumeProbe", dependencies: ["NNCore", "NNLayers", "NNData", "NNLightning", "CSanitizers"],
      path: "Tests/ResumeProbe"),
    // The golden cases on a device of choice, for machines without a Swift compiler.
    .executableTarget(
      name: "DeviceCheck",
      dependencies: [
        "NNCore", "NNCUDA", "TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/DeviceCheck"),
    .executableTarget(
      name: "CIFARProbe", dependencies: ["NNCore", "NNData"], path: "Tests/CIFARProbe"),
    // The readers of the library and the command, fed with broken files.
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "NNCore", "NNFiles", "NNLayers", "NNData", "NNModels", "NNLightning", "NNDistributed", "TestSupport",
        "CZlib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ],
      path: "Tests/Fuzz", exclude: ["Corpus", "nn/Commands", "nn/NNCommand.swift"]),
    .testTarget(
      name: "NNLightningTests",
      dependencies: [
        "NNCore", "NNFiles", "NNCUDA", "NNLayers", "NNExport", "NNData", "NNModels", "NNLightning",
        "TestSupport",
        "ResumeProbe",
      ],
      resources: [.copy("Fixtures")]),
    // A training that mpirun starts.
    .executableTarget(
      name: "ProcessProbe", dependencies: ["NNCore", "NNLayers", "NNData", "NNLightning", "NNDistributed"],
      path: "Tests/ProcessProbe"),
    .testTarget(
      name: "NNDistributedTests",
      dependencies: [
        "NNCore", "NNFiles", "NNLayers", "NNData", "NNLightning", "NNDistributed", "TestSupport",
        "ProcessProbe",
      ]),
    .testTarget(
      name: "ExampleTests",
      dependencies: [
        "NNCore", "NNFiles", "NNCUDA", "NNLayers", "NNData", "NNModels", "NNLightning", "NNDistributed",
        "ExampleSupport", "TestSupport",
        "FineTuneExample", "TrainFromScratchExample", "PretrainExample", "PredictExample", "nn", "Fuzz",
      ],
      resources: [.copy("Fixtures")]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu11,
  cxxLanguageStandard: .cxx17
)

// The plugin behind `make documentation`, which nobody who uses the package fetches: only this variable asks for it.
if Context.environment["NN_DOCUMENTATION"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"))
}

// For Benchmarks/gpu/pack.sh: the workloads beside all other programs, in one build instead of two.
if Context.environment["NN_WORKLOADS"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Workloads",
      dependencies: [
        "NNCore", "NNCUDA", "NNLayers", "NNData", "NNModels", "NNLightning",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Sources/Workloads"))
}
