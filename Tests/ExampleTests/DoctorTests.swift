import Foundation
import NNCUDA
import NNCore
import TestSupport
import Testing

/// `nn doctor`, and what the commands compute on.
@Suite struct DoctorTests {
  private func nn(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Command {
    try Command([product("nn")] + arguments, environment: environment)
  }

  @Test func saysWhatThereIs() throws {
    try withTemporaryFolder { folder in
      let weights = folder.path + "/weights"
      try FileManager.default.createDirectory(atPath: weights, withIntermediateDirectories: true)
      try Data(count: 20_000).write(to: URL(fileURLWithPath: weights + "/a.pth"))
      let doctor = try nn(
        ["doctor", "--root", folder.path + "/nowhere", "--features", weights],
        [
          "NN_THREADS": "2", "NN_HUB_DIR": weights, "NN_HUB_MIRROR": "https://me:secret@example.org/x",
          "NN_CUDA_CACHE": folder.path + "/kernels",
        ])
      #expect(doctor.status == 0, "\(doctor.output)")
      let lines = doctor.output.split(separator: "\n").map(String.init)
      func line(_ name: String) throws -> String { try #require(lines.first { $0.hasPrefix(name + " ") }) }
      #expect(try line("swift-nn").hasSuffix(libraryVersion))
      #expect(try line("Threads").hasSuffix(" 2"))
      #expect(try line("Kernels").split(separator: " ").count == 2)
      #expect(try line("BLAS").contains("OpenBLAS"))
      #expect(try line("Weights").hasSuffix("\(weights): 1 file, 20 kB"))
      #expect(try line("Features").hasSuffix("\(weights): 1 file, 20 kB"))
      #expect(try line("Data").hasSuffix("nowhere: not there"))
      #expect(try line("GPU kernels").hasSuffix("kernels: not there"))
      #expect(doctor.output.contains("NN_HUB_MIRROR=https://…@example.org/x"))
      #expect(!doctor.output.contains("secret"))
      #expect(lines.count < 40)
      guard let problem = CUDA.problem else { return }
      #expect(try line("GPU").hasSuffix("none can be used: \(problem)"))
      for library in CUDA.status.libraries where library.path == nil {
        #expect(doctor.output.contains("\(library.name.rawValue) is missing: \(library.name.remedy)"))
      }
    }
  }

  @Test(arguments: [
    ["train", "--fast-dev-run"], ["finetune", "--dataset", "shapes", "--fast-dev-run"],
    ["bench", "shapesnet"],
  ])
  func aMissingGPUIsAnErrorOfOneLine(_ arguments: [String]) throws {
    guard let problem = CUDA.problem else { return }
    for option in [["--device", "gpu"], ["--gpus", "1"]] {
      let refused = try nn(arguments + option)
      #expect(refused.status == 1)
      #expect(
        refused.output == "Error: Trainer: expected the accelerator gpu, found none: \(problem)\n",
        "\(refused.output)")
    }
  }

  @Test func gpusIsUnderstood() throws {
    let bench = ["bench", "shapesnet", "--image-size", "32", "--batch-size", "2", "--repeats", "1"]
    for option in [["--gpus", "0"], ["--device", "cpu"]] {
      let run = try nn(bench + option)
      #expect(run.status == 0 && run.output.contains(" threads"), "\(run.output)")
    }
    for command in [["nn", "train"], ["nn", "test", "x"], ["TrainFromScratchExample"]] {
      let refused = try Command([product(command[0])] + command.dropFirst() + ["--gpus", "2"])
      #expect(refused.status == 64)
      #expect(
        refused.output.contains("--gpus: expected 0 or 1, as a process computes on one GPU, found 2"),
        "\(refused.output)")
    }
  }

  @Test func theDeviceIsPartOfTheConfiguration() throws {
    try withTemporaryFolder { folder in
      let run = folder.path + "/run"
      let trained = try nn([
        "train", "--limit-train", "64", "--epochs", "1", "--output", run, "--gpus", "0",
      ])
      try #require(trained.status == 0, "\(trained.output)")
      let text = try String(contentsOfFile: run + "/config.yaml", encoding: .utf8)
      #expect(text.contains("\ndevice: cpu\n"))
    }
  }
}
