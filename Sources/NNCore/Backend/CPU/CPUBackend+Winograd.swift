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
      let blocks = g.panels * (g.inputs / Int(NN_WINOGRAD_CHANNELS))
      ThreadPool.shared.parallelFor(count: blocks, grain: 2) { range in
        nn_winograd_weights(weights, panels, plane, g.path, range.lowerBound, range.upperBound)
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
        let (tiles, outputs) = (WinogradProducts.tilesPerPiece, work.outputsPerPiece)
        let columns = (g.outputs + outputs - 1) / outputs
        ThreadPool.shared.parallelFor(pieces: (g.tiles + tiles - 1) / tiles * columns) { piece in
          let (row, column) = (piece / columns * tiles, piece % columns * outputs)
          work.run(
            row..<min(g.tiles, row + tiles), outputs: column..<min(g.outputs, column + outputs))
        }
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
    // Two of each, so that the next chunk is transformed beside the products of this one.
    let memory = [2 * inputPlane, 2 * gradientPlane, weightPlane].map {
      Tensor(uninitialized: [planes * $0], dtype: .float32)
    }
    let (v, n, du) = (
      memory[0].hostPointer(Float.self), memory[1].hostPointer(Float.self), memory[2].hostPointer(Float.self)
    )
    var input = g.tiles(source, top: -g.padding.height, left: -g.padding.width)
    var output = g.tiles(gradient)
    let result = Tensor(uninitialized: [g.outputs, 9, g.inputs], dtype: .float32)
    let weights = result.hostPointer(Float.self)
    let (chunks, tilesPerPiece, rowsPerPiece) = (max(1, (g.tiles + chunk - 1) / chunk), 16, 64)
    let rowPieces = (g.outputs + rowsPerPiece - 1) / rowsPerPiece
    func transforms(_ index: Int) -> Int {
      (min(chunk, g.tiles - index * chunk) + tilesPerPiece - 1) / tilesPerPiece
    }
    withUnsafePointer(to: &input) { input in
      withUnsafePointer(to: &output) { output in
        func transform(_ index: Int, _ piece: Int) {
          let (v, n) = (v + index % 2 * planes * inputPlane, n + index % 2 * planes * gradientPlane)
          let first = piece * tilesPerPiece
          let from = index * chunk + first
          let to = min(g.tiles, index * chunk + min(chunk, first + tilesPerPiece))
          nn_winograd_input(
            input,
            nn_planes(
              data: v + first * g.panel, plane: inputPlane, tile: g.panel, block: (chunk - 1) * g.panel,
              lanes: g.panel), from, to)
          nn_winograd_gradient(
            output,
            nn_planes(
              data: n + first * gradientRow, plane: gradientPlane, tile: gradientRow, block: 0,
              lanes: g.outputs), from, to)
        }
        func add(_ index: Int, _ piece: Int) {
          let (v, n) = (v + index % 2 * planes * inputPlane, n + index % 2 * planes * gradientPlane)
          let (plane, row) = (piece / rowPieces, piece % rowPieces * rowsPerPiece)
          nn_winograd_outer(
            n + plane * gradientPlane, gradientRow, v + plane * inputPlane, chunk * g.panel,
            du + plane * weightPlane, g.inputs, row, min(g.outputs, row + rowsPerPiece),
            min(chunk, g.tiles - index * chunk), g.inputs, index > 0 ? 1 : 0, g.path)
        }
        // Phase k transforms chunk k and adds up chunk k - 1.
        let products = planes * rowPieces
        let phases = (0...chunks).map { ($0 < chunks ? transforms($0) : 0) + ($0 > 0 ? products : 0) }
        ThreadPool.shared.parallelFor(phases: phases) { phase, piece in
          if phase > 0 && piece < products {
            add(phase - 1, piece)
          } else {
            transform(phase, phase > 0 ? piece - products : piece)
          }
        }
      }
    }
    ThreadPool.shared.parallelFor(count: g.outputs, grain: 8) { range in
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

  /// Products of so many outputs are made from the transformed tiles at a time.
  private var columns: Int { min(geometry.outputs, geometry.inputs <= 256 ? 128 : 64) }

  /// All, unless there are few tiles: then the pieces of a run of tiles, which each transform it, make more of them for
  /// many threads.
  var outputsPerPiece: Int {
    let runs = (geometry.tiles + Self.tilesPerPiece - 1) / Self.tilesPerPiece
    let parts = max(1, Self.leastPieces / max(1, runs))
    return min(geometry.outputs, ((geometry.outputs + parts - 1) / parts + 63) / 64 * 64)
  }

  private static let leastPieces = 64

  func run(_ tiles: Range<Int>, outputs: Range<Int>) {
    let g = geometry
    let columns = min(columns, outputs.count)
    let planes = WinogradGeometry.planes
    let row = Int(NN_WINOGRAD_ROW)
    let depth = Int(NN_WINOGRAD_DEPTH)
    let inputPlane = WinogradGeometry.apart(Self.tilesPerPiece * row)
    let slab = planes * inputPlane
    let resultRow = WinogradGeometry.apart(columns)
    let resultPlane = WinogradGeometry.apart(Self.tilesPerPiece * resultRow)
    let slabs = (g.inputs + depth - 1) / depth
    let memory = Tensor(uninitialized: [slabs * slab + planes * resultPlane], dtype: .float32)
    let v = memory.hostPointer(Float.self)
    let m = v + slabs * slab
    nn_winograd_input(
      input, nn_planes(data: v, plane: inputPlane, tile: row, block: slab - depth, lanes: depth),
      tiles.lowerBound, tiles.upperBound)
    for first in stride(from: outputs.lowerBound, to: outputs.upperBound, by: columns) {
      let count = min(columns, outputs.upperBound - first)
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
