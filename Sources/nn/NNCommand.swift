import ArgumentParser
import Foundation
import NNCore
import NNDistributed

/// The library from the command line.
@main
struct NNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nn",
    abstract: "Trains, tests and uses image classifiers.",
    discussion: """
      nn check photos
      nn finetune --data photos --arch resnet18 --output runs/photos
      nn train --dataset shapes --arch shapesnet --epochs 5 --output runs/first
      nn report runs/first
      nn predict runs/first photo.jpg
      nn models vit

      `nn help SUBCOMMAND` explains each. Exit status: 0 success, 1 a run that failed, 64 wrong arguments, 130 a \
      training that was interrupted and saved. Completion for your shell: nn --generate-completion-script bash
      """,
    version: libraryVersion,
    subcommands: [
      CheckCommand.self, PreviewCommand.self, TrainCommand.self, FinetuneCommand.self, TestCommand.self,
      PredictCommand.self,
      ExportCommand.self, ReportCommand.self, BenchCommand.self, InspectCommand.self, CacheCommand.self,
      ModelsCommand.self, DoctorCommand.self,
    ])

  static func main() {
    // A limit on the size of files is an error of the write that meets it, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    do {
      // Before anything is said: of several processes the first one speaks.
      _ = try Processes.start(verbose: CommandLine.arguments.contains("--verbose"))
      var command = try parseAsRoot()
      try command.run()
      try StandardOutput.flush()
    } catch {
      let error = unwritten(error)
      let status = exitCode(for: error)
      // Wrong arguments are those of all processes, and so is an interruption; anything else may be one's own.
      if status == .failure, Processes.isEndTold || Processes.abort(error) {
        Foundation.exit(status.rawValue)
      }
      exit(withError: error)
    }
  }

  /// Help and the version end a command, too; what they say is written here, so that its loss is noticed.
  private static func unwritten(_ error: any Error) -> any Error {
    guard exitCode(for: error).isSuccess else { return error }
    do {
      print(fullMessage(for: error))
      try StandardOutput.flush()
      return ExitCode.success
    } catch {
      return error
    }
  }
}
