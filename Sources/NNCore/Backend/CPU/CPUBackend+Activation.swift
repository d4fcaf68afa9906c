import CNNKernels

extension CPUBackend {
  func activate(_ function: Activation, _ x: Tensor) -> Tensor {
    guard let f = KernelActivation(function) else { return composed(function, x) }
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.denseStridesLikeSelf)
    let path = KernelPath.current.rawValue
    run([result, x]) { n, p, s in
      nn_activate(path, f.number, x.dtype.rawValue, n, p[1], s[1], p[0], f.a, f.b, f.c)
    }
    return result
  }

  func activateBackward(_ function: Activation, _ g: Tensor, _ x: Tensor) -> Tensor {
    guard let f = KernelActivation(function) else { return composed(function, g, x) }
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.denseStridesLikeSelf)
    let path = KernelPath.current.rawValue
    run([result, g, x]) { n, p, s in
      nn_activate_backward(
        path, f.number, x.dtype.rawValue, n, p[1], s[1], p[2], s[2], p[0], f.a, f.b, f.c)
    }
    return result
  }
}
