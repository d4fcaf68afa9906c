import Foundation
import NNCore
import TestSupport
import Testing

/// Configuration files from strangers, and those of a run that goes on.
@Suite struct ConfigurationFileTests {
  private func train(_ text: String, _ folder: URL) throws -> Command {
    let path = folder.path + "/c.yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try nn(["train", "--config", path, "--output", folder.path + "/run"])
  }

  /// Nine lists of nine aliases each unfold to 9^9 items.
  private static let bomb =
    (["a: &a [x, x]"]
    + zip("bcdefghij", "abcdefghi").map {
      "\($0): &\($0) [\(Array(repeating: "*\($1)", count: 9).joined(separator: ", "))]"
    })
    .joined(separator: "\n")

  @Test(arguments: [
    ("aliases", bomb, "expected settings without anchors and aliases"),
    (
      "aliases in quotes",
      "{a: 'b, ' : 1, c: [" + Array(repeating: "*a", count: 20).joined(separator: ",") + "]}", "expected"
    ),
    ("complex key", "? a: b", "expected the name of a setting, found a list or more settings"),
    ("list", "epochs: [1, 2]", "epochs: expected one value"),
    ("settings in settings", "epochs:\n  of: 3", "epochs: expected one value"),
    ("a line in a phase", "phases: \"head:5,\\e[2J\\nall:2\"", #"found "\u{1B}[2J\nall:2""#),
    ("a list alone", "- epochs", "expected settings of the form"),
    ("depth", String(repeating: "[", count: 5_000), "expected"),
    ("size", "# " + String(repeating: "x", count: 70_000), "expected a configuration of at most 65536 bytes"),
    ("a word", "epochs: twelve", "epochs: expected a whole number, found twelve"),
    ("nothing", "epochs:", "epochs: expected a whole number, found "),
    (
      "a choice", "optimizer: rprop",
      "optimizer: expected sgd, adam, adamw, lion, lamb, adafactor or muon, found rprop"
    ),
    ("no folder", "cache: \"\"", "cache: expected memory, off or a folder, found "),
    ("no flag", "freeze: perhaps", "freeze: expected true or false, found perhaps"),
    ("share", "validationShare: 1", "validationShare: expected a number between 0 and 1, found 1.0"),
    ("range", "batchSize: 9223372036854775807", "batchSize: expected a number in 1...1000000"),
    ("escape sequence", "\"\\e[2Jx\": 1", "expected a known setting, found \"\\u{1B}[2Jx\""),
  ])
  func hostileFilesAreRefusedInOneLine(name: String, text: String, message: String) throws {
    try withTemporaryFolder { folder in
      let refused = try train(text, folder)
      #expect(refused.status == 1 && refused.output.contains(message), "\(name): \(refused.output)")
      #expect(refused.output.split(separator: "\n").count == 1, "\(name): \(refused.output)")
      #expect(!refused.output.contains("\u{1b}"))
    }
  }

  /// Every option sets what its name says, and is checked as a file is.
  @Test(arguments: [
    ("validation-share", "1", "a number between 0 and 1, found 1.0"),
    ("image-size", "0", "a number in 1...10000, found 0"),
    ("limit-train", "0", "a number in 1...2147483647, found 0"),
    ("epochs", "0", "a number in 1...1000000, found 0"),
    ("batch-size", "1000001", "a number in 1...1000000, found 1000001"),
    ("learning-rate", "inf", "a number above 0, found inf"),
    ("momentum", "1", "a number in 0..<1, found 1.0"),
    ("weight-decay", "-1", "a number of at least 0, found -1.0"),
    ("accumulate", "0", "a number in 1...1000000, found 0"),
    ("clip-norm", "0", "a number above 0, found 0.0"),
    ("ema", "nan", "a number in 0..<1, found nan"), ("patience", "-1", "a number in 0...1000000, found -1"),
    ("seed", "-1", "a number in 0...9223372036854775807, found -1"),
    ("workers", "1025", "a number in 0...1024, found 1025"),
    ("threads", "0", "a number in 1...1024, found 0"),
    ("labels", "t.csv --dataset=shapes", "the data set folder, found shapes"),
  ])
  func optionsAreChecked(option: String, value: String, message: String) throws {
    let words = option.split(separator: "-")
    let name = words[0] + words.dropFirst().map(\.capitalized).joined()
    let refused = try nn(["train"] + "--\(option)=\(value)".split(separator: " ").map(String.init))
    #expect(
      refused.status == 1 && refused.output == "Error: \(name): expected \(message)\n", "\(refused.output)")
  }

  @Test(arguments: [
    ("epochs", "x", "The value 'x' is invalid for '--epochs <epochs>'"),
    ("schedule", "step", "Please provide one of 'constant', 'cosine', 'warmupcosine' or 'onecycle'"),
    ("dataset", "imagenette", "Please provide one of the following"),
    ("phases", "head:1", "Unknown option '--phases'"),
  ])
  func otherWordsAreRefused(option: String, value: String, message: String) throws {
    let refused = try nn(["train", "--\(option)", value])
    #expect(refused.status == 64 && refused.output.contains(message), "\(refused.output)")
  }

