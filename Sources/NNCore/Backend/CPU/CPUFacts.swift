import COpenBLAS
import Foundation

/// What computes on the processor, for reports.
package enum CPUFacts {
  /// The model as the system names it; its architecture where it does not.
  package static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("model name") {
      if let name = line.split(separator: ":", maxSplits: 1).last {
        return printable(name.trimmingCharacters(in: .whitespaces))
      }
    }
    #if arch(x86_64)
      return "x86-64"
    #elseif arch(arm64)
      return "arm64"
    #else
      return "unknown"
    #endif
  }

  /// Which of the library's kernels are used.
  package static var kernels: String { "\(KernelPath.current)" }

  /// Version and kernels of OpenBLAS, such as `OpenBLAS 0.3.26 … SkylakeX`.
  package static var openBLAS: String {
    guard let text = openblas_get_config() else { return "unknown" }
    return printable(String(cString: text).trimmingCharacters(in: .whitespaces))
  }
}
