import Foundation

/// Writes text to standard error. Output that is gone (a closed terminal or pipe, a full disk) is no reason to lose the
/// work of a run: the text is dropped then.
package func writeToStandardError(_ text: String) {
  var text = text
  text.withUTF8 { bytes in
    var rest = UnsafeRawBufferPointer(bytes)
    while !rest.isEmpty {
      let written = write(STDERR_FILENO, rest.baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      if written <= 0 { return }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
    }
  }
}

/// Whether a descriptor leads to a pipe whose reader is gone.
package func isAbandoned(_ descriptor: Int32) -> Bool {
  var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
  return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0
}
