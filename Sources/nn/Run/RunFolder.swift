import Foundation
import NNCore

/// The files that a run leaves in its folder.
struct RunFolder {
  let path: String

  /// A path that ends in a slash names the same folder.
  init(_ path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  var config: String { path + "/config.yaml" }
  /// Which file is in which part of the split, and of which class.
  var split: String { path + "/split.csv" }
  var model: String { path + "/model.safetensors" }
  var best: String { path + "/best.safetensors" }
  var last: String { path + "/last.safetensors" }
  var log: String { path + "/log.csv" }
  var tensorBoard: String { path + "/tensorboard" }
  var report: String { path + "/report.html" }
  var searchTable: String { path + "/search.csv" }
  var folds: String { path + "/folds.csv" }
  var searchPlot: String { path + "/search.svg" }

  /// Whether a run was begun in it.
  var holdsRun: Bool { [config, last, model].contains(where: FileManager.default.fileExists) }

  /// Refuses a folder with a run in it: what a run computed is not overwritten.
  func checkIsFree() throws {
    guard holdsRun else { return }
    let free = (2...).lazy.map { "\(path)-\($0)" }.first { !FileManager.default.fileExists(atPath: $0) }
    throw CommandError(
      "\(printable(path)): expected a folder without a run, found one; go on with it by --resume, or take another "
        + "name, such as --output \(printable(free ?? path + "-2"))")
  }
}
