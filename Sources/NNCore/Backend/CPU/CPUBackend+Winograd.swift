import CNNKernels

// 3x3 convolutions at stride 1 in float32, see nn_winograd.h. How the work is cut depends on sizes alone, and a tile's
// results on nothing but its own pixels: an image's result has the same bits in any batch.

/// Sizes of a convolution that runs by tiles.
struct WinogradGeometry {
  let images: Int
  let inputs: Int
  let outputs: Int
  let inputSize: Size2
  let outputSize: Size2
  let padding: Size2
  let path: Int32

  /// Nil where the tiles do not pay or do not fit.
  ///
  /// - Parameter leastPositions: so many positions in all images are needed to outweigh the transformation of the weights;
  ///   0 where an image's result must not depend on the batch.
  init?(
    _ source: Tensor, outputs: Int, outputSize: Size2, kernel: Size2, _ geometry: ConvolutionGeometry,
    padding: Size2, leastPositions: Int
  ) {
    let channels = [source.shape[1], outputs]
    guard
      source.dtype == .float32, kernel == 3, geometry.stride == 1, geometry.dilation == 1,
      geometry.groups == 1, KernelPath.current != .openBLAS,
      channels.allSatisfy({
        $0 > 0 && $0 % Int(NN_WINOGRAD_CHANNELS) == 0 && $0 <= Int(NN_WINOGRAD_MOST_CHANNELS)
      })
    else { return nil }
    images = source.shape[0]
    inputs = source.shape[1]
    self.outputs = outputs
    inputSize = Size2(source.shape[2], source.shape[3])
    self.outputSize = outputSize
    self.padding = padding
    path = KernelPath.current.rawValue
    // Tiles that hang over the edge waste products: at least half of what they save must be left.
    let positions = outputSize.height * outputSize.width
    if 9 * positions < 2 * Self.planes * rows * columns || images * positions < leastPositions { return nil }
  }

  static let planes = Int(NN_WINOGRAD_PLANES)
  /// Tiles per image.
  var rows: Int { (outputSize.height + 3) / 4 }
  var columns: Int { (outputSize.width + 3) / 4 }
  var tiles: Int { images * rows * columns }
  /// Width and number of the panels of transformed weights, and the distance of their planes.
  var panel: Int { nn_winograd_panel(path) }
  var panels: Int { (outputs + panel - 1) / panel }
  var weightPlane: Int { Self.apart(panels * panel * inputs) }

  func tiles(_ x: Tensor, top: Int = 0, left: Int = 0) -> nn_tiles {
    nn_tiles(
      grid: nn_grid(x), height: x.shape[2], width: x.shape[3], channels: x.shape[1], rows: rows,
      columns: columns, top: top, left: left, path: path)
  }

  /// Planes lie a little more apart than they need: at powers of two they would share cache sets.
  static func apart(_ count: Int) -> Int { count + 16 }
}

extension CPUBackend {
  /// The transformed weights, planes of panels.
  ///
  /// - Parameters:
  ///   - weight: [outputs, inputs, 3, 3], with any strides.
  ///   - turned: for the gradient of the input: outputs and inputs change places, taps come in reverse order.
  func winogradWeights(_ g: WinogradGeometry, _ weight: Tensor, turned: Bool) -> Tensor {
    let u = Tensor(uninitialized: [WinogradGeometry.planes, g.weightPlane], dtype: .float32)
    let isEven = weight.strides[2] == 3 * weight.strides[3]
    let weight = isEven ? weight : copy(weight, strides: nil)
    let (s, panels, plane) = (weight.strides, u.hostPointer(Float.self), g.weightPlane)
    var weights = nn_weights(
      data: weight.hostPointer(Float.self), tap: s[3], input: s[turned ? 0 : 1], output: s[turned ? 1 : 0],
      inputs: g.inputs, outputs: g.outputs, turned: turned ? 1 : 0)
    withUnsafePointer(to: &weights) { weights in
      ThreadPool.shared.parallelFor(pieces: g.panels) { panel in
        nn_winograd_weights(weights, panels, plane, g.path, panel, panel + 1)
      }
    }
    withExtendedLifetime(weight) {}
    return u
  }

  /// - Parameter weights: as `winogradWeights` gives them.
  func winogradConvolution(
    _ g: WinogradGeometry, _ source: Tensor, _ weights: Tensor, bias: Tensor?, _ finish: KernelFinish,
    into result: Tensor
  ) {
    var input = g.tiles(source, top: -g.padding.height, left: -g.padding.width)
    var output = g.tiles(result)
    withUnsafePointer(to: &input) { input in
      withUnsafePointer(to: &output) { output in
        let work = WinogradProducts(
          geometry: g, input: input, output: output, bias: bias?.hostPointer(Float.self),
          finish: finish.kernel(),
          weights: weights.hostPointer(Float.self), weightPlane: g.weightPlane)
        ThreadPool.shared.parallelFor(count: g.tiles, grain: WinogradProducts.tilesPerPiece) { work.run($0) }
      }
    }
    withExtendedLifetime(finish) {}
  }

