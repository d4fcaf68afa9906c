import NNCore

extension CUDACard {
  private enum Attribute {
    static let (multiprocessors, major, minor): (Int32, Int32, Int32) = (16, 75, 76)
  }

  /// The cards that a driver, which must be initialised, finds.
  static func all(_ driver: DriverFunctions) -> [CUDACard] {
    var count: Int32 = 0
    guard driver.cuDeviceGetCount(&count) == 0 else { return [] }
    return (0..<Int(count)).compactMap { try? CUDACard(driver, index: $0) }
  }

  /// - Throws: `CUDAError` if there is no card of this number.
  init(_ driver: DriverFunctions, index: Int) throws {
    var (count, device): (Int32, Int32) = (0, 0)
    try driver.check("cuDeviceGetCount", driver.cuDeviceGetCount(&count))
    guard index < Int(count) else {
      throw CUDAError("expected a GPU number below \(count), the number of cards here, found \(index)")
    }
    try driver.check("cuDeviceGet", driver.cuDeviceGet(&device, Int32(index)))
    var name = [CChar](repeating: 0, count: 256)
    try driver.check("cuDeviceGetName", driver.cuDeviceGetName(&name, Int32(name.count), device))
    var memory = 0
    try driver.check("cuDeviceTotalMem", driver.cuDeviceTotalMem(&memory, device))
    func attribute(_ number: Int32) throws -> Int {
      var value: Int32 = 0
      try driver.check("cuDeviceGetAttribute", driver.cuDeviceGetAttribute(&value, number, device))
      return Int(value)
    }
    self.init(
      name: String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
      index: index,
      computeCapability: (try attribute(Attribute.major), try attribute(Attribute.minor)),
      multiprocessors: try attribute(Attribute.multiprocessors), totalMemory: memory)
  }
}
