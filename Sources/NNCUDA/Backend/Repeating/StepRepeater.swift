import NNCore

/// Finds out whether the steps of a training ask the card for the same again and again, and then starts their commands as
/// graphs.
///
/// All of the host's work is done in each step, so that a step means what it says. What it asks of the card is compared with
/// what former steps asked, command by command: the same work, on the same memory, with the same numbers. As long as it is
/// the same, nothing is started until a whole stretch of commands is complete, which is one graph. A command whose numbers
/// or memory change (a learning rate, the key of a mask, a loss that somebody keeps) is started by itself between two
/// graphs. Where a step turns out to be another one, what is waiting is started command by command.
///
/// Tensors of a step lie at the same addresses each time: the i-th block that a step asks for is given where it was before,
/// in memory that nobody else gets, unless a tensor is still there. What lives from one step into the next (a running
/// mean, which is replaced by a new tensor) has two places, and the steps two scripts that take turns.
///
/// All members are used under the lock of a `RepeatingDriver`.
final class StepRepeater {
  private enum Phase {
    /// Looks at what is allocated, and for how long it is kept.
    case observing
    /// Carries steps out in the memory of the layout, and keeps their commands.
    case rehearsing
    /// Looks which commands change.
    case comparing
    case replaying
    case stopped
  }
  /// What is done in the step under way.
  private enum Mode {
    case passing, observing, rehearsing, comparing, replaying
  }

  /// Fewer commands are not worth a graph.
  private static let shortest = 4
  private static let mostObservations = 3
  private static let (mostBlocks, mostCommands) = (1 << 16, 1 << 16)
  /// How often it is begun anew, and how many steps in succession may differ before that.
  private static let (mostRestarts, mostFailures) = (6, 3)
  /// How often a command changes before it is expected to: at first it is recorded anew.
  private static let mostChanges = 3
  private static let mostRebuilds = 60

  private let driver: any CUDADriver
  private let memories: StepMemories
  private var phase = Phase.observing
  private var mode = Mode.passing
  private(set) var problem: String?
  /// Steps that were started as graphs, from their first command to the last.
  private(set) var replays = 0

  // What was observed.
  private var events: [StepLayout.Event] = []
  /// Sizes in the former steps, and which of their blocks are still there.
  private var observed: [(sizes: [Int], isHeld: [Bool])] = []
  /// Observed blocks by their address.
  private var live: [UInt: (step: Int, block: Int)] = [:]
  private var kept: Set<Int> = []
  private var leaves: Set<Int> = []

  // The plan.
  private var layout: StepLayout?
  /// Where blocks of the second kind of step lie that have two places.
  private var secondOffsets: [Int: Int] = [:]
  private var memory: StepMemory?
  private var scripts: [StepScript] = []

  // The step under way.
  private var turn = 0
  private var block = 0
  private var next = 0
  private var segment = 0
  /// The first command that was asked for and not started.
  private var waitingFrom = 0
  private var freedMeanwhile: [DeviceMemory] = []
  private var difference: String?
  /// Steps in succession that were others.
  private var failures = 0
  private var restarts = 0
  private var rebuilds = 0

  init(driver: any CUDADriver, memories: StepMemories) {
    self.driver = driver
    self.memories = memories
    if !driver.supportsGraphs { stop("this device cannot record its work") }
  }

  var isStopped: Bool { phase == .stopped }

  /// Commands that are part of graphs, and all, of a step.
  var coverage: (recorded: Int, all: Int) {
    guard phase == .replaying, let script = scripts.first else { return (0, 0) }
    let recorded = script.segments.reduce(0) { $0 + ($1.graph == nil ? 0 : $1.end - $1.begin) }
    return (recorded, script.commands.count)
  }
  var graphCount: Int { scripts.first?.segments.count { $0.graph != nil } ?? 0 }

  private var hasWaiting: Bool { waitingFrom < next }

  // MARK: Steps

  func begin() {
    (block, next, segment, waitingFrom) = (0, 0, 0, 0)
    difference = nil
    switch phase {
    case .observing:
      mode = .observing
      events = []
      observed.append(([], []))
    case .rehearsing: mode = .rehearsing
    case .comparing: mode = .comparing
    case .replaying: mode = .replaying
    case .stopped: mode = .passing
    }
  }

  func end() {
    defer { mode = .passing }
    switch (phase, mode) {
    case (.observing, .observing): endObservation()
    case (.rehearsing, .rehearsing):
      guard block == layout?.sizes.count else { return restart("it asks for other memory each time") }
      advance(.comparing)
    case (.comparing, .comparing):
      guard next == scripts[turn].commands.count else { return restart("the number of its commands differs") }
      advance(.replaying)
    case (.replaying, .replaying), (.replaying, .comparing):
      guard next == scripts[turn].commands.count else { return fail("the number of its commands differs") }
      if mode == .replaying { replays += 1 }
      failures = 0
      learn()
      if !scripts.isEmpty { turn = (turn + 1) % scripts.count }
    case (.replaying, _): fail(difference)
    case (.stopped, _): break
    default: restart(difference)
    }
  }

