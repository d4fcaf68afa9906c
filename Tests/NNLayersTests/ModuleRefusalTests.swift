import NNCore
import NNLayers
import Testing

/// Modules in places where their parameters would be lost stop the program with a message.
struct ModuleRefusalTests {
  private struct Box { let layer = Linear(1, 1) }
  private final class Holder { let parts = [Box()] }
  private enum Choice { case layer(Linear) }

  private final class InStruct: Module { let box = Box() }
  private final class InTuple: Module { let pair = (Linear(1, 1), 3) }
  private final class InEnum: Module { let choice = Choice.layer(Linear(1, 1)) }
  private final class InObject: Module { let holder = Holder() }
  private final class InDictionary: Module { let keyed = [3: Linear(1, 1)] }
  private final class InLazy: Module { lazy var layer: any Layer = Linear(1, 1) }
  private final class Twice: Module {
    let weight = Parameter(Tensor.ones(1))
    @Key("weight") var other = Parameter(Tensor.ones(1))
  }
  private final class Cycle: Module { var back: Module? }
  private final class Fine: Module {
    struct Settings { var sizes = [1, 2, 3], name = "x", range = 0..<3 }
    let settings = Settings()
    let weights = [Tensor.ones(1)]
    @Untracked var back: Module?
    lazy var cache: [String: Int] = [:]
    let pairs: [(Int, String)] = [(1, "a")]
  }

  @Test func refusesAStruct() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InStruct().parameters()
    }
    #expect(message(of: result).contains("InStruct: the property box of type Box holds a module"))
  }

  @Test func refusesATuple() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InTuple().parameters()
    }
    #expect(message(of: result).contains("InTuple: the property pair"))
  }

  @Test func refusesAnEnum() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InEnum().stateDict()
    }
    #expect(message(of: result).contains("InEnum: the property choice"))
  }

  @Test func refusesAnObject() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InObject().eval()
    }
    #expect(message(of: result).contains("InObject: the property holder"))
  }

  @Test func refusesADictionaryWithOtherKeys() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InDictionary().parameters()
    }
    #expect(message(of: result).contains("InDictionary: the property keyed"))
  }

  @Test func refusesALazyVar() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = InLazy().parameters()
    }
    #expect(message(of: result).contains("InLazy: the part layer is a lazy var"))
  }

  @Test func refusesADoubleKey() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Twice().parameters()
    }
    #expect(message(of: result).contains("Twice: two parts have the key \"weight\""))
  }

  @Test func refusesACycle() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let cycle = Cycle()
      cycle.back = cycle
      _ = cycle.parameters()
    }
    #expect(message(of: result).contains("Cycle contains itself at \"back.\""))
  }

  private func message(of result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func otherPropertiesAreLeftAlone() {
    let fine = Fine()
    fine.back = fine
    #expect(fine.parameters().isEmpty && fine.children.isEmpty)
  }
}
