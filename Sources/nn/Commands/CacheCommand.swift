import ArgumentParser
import Foundation
import NNLightning

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "Lists and deletes kept results of frozen layers (--cache FOLDER).",
    subcommands: [List.self, Clear.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists what is kept, used last first.")

    @Argument(help: "The folder.")
    var folder = "features"

    func run() throws {
      let entries = try CacheCommand.entries(folder)
      let rows = entries.map { entry in
        [
          entry.layer, entry.dataset, "\(entry.rows)", byteCountText(entry.size),
          entry.lastUsed.formatted(.iso8601.dateSeparator(.dash).dateTimeSeparator(.space)),
        ]
      }
      print(textTable(["layer", "data set", "rows", "size", "last used"], rows, rightAligned: [2, 3]))
      print("\(entries.count) entries, \(byteCountText(entries.reduce(0) { $0 + $1.size }))")
    }
  }

  struct Clear: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Deletes what is kept; other files in the folder stay.")

    @Argument(help: "The folder.")
    var folder = "features"
    @Option(help: "Delete only what was not used for so many days.")
    var olderThan: Double?

    func validate() throws {
      if let olderThan, !(olderThan >= 0) {
        throw ValidationError("--older-than: expected a number of at least 0, found \(olderThan)")
      }
    }

    func run() throws {
      let cache = FeatureCacheFolder(folder)
      let latest = Date(timeIntervalSinceNow: -(olderThan ?? 0) * 86_400)
      let old = try CacheCommand.entries(folder).filter { olderThan == nil || $0.lastUsed < latest }
      for entry in old { try cache.remove(entry) }
      print("Deleted \(old.count) entries, \(byteCountText(old.reduce(0) { $0 + $1.size }))")
    }
  }

  private static func entries(_ folder: String) throws -> [FeatureCacheFolder.Entry] {
    guard FileManager.default.fileExists(atPath: folder) else {
      throw CommandError("\(folder): expected a folder of cached features, found none")
    }
    return try FeatureCacheFolder(folder).entries()
  }
}
