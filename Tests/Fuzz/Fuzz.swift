import ArgumentParser
import Foundation

/// Feeds all readers of files from outside with broken ones, and sees that they throw or return.
@main
struct Fuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Fuzz",
    abstract: "Feeds the readers of files from outside with broken ones.",
    discussion: """
      Run it in the folder of the package: swift run -c release Fuzz --seconds 60

      Inputs that crash a reader, take it more than 5 seconds or 2 GB, make it write elsewhere or throw an error that is \
      not one printable line are kept in Tests/Fuzz/Corpus and run first from then on. The others depend on the seed alone. \
      Exit status: 0 nothing found, 1 something found.
      """)

  struct Options: ParsableArguments {
    @Option(help: "How long, in seconds; 0 runs the kept inputs and the seeds alone.")
    var seconds = 60.0
    @Option(help: "How many inputs of each reader, instead of a time.")
    var inputs: Int?
    var inputLimit: Int? { inputs ?? (seconds <= 0 ? 0 : nil) }
    @Option(help: "Where the random changes begin.")
    var seed = 1
    @Option(help: "Only this reader, or these with commas between.")
    var reader: String?
    @Option(help: "Folder of the kept inputs.")
    var corpus = "Tests/Fuzz/Corpus"
  }

  @OptionGroup var options: Options
  @Option(help: .hidden) var inside: String?

  func run() throws {
    if let inside {
      Self.exit(withError: ExitCode(try InputRunner(options, folder: inside).run()))
    }
    // In memory where there is such a folder: a disk would be waited for.
    let place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : NSTemporaryDirectory()
    var template = Array("\(place)/nn-fuzz-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FuzzError("no temporary folder can be made") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var supervisor = try Supervisor(options, folder: folder)
    if try supervisor.run() > 0 { throw ExitCode(1) }
  }
}
