import NNCore
import NNFiles
import NNLayers

extension FormulaNumbers {
  /// Weights for a module: each tensor from its own key. Uniform with variance convGain² · 2 / fan-in for convolutions,
  /// 2 / fan-in for other weights of two and more dimensions, near 1 for scales, near 0 for shifts.
  public static func weights(of module: Module, convGain: Double = 1) -> StateDict {
    var result = StateDict()
    // Of buffers the statistics of batches only: the others say where things lie.
    let fixed = Set(
      module.namedBuffers().map(\.name).filter {
        !$0.hasSuffix("running_mean") && !$0.hasSuffix("running_var")
      })
    for (key, own) in module.stateDict() {
      result[key] = fixed.contains(key) ? own : value(of: key, shape: own.shape, convGain: convGain)
    }
    return result
  }

  /// The weight of a key, see `weights(of:convGain:)`.
  public static func value(of key: String, shape: [Int], convGain: Double = 1) -> Tensor {
    if shape.count >= 2 {
      let fanIn = Double(shape[1...].reduce(1, *))
      let bound = (shape.count == 4 ? convGain : 1) * (6 / fanIn).squareRoot()
      return uniform(key, shape, -bound, bound)
    }
    let name = key.split(separator: ".").last ?? ""
    return name == "weight" || name == "running_var"
      ? uniform(key, shape, 0.8, 1.2) : uniform(key, shape, -0.1, 0.1)
  }
}