  /// A step of this turn is done in the phase; the last turn's leads to the next phase.
  private func advance(_ next: Phase) {
    turn += 1
    if turn < scripts.count { return }
    turn = 0
    phase = next
    if next == .replaying { for place in scripts.indices where phase == .replaying { build(place) } }
  }

  /// A step that was another one: the last batch of an epoch, or the beginning of other steps.
  private func fail(_ reason: String?) {
    startWaiting()
    failures += 1
    if failures >= Self.mostFailures { restart(reason) }
  }

  private func restart(_ reason: String?) {
    startWaiting()
    restarts += 1
    if restarts > Self.mostRestarts {
      return stop("its work differs from step to step" + (reason.map { ": \($0)" } ?? ""))
    }
    forget()
    phase = .observing
  }

  private func stop(_ reason: String) {
    startWaiting()
    forget()
    (phase, mode) = (.stopped, .passing)
    problem = reason
  }

  /// Begins anew, as others need the memory.
  func giveUpMemory() {
    if mode != .passing { diverge("the card had no memory left") }
    restart("the card has not enough memory for it")
  }

  /// Lets go of everything that was found out.
  func forget() {
    (events, observed, live, kept, leaves) = ([], [], [:], [], [])
    (layout, secondOffsets, scripts, turn, failures) = (nil, [:], [], 0, 0)
    memory?.isRetired = true
    memory = nil
  }

  // MARK: Memory

  /// A block for the step's thread; nil if it is to come from where all do.
  func take(_ byteCount: Int) -> DeviceMemory? {
    if mode == .rehearsing, memory == nil, !makeLayout() { return nil }
    guard mode != .passing, mode != .observing, let layout, let memory else { return nil }
    let size = BlockTable.blockSize(for: byteCount)
    guard block < layout.sizes.count, layout.sizes[block] == size else {
      diverge("it asks for other memory")
      return nil
    }
    defer { block += 1 }
    let first = layout.offsets[block]
    guard let offset = turn == 1 ? secondOffsets[block] ?? first : first else { return nil }
    return memory.take(offset, size)
  }

  /// A block was given to the step's thread that is not of the layout.
  func noteAllocated(_ memory: DeviceMemory, _ byteCount: Int) {
    guard mode == .observing else { return }
    let (step, size) = (observed.count - 1, BlockTable.blockSize(for: byteCount))
    let index = observed[step].sizes.count
    if index >= Self.mostBlocks { return stop("it takes more than \(Self.mostBlocks) blocks of memory") }
    observed[step].sizes.append(size)
    observed[step].isHeld.append(true)
    events.append(.allocated(size))
    live[UInt(bitPattern: memory.address)] = (step, index)
    func isHeld(_ step: Int) -> Bool {
      step >= 0 && index < observed[step].isHeld.count && observed[step].isHeld[index]
    }
    if isHeld(step - 1) { kept.insert(index) }
    if isHeld(step - 2) { leaves.insert(index) }
  }

  /// A block is given back that is not of a layout; false if the pool may have it.
  func keeps(_ memory: DeviceMemory) -> Bool {
    if !live.isEmpty, let (step, index) = live.removeValue(forKey: UInt(bitPattern: memory.address)) {
      observed[step].isHeld[index] = false
      if mode == .observing, step == observed.count - 1 { events.append(.freed(index)) }
    }
    // What waits may read it, and others must not write to it before that.
    guard hasWaiting else { return false }
    freedMeanwhile.append(memory)
    return true
  }

  private func endObservation() {
    let last = observed.count - 1
    if last > 0, observed[last].sizes != observed[last - 1].sizes {
      restarts += 1
      if restarts > Self.mostRestarts {
        return stop("its work differs from step to step: it asks for other memory")
      }
      // This one may be the first of those that are alike.
      let (sizes, isHeld) = observed[last]
      observed = [(sizes, isHeld)]
      live = live.filter { $0.value.step == last }.mapValues { (0, $0.block) }
      (kept, leaves) = ([], [])
      return
    }
    if observed.count == Self.mostObservations { phase = .rehearsing }
  }

  /// Sets memory aside for what was observed.
  private func makeLayout() -> Bool {
    guard let sizes = observed.last?.sizes else { return false }
    var stays = Set(sizes.indices)
    for case .freed(let index) in events { stays.remove(index) }
    let layout = StepLayout(events, stays: stays, leaves: leaves)
    var byteCount = layout.byteCount
    for index in kept.subtracting(leaves).sorted() {
      secondOffsets[index] = byteCount
      byteCount += layout.sizes[index]
    }
    (events, observed, live) = ([], [], [:])
    guard let memory = memories.make(byteCount) else {
      stop("the card has no \(DeviceMemoryPool.text(byteCount)) left that it would need")
      return false
    }
    memory.owner = self
    self.memory = memory
    self.layout = layout
    scripts = Array(repeating: StepScript(), count: secondOffsets.isEmpty ? 1 : 2)
    turn = 0
    return true
  }

