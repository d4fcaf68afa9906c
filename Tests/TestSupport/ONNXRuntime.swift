import Foundation
import NNCore

/// ONNX's checker and ONNX Runtime in a Python, if there is one that has them: `python3`, or what the environment
/// variable `NN_PYTHON` names.
package enum ONNXRuntime {
  private static let python = ProcessInfo.processInfo.environment["NN_PYTHON"] ?? "python3"

  package static let isAvailable: Bool = {
    let probe = try? Command([python, "-c", "import numpy, onnx, onnxruntime"])
    let isThere = probe?.status == 0
    if !isThere { print("skipped: \(python) has no onnx and onnxruntime (NN_PYTHON names another)") }
    return isThere
  }()

  /// A model file, and inputs with the outputs that are expected.
  package typealias Model = (path: String, examples: [(input: Tensor, output: Tensor)])

  /// Checks model files, runs them and compares: one line for each failure.
  ///
  /// - Parameter tolerance: of the largest difference, relative to the largest number expected.
  package static func failures(_ models: [Model], tolerance: Double = 1e-4) throws -> [String] {
    for (path, examples) in models {
      for (place, example) in examples.enumerated() {
        try example.input.write(npy: "\(path).\(place).input.npy")
        try example.output.write(npy: "\(path).\(place).output.npy")
      }
    }
    let result = try Command([python, "-c", script, "\(tolerance)"] + models.map(\.path))
    let lines = result.output.split(separator: "\n").map(String.init)
    return result.status == 0 ? lines : lines + ["exit status \(result.status)"]
  }

  private static let script = """
    import os, sys, numpy, onnx, onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    def check(path, tolerance):
        onnx.checker.check_model(path, full_check=True)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        place = 0
        while os.path.exists(f"{path}.{place}.input.npy"):
            x, want = (numpy.load(f"{path}.{place}.{name}.npy") for name in ("input", "output"))
            got = session.run(None, {session.get_inputs()[0].name: x})[0]
            if got.shape != want.shape or got.dtype != want.dtype:
                raise ValueError(f"{got.dtype} {got.shape} for {want.dtype} {want.shape}")
            error = numpy.abs(got - want).max() / max(numpy.abs(want).max(), 1e-30)
            if not error <= tolerance:
                raise ValueError(f"batch {len(x)}: differs by {error:.1e}")
            place += 1
    for path in sys.argv[2:]:
        try:
            check(path, float(sys.argv[1]))
        except Exception as error:
            print(f"{os.path.basename(path)}: {error}".replace("\\n", " "))
    """
}
