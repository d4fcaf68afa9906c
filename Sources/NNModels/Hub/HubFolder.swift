import Foundation
import NNCore
import NNData
import NNFiles

/// A model in the cache, as Hugging Face's programs lay it out:
///
/// ```text
/// models--timm--resnet18.a1_in1k/blobs/<digest>
/// models--timm--resnet18.a1_in1k/refs/main                              the commit
/// models--timm--resnet18.a1_in1k/snapshots/<commit>/model.safetensors   a link to the blob
/// models--timm--resnet18.a1_in1k/.no_exist/<commit>/other.json          a file that the commit does not have
/// ```
struct HubFolder {
  let path: String

  init(_ path: String) { self.path = path }

  /// The commit that a branch or tag meant when it was asked for last.
  func commit(of revision: String) -> String? {
    guard let text = try? String(contentsOfFile: "\(path)/refs/\(revision)", encoding: .utf8) else {
      return nil
    }
    let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return HubRepository.isCommit(commit) ? commit : nil
  }

  /// The file of a commit if it is there, and what its name says.
  ///
  /// - Throws: `FileError` if it is a blob with another digest than its name.
  func file(_ name: String, commit: String) throws -> String? {
    let file = "\(path)/snapshots/\(commit)/\(name)"
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let blob = URL(fileURLWithPath: file).resolvingSymlinksInPath().lastPathComponent
    let checksum: Checksum
    switch blob.utf8.count {
    case 64: checksum = .sha256(blob)
    case 40: checksum = .gitBlob(blob)
    // Where there are no links, files stand for themselves.
    default: return file
    }
    let digest = try checksum.digest(ofFile: file)
    guard checksum.matches(digest) else {
      throw FileError.malformed(
        file: printable(file), expected: "\(checksum)",
        found: "\(digest); remove it to have it downloaded again")
    }
    return file
  }

  func isKnownMissing(_ name: String, commit: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/.no_exist/\(commit)/\(name)")
  }

  /// Where a blob belongs, in a folder that is there.
  func blob(_ digest: String) throws -> String {
    try FileError.makeFolder("\(path)/blobs")
    return "\(path)/blobs/\(digest)"
  }

  func noteMissing(_ name: String, commit: String, revision: String) throws {
    let file = "\(path)/.no_exist/\(commit)/\(name)"
    try FileError.makeFolder((file as NSString).deletingLastPathComponent)
    try AtomicFile.write(file) { _ in }
    try note(commit, revision)
  }

  /// Gives a blob the name that it has in a commit.
  ///
  /// - Returns: that name.
  func link(_ name: String, to digest: String, commit: String, revision: String) throws -> String {
    let file = "\(path)/snapshots/\(commit)/\(name)"
    try FileError.makeFolder((file as NSString).deletingLastPathComponent)
    let up = String(repeating: "../", count: 2 + name.count { $0 == "/" })
    // In one step also if another process does the same.
    let temporary = "\(file).\(UUID().uuidString)"
    guard symlink("\(up)blobs/\(digest)", temporary) == 0, rename(temporary, file) == 0 else {
      let error = FileError.writing(file)
      unlink(temporary)
      throw error
    }
    try note(commit, revision)
    return file
  }

  /// Notes what a branch or tag means.
  private func note(_ commit: String, _ revision: String) throws {
    if revision == commit { return }
    let file = "\(path)/refs/\(revision)"
    try FileError.makeFolder((file as NSString).deletingLastPathComponent)
    try AtomicFile.write(file) { try $0.write(Array(commit.utf8)) }
  }
}
