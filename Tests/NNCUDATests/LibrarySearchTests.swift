import Foundation
import TestSupport
import Testing

@testable import NNCUDA

@Suite struct LibrarySearchTests {
  /// A folder that is removed at the end.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/libraries-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func make(_ paths: [String], in root: String) throws {
    for path in paths {
      try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
    }
  }

  @Test("Named folders come first, then the loader, toolkits and the folders of wheels")
  func order() throws {
    try withFolder { root in
      let wheel = "/lib/python3.12/site-packages/nvidia/cudnn/lib"
      try make(
        ["/named", "/usr/local/cuda-13.0/lib64", "/venv" + wheel, "/opt/torch/.venv" + wheel], in: root)
      let search = LibrarySearch(
        environment: ["NN_CUDA_LIBRARIES": "\(root)/named:relative", "VIRTUAL_ENV": root + "/venv"],
        root: root)
      #expect(
        search.candidates("libcudnn.so.9") == [
          "\(root)/named/libcudnn.so.9", "libcudnn.so.9", "\(root)/usr/local/cuda-13.0/lib64/libcudnn.so.9",
          "\(root)/venv\(wheel)/libcudnn.so.9", "\(root)/opt/torch/.venv\(wheel)/libcudnn.so.9",
        ])
      #expect(search.places.first == root + "/named" && search.places.contains(LibrarySearch.loader))
    }
  }

  @Test("Wheels are found beside the python3 of the path, and beside the one that it is a link to")
  func pythons() throws {
    try withFolder { root in
      let wheel = "/lib/python3.11/site-packages/nvidia/cu13/lib"
      try make(["/venv/bin", "/base/bin", "/venv" + wheel, "/base" + wheel], in: root)
      try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: root + "/base/bin/python3"))
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: root + "/base/bin/python3")
      try FileManager.default.createSymbolicLink(
        atPath: root + "/venv/bin/python3", withDestinationPath: root + "/base/bin/python3")
      let search = LibrarySearch(environment: ["PATH": "\(root)/none:\(root)/venv/bin"], root: root)
      let real = URL(fileURLWithPath: root + "/base").resolvingSymlinksInPath().path
      #expect(search.others == [root + "/venv" + wheel, real + wheel])
    }
  }

  @Test("A file that is no library is passed over, and the report tells why")
  func damaged() throws {
    try withFolder { root in
      try Data("not a library".utf8).write(to: URL(fileURLWithPath: root + "/libnothing.so.1"))
      let search = LibrarySearch(environment: ["NN_CUDA_LIBRARIES": root], root: root)
      let (library, searched) = search.open(["libnothing.so.1"])
      #expect(library == nil)
      #expect(searched.first == root)
      #expect(searched.last?.hasPrefix("\(root)/libnothing.so.1 (") == true)
    }
  }

  @Test("A library that lacks a function is refused with its name and the function's")
  func symbols() throws {
    let (library, _) = LibrarySearch(environment: [:]).open(["libc.so.6"])
    let found = try #require(library)
    #expect(found.file.contains("libc"))
    let length: @convention(c) (UnsafePointer<CChar>?) -> Int = try found.symbol("strlen")
    #expect(length("four") == 4)
    let error = #expect(throws: CUDAError.self) { try DriverFunctions(found) }
    #expect(error?.description.contains("libc.so.6 has no symbol cuInit") == true)
  }

  @Test("A missing driver is told in one line with the places and the remedy")
  func missing() throws {
    try withFolder { root in
      let search = LibrarySearch(environment: ["NN_CUDA_LIBRARIES": root + "/\u{1b}[2J"], root: root)
      let (library, searched) = search.open(["libnothing.so.1"])
      #expect(library == nil)
      let line = CUDALibrary(name: .driver, path: nil, version: nil, searched: searched).description
      #expect(
        line.hasPrefix("driver (libcuda.so.1) was not found; looked in \(root)/\\u{1b}[2J, the loader's path")
      )
      #expect(line.contains("install NVIDIA's driver") && line.contains("NN_CUDA_LIBRARIES"))
    }
  }
}
