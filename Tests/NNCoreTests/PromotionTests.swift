import NNCore
import Testing

/// Types of results; the tables are PyTorch's.
struct PromotionTests {
  static let types: [DType] = [.bool, .uint8, .int32, .int64, .bfloat16, .float32, .float64]

  /// Type of a + b, both with dimensions, as places in `types`.
  static let ofTensors = [
    [0, 1, 2, 3, 4, 5, 6], [1, 1, 2, 3, 4, 5, 6], [2, 2, 2, 3, 4, 5, 6], [3, 3, 3, 3, 4, 5, 6],
    [4, 4, 4, 4, 4, 5, 6], [5, 5, 5, 5, 5, 5, 6], [6, 6, 6, 6, 6, 6, 6],
  ]
  /// Type of a + b, b being 0-dimensional.
  static let withScalar = [
    [0, 1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 4, 5, 6], [2, 2, 2, 2, 4, 5, 6], [3, 3, 3, 3, 4, 5, 6],
    [4, 4, 4, 4, 4, 4, 4], [5, 5, 5, 5, 5, 5, 5], [6, 6, 6, 6, 6, 6, 6],
  ]

  @Test func binaryOperationsPromote() {
    for (i, a) in Self.types.enumerated() {
      for (j, b) in Self.types.enumerated() {
        let (x, y) = (Tensor.ones([2], dtype: a), Tensor.ones([2], dtype: b))
        let expected = Self.types[Self.ofTensors[i][j]]
        #expect((x + y).dtype == expected, "\(a) + \(b)")
        #expect((x * y).dtype == expected, "\(a) * \(b)")
        #expect(x.maximum(y).dtype == expected, "maximum of \(a) and \(b)")
        #expect(`where`(x, x, y).dtype == expected, "where of \(a) and \(b)")
        #expect((x .== y).dtype == .bool, "\(a) == \(b)")
        #expect((x .== y).array(of: Bool.self) == [true, true], "\(a) == \(b)")
        #expect(cat([x, y]).dtype == expected, "cat of \(a) and \(b)")
        #expect((x / y).dtype == expected.promotedToFloat, "\(a) / \(b)")
        let scalar = Tensor.ones([], dtype: b)
        #expect((x + scalar).dtype == Self.types[Self.withScalar[i][j]], "\(a) + 0-dimensional \(b)")
        #expect((scalar + x).dtype == Self.types[Self.withScalar[i][j]], "0-dimensional \(b) + \(a)")
      }
    }
  }

  @Test func numbersKeepTheType() {
    for type in Self.types {
      let x = Tensor.ones([2], dtype: type)
      #expect((x * 2).dtype == (type == .bool ? .int64 : type), "\(type) * 2")
      #expect((x * 2.5).dtype == type.promotedToFloat, "\(type) * 2.5")
      #expect((2.5 - x).dtype == type.promotedToFloat, "2.5 - \(type)")
      #expect((x / 2).dtype == type.promotedToFloat, "\(type) / 2")
      #expect(x.exp().dtype == type.promotedToFloat, "exp(\(type))")
      #expect(x.sum().dtype == (type.isFloatingPoint ? type : .int64), "sum(\(type))")
      #expect(x.prod().dtype == (type.isFloatingPoint ? type : .int64), "prod(\(type))")
      #expect(x.cumsum(0).dtype == (type.isFloatingPoint ? type : .int64), "cumsum(\(type))")
      #expect(x.amax().dtype == type, "amax(\(type))")
      #expect(x.argmax().dtype == .int64, "argmax(\(type))")
    }
  }

  @Test func integersWrapAndRoundLikeC() {
    #expect(
      (Tensor([200, 100] as [UInt8]) + Tensor([100, 100] as [UInt8])).array(of: UInt8.self) == [44, 200])
    #expect(Tensor([-1.7, 1.7, 300] as [Float]).to(.int32).array(of: Int32.self) == [-1, 1, 300])
    #expect(Tensor([-1.0, 256, 257.9] as [Float]).to(.uint8).array(of: UInt8.self) == [255, 0, 1])
    #expect(Tensor([0.0, 0.1, .nan] as [Float]).to(.bool).array(of: Bool.self) == [false, true, true])
    #expect((Tensor([true, true]) + Tensor([true, false])).array(of: Bool.self) == [true, true])
    let big = Tensor([Int64.max - 1, 1 << 53 + 1])
    #expect((big + 1).array(of: Int64.self) == [Int64.max, 1 << 53 + 2])
  }

  /// Gradients come back in the type of the leaf.
  @Test func gradientsHaveTheTypeOfTheirLeaf() throws {
    let a = Tensor([1, 2] as [Float]).requiringGrad()
    let b = Tensor([3, 4] as [Double]).requiringGrad()
    (a * b).sum().backward()
    #expect(try #require(a.grad).dtype == .float32)
    #expect(try #require(b.grad).dtype == .float64)
  }
}
