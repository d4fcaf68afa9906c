import Foundation
import Testing

@testable import NNCUDA

/// NVRTC needs no card: where it is installed, the kernels are compiled for one. Elsewhere there is nothing to test.
private let compiler: KernelCompiler? = {
  let search = LibrarySearch(environment: ProcessInfo.processInfo.environment)
  guard let library = search.open(CUDALibrary.Name.nvrtc.fileNames).library else { return nil }
  return (try? NVRTCFunctions(library)).map { KernelCompiler(nvrtc: $0) }
}()

@Suite(.enabled(if: compiler != nil, "NVRTC is not installed: pip install nvidia-cuda-nvrtc"))
struct KernelCompilerTests {
  @Test("Every file compiles without a warning", arguments: KernelSources.all.programs.map(\.name))
  func compiles(file: String) throws {
    let compiler = try #require(compiler)
    let image = try compiler.compile(file, for: compiler.target(for: (9, 0)))
    #expect(image.bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(image.log.allSatisfy { $0 == "\0" || $0.isWhitespace }, "\(image.log)")
  }

  @Test("A card gets code of its own, of an older one of its kind, or code for the driver to translate")
  func targets() throws {
    let compiler = try #require(compiler)
    #expect(try compiler.target(for: (9, 0)) == KernelCompiler.Target(architecture: 90, isForDriver: false))
    #expect(try compiler.target(for: (9, 7)) == KernelCompiler.Target(architecture: 90, isForDriver: false))
    let future = try compiler.target(for: (99, 0))
    #expect(future.isForDriver && future.options[0].hasPrefix("--gpu-architecture=compute_"))
    let error = #expect(throws: CUDAError.self) { try compiler.target(for: (1, 0)) }
    #expect(error?.description.contains("found a card of 1.0") == true)
  }

  @Test("Code for the driver is text that ends with 0")
  func translated() throws {
    var compiler = try #require(compiler)
    compiler.sources = KernelSources(files: [program("extern \"C\" __global__ void nothing() {}")])
    let image = try compiler.compile("a.cu", for: compiler.target(for: (99, 0)))
    #expect(image.bytes.last == 0 && String(decoding: image.bytes, as: UTF8.self).contains(".entry nothing"))
  }

  @Test("An error carries the compiler's words")
  func errors() throws {
    var compiler = try #require(compiler)
    compiler.sources = KernelSources(files: [program("extern \"C\" __global__ void broken() { mistake; }")])
    let error = #expect(throws: CUDAError.self) {
      try compiler.compile("a.cu", for: compiler.target(for: (9, 0)))
    }
    let text = error?.description ?? ""
    #expect(text.contains("compiling a.cu") && text.contains("\"mistake\" is undefined"))
    #expect(throws: CUDAError("there is no kernel file b.cu")) {
      try compiler.compile("b.cu", for: compiler.target(for: (9, 0)))
    }
  }

  private func program(_ text: String) -> KernelSources.File {
    KernelSources.File(name: "a.cu", text: Array(text.utf8CString))
  }
}
