import CNNKernels

// Everything is channels-last here; an input or gradient that is not is copied once. Pieces are rows of the result.

extension CPUBackend {
  func maxPooled(
    _ x: Tensor, rectifiedBy map: ChannelMap?, _ geometry: PoolingGeometry, keepingPlaces: Bool
  ) -> (output: Tensor, places: Tensor?) {
    let result = pooled(x, geometry, dtype: x.dtype)
    let places = keepingPlaces ? pooled(x, geometry, dtype: geometry.placeDType) : nil
    let (output, marks) = (nn_grid(result), places?.hostPointer)
    guard let map else {
      let source = withAdjacentChannels(x)
      forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
        nn_max_pool(pooling, nn_grid(source), output, marks, rows.lowerBound, rows.upperBound)
      }
      return (result, places)
    }
    // The rows under a row of windows are mapped just before they are pooled, in memory that stays in the cache.
    let source = withInnerChannels(x)
    let kernelMap = KernelChannelMap(map, x.dtype)
    let values = kernelMap.values(0)
    let (input, size, type) = (source.hostPointer, x.dtype.byteCount, x.dtype.rawValue)
    let (channels, line, path) = (x.shape[1], x.shape[1] * x.shape[3], KernelPath.current.rawValue)
    let mostRows = geometry.rows.windows.reduce(0) { max($0, $1.count) }
    let reach = (mostRows - 1) * geometry.rows.dilation + 1
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      let scratch = Tensor(uninitialized: [reach * line], dtype: x.dtype)
      for row in rows {
        let (image, window) = (row / geometry.rows.output, geometry.rows.windows[row % geometry.rows.output])
        let first = window.start
        let count = (window.count - 1) * geometry.rows.dilation + 1
        nn_channel_affine(
          type, path, count * x.shape[3], channels,
          address(input, (image * x.shape[2] + first) * line, size), values, nil, 1,
          scratch.hostPointer)
        let grid = nn_grid(
          data: address(scratch.hostPointer, -first * line, size), image: 0, row: line, column: channels)
        nn_max_pool(pooling, grid, output, marks, row, row + 1)
      }
      withExtendedLifetime(scratch) {}
    }
    withExtendedLifetime(kernelMap) {}
    return (result, places)
  }

  func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(gradient)
    let result = unpooled(gradient, geometry)
    forEachRow(geometry, of: result, inputRows: true) { pooling, rows in
      nn_max_pool_gradient(
        pooling, nn_grid(source), places.hostPointer, nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(x)
    let result = pooled(x, geometry, dtype: x.dtype)
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_max_pool_pick(
        pooling, nn_grid(source), places.hostPointer, nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let result = pooled(places, geometry, dtype: .int64)
    let indices = result.hostPointer(Int64.self)
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_max_pool_indices(pooling, places.hostPointer, indices, rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func avgPool2d(_ x: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(x)
    let result = pooled(x, geometry, dtype: x.dtype)
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_avg_pool(pooling, nn_grid(source), nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func avgPool2dGradient(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(gradient)
    let result = unpooled(gradient, geometry)
    forEachRow(geometry, of: result, inputRows: true) { pooling, rows in
      nn_avg_pool_gradient(pooling, nn_grid(source), nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  /// An empty tensor of the output's size for these images.
  private func pooled(_ x: Tensor, _ geometry: PoolingGeometry, dtype: DType) -> Tensor {
    let shape = [x.shape[0], x.shape[1], geometry.rows.output, geometry.columns.output]
    return Tensor(uninitialized: shape, dtype: dtype, strides: Tensor.channelsLastStrides(shape))
  }

  /// An empty tensor of the input's size for the images of this gradient.
  private func unpooled(_ gradient: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let shape = [gradient.shape[0], gradient.shape[1], geometry.rows.input, geometry.columns.input]
    return Tensor(uninitialized: shape, dtype: gradient.dtype, strides: Tensor.channelsLastStrides(shape))
  }

  /// Calls `body` in parallel with ranges of the rows of `result`, counted through all images.
  private func forEachRow(
    _ geometry: PoolingGeometry, of result: Tensor, inputRows: Bool,
    _ body: (UnsafePointer<nn_pooling>, Range<Int>) -> Void
  ) {
    let rows = result.shape[0] * result.shape[2]
    let perElement = inputRows ? 1 : geometry.largestWindow
    let grain = max(1, 65_536 / max(1, result.shape[1] * result.shape[3] * perElement))
    let path = KernelPath.current.rawValue
    let kernel = KernelPooling(geometry, throughInput: inputRows)
    kernel.withPooling(channels: result.shape[1], result.dtype, path: path) { pooling in
      ThreadPool.shared.parallelFor(count: rows, grain: grain) { body(pooling, $0) }
    }
  }
}
