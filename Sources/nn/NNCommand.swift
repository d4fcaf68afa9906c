import ArgumentParser
import Foundation
import NNCore

/// The library from the command line.
@main
struct NNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nn",
    abstract: "Trains, tests and uses image classifiers.",
    discussion: """
      nn finetune --data photos --arch resnet18 --output runs/photos
      nn train --dataset shapes --arch shapesnet --epochs 5 --output runs/first
      nn report runs/first
      nn predict runs/first photo.jpg

      `nn help SUBCOMMAND` explains each. Exit status: 0 success, 1 a run that failed, 64 wrong arguments, 130 a \
      training that was interrupted and saved. Completion for your shell: nn --generate-completion-script bash
      """,
    version: libraryVersion,
    subcommands: [
      TrainCommand.self, FinetuneCommand.self, TestCommand.self, PredictCommand.self, ExportCommand.self,
      ReportCommand.self, BenchCommand.self, InspectCommand.self, CacheCommand.self,
    ])
}

/// A line for the person who watches, on standard error like the progress bars.
func say(_ line: String) { writeToStandardError(line + "\n") }

/// A number of bytes for people.
func byteCountText(_ bytes: Int) -> String {
  switch bytes {
  case ..<10_000: "\(bytes) B"
  case ..<10_000_000: "\(bytes / 1_000) kB"
  default: "\(bytes / 1_000_000) MB"
  }
}

/// What the world got wrong, in one line.
struct CommandError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