  /// The help tells what each command does where nothing is given.
  @Test func helpTellsTheUsualValues() throws {
    func help(_ command: String) throws -> [String] {
      let text = try nn(["help", command]).output.split(separator: "\n").map { $0.split(separator: " ") }
      return text.map { $0.joined(separator: " ") }.joined(separator: " ").components(separatedBy: " --")
    }
    let (train, finetune) = (try help("train"), try help("finetune"))
    #expect(train.contains("epochs <epochs> Number of epochs. (default: 12)"), "\(train)")
    #expect(finetune.contains("epochs <epochs> Number of epochs. (default: 10)"), "\(finetune)")
    #expect(
      train.contains { $0.hasPrefix("schedule <schedule> Schedule of the learning rate: constant, cosine (") }
    )
    #expect(
      train.contains { $0.hasSuffix("(values: constant, cosine, warmupcosine, onecycle; default: onecycle)") }
    )
    #expect(train.contains("freeze/--no-freeze Train the last layer alone. (default: no)"))
    #expect(train.contains { $0.hasPrefix("prefix <prefix> What is dropped from the keys") })
    #expect(
      finetune.contains { $0.hasPrefix("phases <phases>") } && !train.contains { $0.hasPrefix("phases <") })
  }

  /// What a name like "R &D" looks like in a file that was written here.
  @Test func ampersandsInNamesAreNoAliases() throws {
    try withTemporaryFolder { folder in
      let data = ImageFolders(folder, "R &D *new*")
      try data.write(["a", "b"])
      let run = folder.path + "/run"
      let trained = try nn([
        "train", "--dataset", "folder", "--root", data.path, "--output", run, "--arch", "shapesnet",
        "--image-size", "32", "--epochs", "1",
      ])
      #expect(trained.status == 0, "\(trained.output)")
      #expect(try nn(["test", run]).status == 0)
    }
  }

  /// Settings that decide what was computed cannot change; the others are told, and the file remembers.
  @Test func aResumedRunTellsWhatChanged() throws {
    try withTemporaryFolder { folder in
      let run = folder.path + "/run"
      let first = try nn([
        "train", "--output", run, "--limit-train", "64", "--batch-size", "32", "--epochs", "1", "--schedule",
        "constant",
      ])
      try #require(first.status == 0, "\(first.output)")
      for (option, value, message) in [
        ("--learning-rate", "0.5", "learningRate: expected 0.1, with which the run began, found 0.5"),
        ("--batch-size", "16", "batchSize: expected 32"), ("--seed", "4", "seed: expected 0"),
      ] {
        let refused = try nn(["train", "--resume", "--output", run, option, value])
        #expect(refused.status == 1 && refused.output.contains(message), "\(refused.output)")
      }
      let resumed = try nn(["train", "--resume", "--output", run + "/", "--epochs", "2"])
      #expect(
        resumed.status == 0 && resumed.output.contains("Changed since the run began: epochs: 1 -> 2"),
        "\(resumed.output)")
      let config = try String(contentsOfFile: run + "/config.yaml", encoding: .utf8)
      #expect(config.contains("epochs: 2\n") && config.contains(" with epochs: 1 -> 2"), "\(config)")
      let again = try nn(["train", "--resume", "--output", run, "--epochs", "3"])
      #expect(again.status == 0, "\(again.output)")
      let history = try String(contentsOfFile: run + "/config.yaml", encoding: .utf8)
      #expect(history.contains("epochs: 1 -> 2") && history.contains("epochs: 2 -> 3"), "\(history)")
    }
  }

  /// More epochs than a schedule was made for are refused or asked for.
  @Test func aScheduleIsBegunAnewOnRequest() throws {
    try withTemporaryFolder { folder in
      let run = folder.path + "/run"
      let start = ["train", "--output", run, "--limit-train", "64", "--batch-size", "32", "--epochs", "1"]
      try #require(try nn(start).status == 0)
      let more = ["train", "--resume", "--output", run, "--epochs", "2"]
      let refused = try nn(more)
      #expect(refused.status == 1 && refused.output.contains("--restart-schedule"), "\(refused.output)")
      // The refused command changed nothing.
      #expect(try nn(["train", "--resume", "--output", run]).status == 0)
      let anew = try nn(more + ["--restart-schedule"])
      #expect(anew.status == 0 && anew.output.contains("step 4"), "\(anew.output)")
    }
  }

  /// A run's folder is kept to one process, and output that cannot be written is no success.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
  func lostOutputIsNoSuccess() throws {
    try withTemporaryFolder { folder in
      let run = folder.path + "/run"
      try #require(
        try nn(["train", "--output", run, "--limit-train", "64", "--epochs", "1"]).status == 0)
      for option in ["--help", "--version", "help train"] {
        #expect(try Command(["bash", "-c", "'\(product("nn"))' \(option) > /dev/full"]).status == 1)
      }
      let lost = try Command(["bash", "-c", "'\(product("nn"))' report '\(run)' > /dev/full"])
      #expect(lost.status == 1 && lost.output.contains("output is lost"), "\(lost.output)")
      let limited = try Command([
        "bash", "-c", "ulimit -f 1; '\(product("nn"))' train --output '\(run)-2' --limit-train 64 --epochs 1",
      ])
      #expect(limited.status == 1 && limited.output.contains("cannot be written"), "\(limited.output)")
    }
  }
}
