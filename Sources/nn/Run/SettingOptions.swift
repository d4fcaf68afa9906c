import ArgumentParser
import Foundation
import NNCore
import NNLightning

/// A command that trains.
protocol TrainingCommand: ParsableCommand {
  static var name: TrainingCommandName { get }
  /// The settings that the command has where nothing is given.
  static var defaults: RunConfiguration { get }
}

/// The settings of a run as options of a command.
struct SettingOptions<Command: TrainingCommand>: ParsableArguments {
  /// What was given, a word by the setting's name.
  private let given: [String: String]

  init() { given = [:] }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: SettingKey.self)
    given = try Self.declared.reduce(into: [:]) { given, entry in
      given[entry.name] = try entry.setting.given(container, SettingKey(stringValue: entry.name))
    }
  }

  private static var declared: [(name: String, setting: any AnySetting)] {
    Command.defaults.settings.filter { $0.setting.declaration.commands.contains(Command.name) }
  }

  /// Whether an option was given.
  func isGiven(_ name: String) -> Bool {
    require(Self.declared.contains { $0.name == name }, "SettingOptions", "there is no setting \(name)")
    return given[name] != nil
  }

  /// The settings of the configuration file, or else the command's own, under the options.
  func configuration(_ options: RunOptions) throws -> RunConfiguration {
    let kept = options.folder.config
    let isKept = options.resume && FileManager.default.fileExists(atPath: kept)
    return try configuration(
      file: options.config ?? (isKept ? kept : nil), device: options.count.choice)
  }

  /// - Parameter device: what is computed on, unless an option says so.
  func configuration(file: String?, device: Accelerator.Choice? = nil) throws -> RunConfiguration {
    var given = given
    if let labels = given["labels"] {
      given["dataset"] = given["dataset"] ?? "\(DatasetName.folder)"
      given["root"] =
        given["root"] ?? URL(fileURLWithPath: labels).deletingLastPathComponent().relativePath
    }
    if let device { given["device"] = given["device"] ?? device.rawValue }
    return try (file.map { try RunConfiguration(contentsOf: $0) } ?? Command.defaults).replacing(given)
  }
}

// The parser asks for the options by reflection.
extension SettingOptions: CustomReflectable {
  var customMirror: Mirror {
    Mirror(
      self,
      children: Self.declared.map { name, setting in
        let option = setting.declaration.option.map { NameSpecification.customLong($0) } ?? .long
        return (label: "_\(name)", value: setting.option(named: option))
      })
  }
}
