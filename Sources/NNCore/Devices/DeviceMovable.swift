/// Something whose tensors can be moved to another device: what the batches of a `Trainer` on a GPU are. `Sample`, `Tensor`,
/// and arrays, dictionaries and optionals of these are. A batch type of your own becomes so with one function:
///
///     struct Pair: DeviceMovable {
///       var left: Tensor, right: Tensor
///       func to(_ device: Device) -> Pair { Pair(left: left.to(device), right: right.to(device)) }
///     }
public protocol DeviceMovable {
  /// The same with all tensors on a device.
  func to(_ device: Device) -> Self
}

extension Tensor: DeviceMovable {}

extension Optional: DeviceMovable where Wrapped: DeviceMovable {
  public func to(_ device: Device) -> Self { map { $0.to(device) } }
}

extension Array: DeviceMovable where Element: DeviceMovable {
  public func to(_ device: Device) -> Self { map { $0.to(device) } }
}

extension Dictionary: DeviceMovable where Value: DeviceMovable {
  public func to(_ device: Device) -> Self { mapValues { $0.to(device) } }
}

/// Whatever value with its tensors on a device, as far as its type says how; pairs and triples of tensors, too.
package func moved<Value>(_ value: Value, to device: Device) -> Value {
  let result: Any
  switch value {
  case let movable as any DeviceMovable: result = movable.to(device)
  case let (a, b) as (Tensor, Tensor): result = (a.to(device), b.to(device))
  case let (a, b, c) as (Tensor, Tensor, Tensor): result = (a.to(device), b.to(device), c.to(device))
  default: return value
  }
  return result as? Value ?? value
}

/// Whether a value holds a tensor that is not on a device, as far as can be seen: what closures hold cannot.
package func isLeftBehind(_ value: Any, by device: Device, depth: Int = 4) -> Bool {
  if let tensor = value as? Tensor { return tensor.device != device }
  if depth == 0 { return false }
  return Mirror(reflecting: value).children.prefix(64).contains {
    isLeftBehind($0.value, by: device, depth: depth - 1)
  }
}