  /// Gradient of the weights, as [outputs][9][inputs]; `gradient` has the size of the convolution's result.
  func winogradWeightGradient(_ g: WinogradGeometry, _ source: Tensor, _ gradient: Tensor) -> Tensor {
    let planes = WinogradGeometry.planes
    // The chunk's transformed tiles should stay in the last-level cache between being written and read.
    let chunk = g.inputs + g.outputs <= 800 ? 256 : 128
    let inputPlane = WinogradGeometry.apart((g.inputs + g.panel - 1) / g.panel * g.panel * chunk)
    let gradientRow = WinogradGeometry.apart(g.outputs)
    let gradientPlane = WinogradGeometry.apart(gradientRow * chunk)
    let weightPlane = WinogradGeometry.apart(g.outputs * g.inputs)
    let memory = [inputPlane, gradientPlane, weightPlane].map {
      Tensor(uninitialized: [planes * $0], dtype: .float32)
    }
    let (v, n, du) = (
      memory[0].hostPointer(Float.self), memory[1].hostPointer(Float.self), memory[2].hostPointer(Float.self)
    )
    var input = g.tiles(source, top: -g.padding.height, left: -g.padding.width)
    var output = g.tiles(gradient)
    let result = Tensor(uninitialized: [g.outputs, 9, g.inputs], dtype: .float32)
    let weights = result.hostPointer(Float.self)
    let rowsPerPiece = 128
    let rowPieces = (g.outputs + rowsPerPiece - 1) / rowsPerPiece
    withUnsafePointer(to: &input) { input in
      withUnsafePointer(to: &output) { output in
        for start in stride(from: 0, to: max(g.tiles, 1), by: chunk) {
          let count = min(chunk, g.tiles - start)
          ThreadPool.shared.parallelFor(count: count, grain: 16) { range in
            let (from, to) = (start + range.lowerBound, start + range.upperBound)
            nn_winograd_input(
              input,
              nn_planes(
                data: v + range.lowerBound * g.panel, plane: inputPlane, tile: g.panel,
                block: (chunk - 1) * g.panel, lanes: g.panel), from, to)
            nn_winograd_gradient(
              output,
              nn_planes(
                data: n + range.lowerBound * gradientRow, plane: gradientPlane, tile: gradientRow, block: 0,
                lanes: g.outputs), from, to)
          }
          ThreadPool.shared.parallelFor(pieces: planes * rowPieces) { piece in
            let (plane, row) = (piece / rowPieces, piece % rowPieces * rowsPerPiece)
            nn_winograd_outer(
              n + plane * gradientPlane, gradientRow, v + plane * inputPlane, chunk * g.panel,
              du + plane * weightPlane, g.inputs, row, min(g.outputs, row + rowsPerPiece), count, g.inputs,
              start > 0 ? 1 : 0, g.path)
          }
        }
      }
    }
    ThreadPool.shared.parallelFor(count: g.outputs, grain: 32) { range in
      nn_winograd_weight_gradient(
        du, weightPlane, g.inputs, weights, g.path, range.lowerBound, range.upperBound)
    }
    withExtendedLifetime(memory) {}
    return result
  }
}

/// What turns tiles of the input into tiles of the output: transform, products plane by plane, transform back. A piece
/// has few tiles, so that all of it stays in the second-level cache.
private struct WinogradProducts {
  let geometry: WinogradGeometry
  let input: UnsafePointer<nn_tiles>
  let output: UnsafePointer<nn_tiles>
  let bias: UnsafePointer<Float>?
  let finish: nn_finish
  let weights: UnsafePointer<Float>
  let weightPlane: Int

  /// A multiple of the rows of a register tile on every path.
  static let tilesPerPiece = 24

  func run(_ tiles: Range<Int>) {
    let g = geometry
    let planes = WinogradGeometry.planes
    let row = Int(NN_WINOGRAD_ROW)
    let depth = Int(NN_WINOGRAD_DEPTH)
    let inputPlane = WinogradGeometry.apart(Self.tilesPerPiece * row)
    let slab = planes * inputPlane
    let columns = min(g.outputs, g.inputs <= 256 ? 128 : 64)
    let resultRow = WinogradGeometry.apart(columns)
    let resultPlane = WinogradGeometry.apart(Self.tilesPerPiece * resultRow)
    let slabs = (g.inputs + depth - 1) / depth
    let memory = Tensor(uninitialized: [slabs * slab + planes * resultPlane], dtype: .float32)
    let v = memory.hostPointer(Float.self)
    let m = v + slabs * slab
    nn_winograd_input(
      input, nn_planes(data: v, plane: inputPlane, tile: row, block: slab - depth, lanes: depth),
      tiles.lowerBound, tiles.upperBound)
    for first in stride(from: 0, to: g.outputs, by: columns) {
      let count = min(columns, g.outputs - first)
      for plane in 0..<planes {
        nn_winograd_product(
          v + plane * inputPlane, slab, weights + plane * weightPlane + first * g.inputs,
          m + plane * resultPlane, resultRow, tiles.count, g.inputs, count, g.path)
      }
      nn_winograd_output(
        output, nn_planes(data: m, plane: resultPlane, tile: resultRow, block: 0, lanes: columns), bias,
        finish, tiles.lowerBound, tiles.upperBound, first, first + count)
    }
    withExtendedLifetime(memory) {}
  }
}
