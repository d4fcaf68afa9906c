import Foundation
import Glibc
import NNCore

/// Where NVIDIA's libraries may be: named folders, the loader's path, toolkits, and the folders of Python's wheels.
struct LibrarySearch: Sendable {
  /// Stands in a report for what the loader knows: LD_LIBRARY_PATH, its cache, the system's folders.
  static let loader = "the loader's path"

  /// Folders in `NN_CUDA_LIBRARIES`: they come first.
  let named: [String]
  /// Folders after the loader's.
  let others: [String]

  /// - Parameters:
  ///   - environment: The variables of the process.
  ///   - root: What comes before absolute folders of the system, for tests.
  init(environment: [String: String], root: String = "") {
    func folders(_ name: String) -> [String] {
      (environment[name] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    }
    named = folders("NN_CUDA_LIBRARIES")

    let toolkits =
      folders("CUDA_HOME").map { $0 + "/lib64" } + folders("CUDA_PATH").map { $0 + "/lib64" }
      + Self.matches(root + "/usr/local/cuda*/lib64")
      + [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib",
        "/opt/cuda/lib64",
      ]
      .map { root + $0 }

    // A virtual environment's python3 is a link: packages are beside the link, or beside what it leads to.
    let pythons = folders("PATH").map { $0 + "/python3" }.filter { access($0, X_OK) == 0 }
    let prefixes =
      folders("VIRTUAL_ENV") + folders("CONDA_PREFIX")
      + pythons.flatMap { python in
        [python, URL(fileURLWithPath: python).resolvingSymlinksInPath().path].map {
          URL(fileURLWithPath: $0).deletingLastPathComponent().deletingLastPathComponent().path
        }
      } + folders("HOME").map { $0 + "/.local" } + Self.matches(root + "/opt/*/.venv")
      + Self.matches(root + "/opt/*")
    let packages =
      prefixes.flatMap {
        Self.matches($0 + "/lib/python3*/site-packages") + Self.matches($0 + "/lib/python3*/dist-packages")
      } + [root + "/usr/lib/python3/dist-packages"]
    let wheels = packages.flatMap { Self.matches($0 + "/nvidia/*/lib") }

    var seen = Set(named)
    others = (toolkits + wheels).filter { seen.insert($0).inserted && Self.isFolder($0) }
  }

  /// Paths to try for one file, in order: a bare name asks the loader.
  func candidates(_ file: String) -> [String] {
    named.map { "\($0)/\(file)" } + [file] + others.map { "\($0)/\(file)" }
  }

  /// For a report.
  var places: [String] { named + [Self.loader] + others }

  /// The first of the files that can be opened.
  ///
  /// - Parameter fileNames: Names of the library's file, the best one first.
  func open(_ fileNames: [String]) -> (library: DynamicLibrary?, searched: [String]) {
    var searched = places
    for file in fileNames {
      for path in candidates(file) where !path.hasPrefix("/") || access(path, R_OK) == 0 {
        // What one library needs of another one is found among those that are loaded already, by its name.
        if let handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL) {
          return (DynamicLibrary(handle: handle, path: path), searched)
        }
        if path.hasPrefix("/") {
          searched.append("\(path) (\(dlerror().map { String(cString: $0) } ?? "no reason given"))")
        }
      }
    }
    return (nil, searched)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Paths that a pattern of the shell matches, in the order of their names.
  private static func matches(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }
}
