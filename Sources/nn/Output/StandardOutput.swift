@preconcurrency import Glibc

/// What is said on standard output, the result of a command.
enum StandardOutput {
  /// Writes what is buffered.
  ///
  /// - Throws: `CommandError` if anything that was said could not be written: a full disk, a reader that is gone.
  static func flush() throws {
    // An earlier write that failed is remembered by the stream.
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      throw CommandError(
        "standard output: expected room for what was to be written, found none: output is lost")
    }
  }
}
