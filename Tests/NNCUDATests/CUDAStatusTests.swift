import Foundation
import NNCore
import NNCUDA
import TestSupport
import Testing

@Suite struct CUDAStatusTests {
  @Test("A GPU is a device under PyTorch's name")
  func name() {
    #expect(Device.gpu(1).description == "cuda:1")
    #expect(Device.gpu() == Device.gpu(0))
  }

  @Test("Where no GPU can be used, the reason is one line, and everything that is asked for one says it")
  func refusal() throws {
    guard let problem = CUDA.problem else { return }
    #expect(!problem.isEmpty && !problem.contains("\n"))
    #expect(!CUDA.isAvailable && CUDA.status.problem == problem)
    let error = #expect(throws: FixtureError.self) {
      try catchingMistakes { _ = Tensor([1, 2, 3]).to(.gpu()) }
    }
    let told = "\(error, default: "")"
    #expect(told.contains("Device: there is no device cuda:0 in this process: \(problem)"))
  }

  @Test("Every library is reported with its file, or with where it was looked for and how to get it")
  func reports() {
    let libraries = CUDA.status.libraries
    #expect(libraries.map(\.name) == CUDALibrary.Name.allCases)
    for library in libraries {
      #expect(!library.description.contains("\n"))
      if library.path == nil {
        #expect(library.description.contains(library.name.remedy) && !library.searched.isEmpty)
      }
    }
  }
}