  // MARK: Commands

  /// The step's thread asks for a command.
  func take(_ command: CardCommand) {
    switch mode {
    case .passing, .observing: command.run(on: driver)
    case .rehearsing:
      if memory == nil { _ = makeLayout() }
      command.run(on: driver)
      guard mode == .rehearsing else { return }
      if scripts[turn].commands.count >= Self.mostCommands {
        return stop("it has more than \(Self.mostCommands) commands")
      }
      scripts[turn].commands.append(command)
      scripts[turn].varies.append(!command.isOfCard)
    case .comparing:
      compare(command)
      command.run(on: driver)
    case .replaying: replay(command)
    }
  }

  private func replay(_ command: CardCommand) {
    guard next < scripts[turn].commands.count else {
      diverge("it has further commands")
      return command.run(on: driver)
    }
    let former = scripts[turn].commands[next]
    switch command.likeness(to: former) {
    case .different:
      diverge("\(command.name) where \(former.name) was")
      command.run(on: driver)
    case .alike where !scripts[turn].varies[next]:
      startWaiting()
      mode = .comparing
      compare(command)
      command.run(on: driver)
    default:
      next += 1
      if scripts[turn].varies[next - 1] {
        waitingFrom = next
        command.run(on: driver)
      } else {
        startSegment()
      }
    }
  }

  /// Starts what is complete now.
  private func startSegment() {
    let part = scripts[turn].segments[segment]
    guard let graph = part.graph else {
      scripts[turn].commands[next - 1].run(on: driver)
      waitingFrom = next
      if next == part.end { segment += 1 }
      return
    }
    if next < part.end { return }
    graph.launch()
    segment += 1
    waitingFrom = next
    release()
  }

  private func compare(_ command: CardCommand) {
    guard next < scripts[turn].commands.count else { return diverge("it has further commands") }
    let former = scripts[turn].commands[next]
    switch command.likeness(to: former) {
    case .same: break
    case .alike:
      if scripts[turn].varies[next] { break }
      if phase == .comparing {
        scripts[turn].varies[next] = true
      } else if failures == 0 {
        // Behind another step, what that one left lies elsewhere, this once.
        change(to: command)
      }
    case .different: return diverge("\(command.name) where \(former.name) was")
    }
    next += 1
    waitingFrom = next
  }

  /// A command is another one from here on, or always.
  private func change(to command: CardCommand) {
    let count = scripts[turn].changes[next, default: 0] + 1
    scripts[turn].changes[next] = count
    scripts[turn].commands[next] = command
    scripts[turn].varies[next] = count >= Self.mostChanges
    scripts[turn].isOutdated = true
  }

  /// From here on the step is another one.
  func diverge(_ reason: String) {
    startWaiting()
    if difference == nil { difference = reason }
    mode = .passing
  }

  /// Starts what waits, command by command.
  func startWaiting() {
    if hasWaiting {
      for place in waitingFrom..<next { scripts[turn].commands[place].run(on: driver) }
      waitingFrom = next
    }
    release()
  }

  private func release() {
    if freedMeanwhile.isEmpty { return }
    for memory in freedMeanwhile { memories.giveBack(memory) }
    freedMeanwhile = []
  }

  /// Another thread asks the card for something, which may need what waits.
  func letPass() {
    guard hasWaiting else { return }
    startWaiting()
    mode = .comparing
  }

  // MARK: Graphs

  /// Records anew what has changed.
  private func learn() {
    guard scripts[turn].isOutdated else { return }
    rebuilds += 1
    if rebuilds > Self.mostRebuilds { return stop("more and more of its commands change") }
    build(turn)
  }

  private func build(_ place: Int) {
    let script = scripts[place]
    var segments: [StepScript.Segment] = []
    var begin = 0
    do {
      for index in 0...script.commands.count
      where index == script.commands.count || script.varies[index] {
        if index > begin {
          segments.append(
            StepScript.Segment(
              begin: begin, end: index,
              graph: index - begin < Self.shortest ? nil : try graph(script.commands[begin..<index])))
        }
        begin = index + 1
      }
    } catch {
      return stop("\(error)")
    }
    scripts[place].segments = segments
    scripts[place].isOutdated = false
    let recorded = segments.reduce(0) { $0 + ($1.graph == nil ? 0 : $1.end - $1.begin) }
    if 2 * recorded < script.commands.count {
      stop(
        "\(script.commands.count - recorded) of its \(script.commands.count) commands change from step to step"
      )
    }
  }

  private func graph(_ commands: ArraySlice<CardCommand>) throws(CUDAError) -> any CUDAGraph {
    driver.beginCapture()
    for command in commands { command.run(on: driver) }
    return try driver.endCapture()
  }
}
