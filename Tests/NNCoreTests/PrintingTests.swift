import NNCore
import Testing

/// Expected texts are PyTorch's, with `dtype=float64` for `dtype=torch.float64`.
struct PrintingTests {
  static let cases: [(tensor: Tensor, text: String)] = [
    (Tensor(Float(3.5)), "tensor(3.5000)"),
    (Tensor(3), "tensor(3)"),
    (Tensor(true), "tensor(True)"),
    (Tensor(Float(1e-10)), "tensor(1.0000e-10)"),
    (Tensor([Float]()), "tensor([])"),
    (Tensor.zeros(0, 3), "tensor([], size=(0, 3))"),
    (Tensor.zeros([0], dtype: .int64), "tensor([], dtype=int64)"),
    (Tensor.zeros([2, 0, 3], dtype: .float64), "tensor([], size=(2, 0, 3), dtype=float64)"),
    (Tensor([1, 2, 3] as [Float]), "tensor([1., 2., 3.])"),
    (Tensor([-0.0, 0] as [Float]), "tensor([-0., 0.])"),
    (Tensor([1.5, -2.25, 1000] as [Float]), "tensor([   1.5000,   -2.2500, 1000.0000])"),
    (Tensor([1e-5, 1] as [Float]), "tensor([1.0000e-05, 1.0000e+00])"),
    (Tensor([-5e-5, 0] as [Float]), "tensor([-5.0000e-05,  0.0000e+00])"),
    (Tensor([1e9, 1] as [Float]), "tensor([1.0000e+09, 1.0000e+00])"),
    (Tensor([1.5, 1e5] as [Float]), "tensor([1.5000e+00, 1.0000e+05])"),
    (Tensor([123456.789, 0.5] as [Float]), "tensor([1.2346e+05, 5.0000e-01])"),
    (Tensor([100_000_000, 1] as [Float]), "tensor([1.0000e+08, 1.0000e+00])"),
    (Tensor([[0.001, 0.9999]] as [[Float]]), "tensor([[0.0010, 0.9999]])"),
    (Tensor([.nan, 1, .infinity, -.infinity] as [Float]), "tensor([nan, 1., inf, -inf])"),
    (Tensor([.infinity, 1.5] as [Float]), "tensor([   inf, 1.5000])"),
    (Tensor([Float.nan]), "tensor([nan])"),
    (Tensor([1, -20, 300]), "tensor([  1, -20, 300])"),
    (Tensor([true, false]), "tensor([ True, False])"),
    (Tensor([1, 255] as [UInt8]), "tensor([  1, 255], dtype=uint8)"),
    (
      Tensor([[1, 2], [3, 4]] as [[Int32]]),
      """
      tensor([[1, 2],
              [3, 4]], dtype=int32)
      """
    ),
    (
      Tensor([[1, 2.5], [-3, 4]] as [[Double]]),
      """
      tensor([[ 1.0000,  2.5000],
              [-3.0000,  4.0000]], dtype=float64)
      """
    ),
    (
      Tensor.full([1, 8], 1.25, dtype: .float64),
      """
      tensor([[1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500, 1.2500]],
             dtype=float64)
      """
    ),
    (
      Tensor.ones(2, 3).requiringGrad(),
      """
      tensor([[1., 1., 1.],
              [1., 1., 1.]], requires_grad=True)
      """
    ),
    (Tensor.ones(2).requiringGrad() * 2, "tensor([2., 2.], grad_fn=<mul>)"),
    (
      Tensor.arange(0.0, 24.0).reshape(2, 3, 4),
      """
      tensor([[[ 0.,  1.,  2.,  3.],
               [ 4.,  5.,  6.,  7.],
               [ 8.,  9., 10., 11.]],

              [[12., 13., 14., 15.],
               [16., 17., 18., 19.],
               [20., 21., 22., 23.]]])
      """
    ),
    (
      Tensor.zeros(2, 2, 1, 2),
      """
      tensor([[[[0., 0.]],

               [[0., 0.]]],


              [[[0., 0.]],

               [[0., 0.]]]])
      """
    ),
    (
      Tensor.arange(0.0, 30.0),
      """
      tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,
              14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,
              28., 29.])
      """
    ),
    (
      Tensor.linspace(0, 1, count: 25),
      """
      tensor([0.0000, 0.0417, 0.0833, 0.1250, 0.1667, 0.2083, 0.2500, 0.2917, 0.3333,
              0.3750, 0.4167, 0.4583, 0.5000, 0.5417, 0.5833, 0.6250, 0.6667, 0.7083,
              0.7500, 0.7917, 0.8333, 0.8750, 0.9167, 0.9583, 1.0000])
      """
    ),
    (
      Tensor.ones([30], dtype: .bool),
      """
      tensor([True, True, True, True, True, True, True, True, True, True, True, True,
              True, True, True, True, True, True, True, True, True, True, True, True,
              True, True, True, True, True, True])
      """
    ),
    (Tensor.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (
      Tensor.arange(1001).reshape(7, 143),
      """
      tensor([[   0,    1,    2,  ...,  140,  141,  142],
              [ 143,  144,  145,  ...,  283,  284,  285],
              [ 286,  287,  288,  ...,  426,  427,  428],
              ...,
              [ 572,  573,  574,  ...,  712,  713,  714],
              [ 715,  716,  717,  ...,  855,  856,  857],
              [ 858,  859,  860,  ...,  998,  999, 1000]])
      """
    ),
    (
      Tensor.arange(0.0, 1200.0).reshape(30, 40),
      """
      tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 3.7000e+01, 3.8000e+01,
               3.9000e+01],
              [4.0000e+01, 4.1000e+01, 4.2000e+01,  ..., 7.7000e+01, 7.8000e+01,
               7.9000e+01],
              [8.0000e+01, 8.1000e+01, 8.2000e+01,  ..., 1.1700e+02, 1.1800e+02,
               1.1900e+02],
              ...,
              [1.0800e+03, 1.0810e+03, 1.0820e+03,  ..., 1.1170e+03, 1.1180e+03,
               1.1190e+03],
              [1.1200e+03, 1.1210e+03, 1.1220e+03,  ..., 1.1570e+03, 1.1580e+03,
               1.1590e+03],
              [1.1600e+03, 1.1610e+03, 1.1620e+03,  ..., 1.1970e+03, 1.1980e+03,
               1.1990e+03]])
      """
    ),
  ]

  @Test(arguments: cases.indices)
  func printsLikePyTorch(_ index: Int) {
    #expect("\(Self.cases[index].tensor)" == Self.cases[index].text)
  }
}
