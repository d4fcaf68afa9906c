import Foundation
import NNCore
import NNData
import NNLightning

extension Reader {
  /// Texts: tables, configurations, and descriptions in JSON.
  static func tables(_ scratch: Scratch) throws -> [Reader] {
    let cells = words(
      "\"", "\"\"", ",", ";", "\t", "\r\n", "\r", "\n", "\u{feff}", "file", "label", "split", "train", "test",
      "unused",
      "/\u{301}", "../", "\u{0}", ".jpg")
    let table =
      "filename,label,split\ncats/1.jpg,cat,train\n\"a, b.jpg\",dog,test\n\"x\"\"y.jpg\",dog,validation\n"
    let settings = YAMLSeeds.all
    for name in ["1.jpg", "2.png"] { _ = try scratch.write([0xFF], name) }
    return [
      Reader(
        name: "labels", layout: .text, tokens: cells,
        seeds: words(
          table, "id;class\r\n1;cat\r\n2;dog\r\n", "1.jpg\tcat\n2.png\tdog\n", "\u{feff}file,label\n1.jpg,a\n"
        )
      ) { input, scratch in
        let path = try scratch.write(input, "labels.csv")
        _ = try LabelTable(contentsOf: path, root: input.count % 2 == 0 ? nil : scratch.folder)
      },
      Reader(
        name: "split", layout: .text, tokens: cells,
        seeds: words(
          "file,label,split\na.jpg,cat,train\nb.jpg,dog,validation\nc.jpg,cat,test\nd.jpg,dog,unused\n")
      ) { input, scratch in _ = try SplitFiles(kept: scratch.write(input, "split.csv")) },
      Reader(
        name: "yaml", layout: .text,
        tokens: words(
          "&a ", "*a", "<<: ", "? ", "- ", "| ", "> ", "!!int ", "!!binary ", "---\n", "...\n", "%YAML 1.2\n",
          "{", "}",
          "[", "]", "'", "\"", "\\x00", "~", "null", ".nan", ".inf", "-.inf", "1e400", "0x7fffffffffffffff",
          "0o17",
          "1_000", "true", "\u{85}", "\u{2028}", "\t", "# ", "head:5,last:3,all:2@0.0005"),
        seeds: settings
      ) { input, scratch in
        let path = try scratch.write(input, "config.yaml")
        let configuration = try RunConfiguration(contentsOf: path)
        _ = RunConfiguration.history(of: path)
        _ = try? configuration.changes(from: RunConfiguration())
        try attemptAll({ _ = try configuration.phasePlan() }, { try configuration.check() })
      },
      Reader(
        name: "features", layout: .text,
        tokens: words("\"rows\"", "-1", "1e400", "null", "{", "}", "\\u0000"),
        seeds: words(
          #"{"dataset":"A","format":"swift-nn features 1","layer":"b","libraryVersion":"1","rowBytes":4,"rows":2}"#
        )
      ) { input, scratch in
        try scratch.makeFolder("\(scratch.folder)/features/0123")
        _ = try scratch.write(input, "features/0123/features.json")
        for entry in try FeatureCacheFolder("\(scratch.folder)/features").entries() { _ = entry.rows }
      },
    ]
  }
}

/// Configurations as the command writes them.
private enum YAMLSeeds {
  static var all: [[UInt8]] {
    words(
      "dataset: folder\nroot: photos\narch: resnet18\nimageSize: 64\nepochs: 3\nbatchSize: 8\nlearningRate: 0.05\n",
      #"{"dataset": "cifar10", "optimizer": "adamw", "seed": 7, "clipNorm": 1.5, "normalize": true}"#,
      "pretrained: true\nhead: batchnorm\nphases: head:5,last:3,all:2\nschedule: constant\nepochs: 10\nimageSize: 224\n",
      "ema: 0.999\npatience: 5\nworkers: 2\nthreads: 4\nlimitTrain: 100\naccumulate: 4\n# changed: epochs\n")
  }
}
