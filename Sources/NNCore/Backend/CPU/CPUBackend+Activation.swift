import CNNKernels

extension CPUBackend {
  func activate(_ op: nn_activation, _ x: Tensor, _ parameters: ActivationParameters) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.denseStridesLikeSelf)
    let path = KernelPath.current.rawValue
    let (a, b, c) = (parameters.a, parameters.b, parameters.c)
    run([result, x]) { n, p, s in
      nn_activate(path, Int32(op.rawValue), x.dtype.rawValue, n, p[1], s[1], p[0], a, b, c)
    }
    return result
  }

  func activateBackward(
    _ op: nn_activation, _ g: Tensor, _ x: Tensor, _ parameters: ActivationParameters
  ) -> Tensor {
    let result = Tensor(uninitialized: x.shape, dtype: x.dtype, strides: x.denseStridesLikeSelf)
    let path = KernelPath.current.rawValue
    let (a, b, c) = (parameters.a, parameters.b, parameters.c)
    run([result, g, x]) { n, p, s in
      nn_activate_backward(
        path, Int32(op.rawValue), x.dtype.rawValue, n, p[1], s[1], p[2], s[2], p[0], a, b, c)
    }
    return result
  }
}
