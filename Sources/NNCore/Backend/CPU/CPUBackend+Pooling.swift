import CNNKernels

// Everything is channels-last here; an input or gradient that is not is copied once. Pieces are rows of the result.

extension CPUBackend {
  func maxPool2d(
    _ x: Tensor, _ geometry: PoolingGeometry, keepingPlaces: Bool
  ) -> (output: Tensor, places: Tensor?) {
    let source = withAdjacentChannels(x)
    let result = pooled(x, geometry, dtype: x.dtype)
    let places = keepingPlaces ? pooled(x, geometry, dtype: geometry.placeDType) : nil
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_max_pool(
        pooling, nn_grid(source), nn_grid(result), places?.rawPointer, rows.lowerBound, rows.upperBound)
    }
    return (result, places)
  }

  func maxPool2dGradient(_ gradient: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(gradient)
    let result = unpooled(gradient, geometry)
    forEachRow(geometry, of: result, inputRows: true) { pooling, rows in
      nn_max_pool_gradient(
        pooling, nn_grid(source), places.rawPointer, nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func maxPool2dPick(_ x: Tensor, places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let source = withAdjacentChannels(x)
    let result = pooled(x, geometry, dtype: x.dtype)
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_max_pool_pick(
        pooling, nn_grid(source), places.rawPointer, nn_grid(result), rows.lowerBound, rows.upperBound)
    }
    return result
  }

  func maxPool2dIndices(places: Tensor, _ geometry: PoolingGeometry) -> Tensor {
    let result = pooled(places, geometry, dtype: .int64)
    let indices = result.pointer(Int64.self)
    forEachRow(geometry, of: result, inputRows: false) { pooling, rows in
      nn_max_pool_indices(pooling, places.rawPointer, indices, rows.lowerBound, rows.upperBound)
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
    geometry.rows.withKernelAxis { rowAxis in
      geometry.columns.withKernelAxis { columnAxis in
        var pooling = nn_pooling()
        pooling.rows = rowAxis
        pooling.columns = columnAxis
        pooling.channels = result.shape[1]
        pooling.place_row = geometry.columns.largestWindow
        pooling.place_bytes = Int32(geometry.placeDType.byteCount)
        pooling.type = result.dtype.rawValue
        pooling.path = KernelPath.current.rawValue
        withUnsafePointer(to: pooling) { pooling in
          ThreadPool.shared.parallelFor(count: rows, grain: grain) { body(pooling, $0) }
        }
      }
    }
  }
}

extension PoolingGeometry {
  /// The smallest type that holds the place of an element in its window.
  fileprivate var placeDType: DType { largestWindow <= 256 ? .uint8 : .int32 }
}

extension PoolingAxis {
  fileprivate func withKernelAxis(_ body: (nn_pool_axis) -> Void) {
    windows.withUnsafeBufferPointer { windows in
      covers.withUnsafeBufferPointer { covers in
        coverStart.withUnsafeBufferPointer { coverStart in
          body(
            nn_pool_axis(
              windows: windows.baseAddress, covers: covers.baseAddress, cover_start: coverStart.baseAddress,
              input: input, output: output, step: dilation))
        }
      }
    }
  }
}
