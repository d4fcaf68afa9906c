import NNCore
import NNLayers

extension FormulaNumbers {
  /// Weights for a module: each tensor from its own key. Uniform with variance convGain² · 2 / fan-in for convolutions,
  /// 2 / fan-in for other weights of two and more dimensions, near 1 for scales, near 0 for shifts.
  public static func weights(of module: Module, convGain: Double = 1) -> StateDict {
    var result = StateDict()
    // Of buffers the statistics of batches only: the others say where things lie.
    let fixed = Set(module.namedBuffers().map(\.name).filter { !$0.hasSuffix("running_mean") && !$0.hasSuffix("running_var") })
    for (key, value) in module.stateDict() {
      let name = key.split(separator: ".").last ?? ""
      let shape = value.shape
      if fixed.contains(key) {
        result[key] = value
      } else if shape.count >= 2 {
        let fanIn = Double(shape[1...].reduce(1, *))
        let bound = (shape.count == 4 ? convGain : 1) * (6 / fanIn).squareRoot()
        result[key] = uniform(key, shape, -bound, bound)
      } else if name == "weight" || name == "running_var" {
        result[key] = uniform(key, shape, 0.8, 1.2)
      } else {
        result[key] = uniform(key, shape, -0.1, 0.1)
      }
    }
    return result
  }
}
