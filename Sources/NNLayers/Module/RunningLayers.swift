/// Follows which layers of a model are running, for whoever watches what they compute.
package final class RunningLayers {
  private var handles: [HookHandle] = []
  private var stack: [String] = []

  /// - Parameter onCall: told of each call of a layer that begins.
  package init(_ model: Module, onCall: @escaping (_ name: String, _ layer: Module) -> Void = { _, _ in }) {
    for (name, module) in model.namedModules() where module is any CallableModule {
      handles.append(
        module.registerForwardPreHook { [unowned self] module, _ in
          stack.append(name)
          onCall(name, module)
          return nil
        })
      handles.append(
        module.registerForwardHook { [unowned self] _, _, _ in
          _ = stack.popLast()
          return nil
        })
    }
  }

  /// Key of the innermost layer that is running; empty outside of all.
  package var current: String { stack.last ?? "" }

  /// Ends it.
  package func remove() { handles.forEach { $0.remove() } }
}
