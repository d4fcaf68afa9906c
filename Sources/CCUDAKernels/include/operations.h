#pragma once

// Numbers and structures that Swift and the kernels share. Included by C, by C++ and by NVRTC: no other header is needed.

/// Element types, by the numbers of `DType`.
enum { NN_CUDA_BOOL, NN_CUDA_U8, NN_CUDA_I32, NN_CUDA_I64, NN_CUDA_BF16, NN_CUDA_F32, NN_CUDA_F64 };

enum nn_cuda_unary {
  NN_CUDA_NEG, NN_CUDA_ABS, NN_CUDA_SIGN, NN_CUDA_SQUARE, NN_CUDA_RELU, NN_CUDA_FLOOR, NN_CUDA_CEIL, NN_CUDA_ROUND,
  NN_CUDA_TRUNC,
  // Floating point only, from here on.
  NN_CUDA_EXP, NN_CUDA_EXPM1, NN_CUDA_LOG, NN_CUDA_LOG1P, NN_CUDA_LOG2, NN_CUDA_LOG10, NN_CUDA_SQRT, NN_CUDA_RSQRT,
  NN_CUDA_RECIPROCAL, NN_CUDA_SIN, NN_CUDA_COS, NN_CUDA_TAN, NN_CUDA_ASIN, NN_CUDA_ACOS, NN_CUDA_ATAN, NN_CUDA_SINH,
  NN_CUDA_COSH, NN_CUDA_TANH, NN_CUDA_SIGMOID, NN_CUDA_ERF, NN_CUDA_ERFINV, NN_CUDA_SOFTPLUS
};

enum nn_cuda_binary {
  NN_CUDA_ADD, NN_CUDA_SUB, NN_CUDA_MUL, NN_CUDA_DIV, NN_CUDA_MAXIMUM, NN_CUDA_MINIMUM,
  // In kernels of their own, from here on: they need more registers.
  NN_CUDA_FLOOR_DIV, NN_CUDA_TRUNC_DIV, NN_CUDA_FMOD, NN_CUDA_REMAINDER, NN_CUDA_POW, NN_CUDA_ATAN2
};

enum nn_cuda_compare { NN_CUDA_EQ, NN_CUDA_NE, NN_CUDA_LT, NN_CUDA_LE, NN_CUDA_GT, NN_CUDA_GE };

enum nn_cuda_reduce {
  NN_CUDA_SUM, NN_CUDA_PROD, NN_CUDA_MAX, NN_CUDA_MIN
};

/// What `nn_norm` adds up of each element: |x|, x², |x|^power, or 0 · x; or the greatest |x|.
enum nn_cuda_norm { NN_CUDA_NORM_ONE, NN_CUDA_NORM_TWO, NN_CUDA_NORM_POWER, NN_CUDA_NORM_FINITE, NN_CUDA_NORM_MOST };

enum { NN_CUDA_AXES = 8, NN_CUDA_OPERANDS = 4 };

/// How to walk over operands that are seen under one shape: an element's number, in row-major order of the axes that are
/// left of it, becomes its place in each operand.
typedef struct {
  long long count;
  int rank;
  /// The fastest axis first.
  long long sizes[NN_CUDA_AXES];
  /// For dividing numbers below 2^31 by sizes: the high half of the product with `multipliers`, plus the number, shifted.
  unsigned multipliers[NN_CUDA_AXES];
  unsigned shifts[NN_CUDA_AXES];
  /// In elements.
  long long strides[NN_CUDA_OPERANDS][NN_CUDA_AXES];
} nn_cuda_walk;

/// A reduction: `kept` walks over the results (operand 0: the input), `folded` over what one result is made of. A block has
/// `lanes` threads for each of its results, a power of 2; neighbouring threads are of one result if `isRow`, of neighbouring
/// results otherwise. Each of gridDim.y parts takes `part` elements of `folded` for itself.
typedef struct {
  nn_cuda_walk kept;
  nn_cuda_walk folded;
  int op;
  int lanes;
  int isRow;
  /// The element type of the results.
  int type;
  long long part;
} nn_cuda_reduction;

/// Blocks of memory that one launch reads.
enum { NN_CUDA_BLOCKS = 32 };
typedef struct {
  const void *data[NN_CUDA_BLOCKS];
  long long counts[NN_CUDA_BLOCKS];
  /// The first thread block of each.
  int starts[NN_CUDA_BLOCKS + 1];
  int count;
} nn_cuda_blocks;

/// Where an index was out of range, for the host to tell: how often, one such index, and the size of the axis.
typedef struct {
  long long count;
  long long index;
  long long size;
} nn_cuda_fault;

/// How `nn_step` changes parameters; what the numbers mean follows from the method, as in `UpdateRule`.
enum nn_cuda_method {
  NN_CUDA_SGD, NN_CUDA_ADAM, NN_CUDA_NADAM, NN_CUDA_RADAM, NN_CUDA_ADAMAX, NN_CUDA_RMSPROP, NN_CUDA_ADAGRAD, NN_CUDA_ADADELTA
};
typedef struct {
  int method;
  int maximize;
  /// Of SGD: Nesterov's step, and a buffer that is not set yet. Of RMSprop: whether there is a mean of the gradient.
  int nesterov, is_first, centered;
  int states;
  double weight_decay, shrinkage, rate, epsilon;
  /// The weight of the old in each running mean, or the momentum in `beta1`.
  double beta1, beta2;
  /// The factor of the rule: SGD's share, Adam's and NAdam's scale, RAdam's adaptive factor; and NAdam's rate of the gradient.
  double scale, gradient_rate;
} nn_cuda_rule;

/// Parameters that one launch changes.
enum { NN_CUDA_STEPS = 52, NN_CUDA_STEP_PIECE = 4096 };
typedef struct {
  void *parameter;
  const void *gradient;
  void *states[3];
  long long count;
  /// The first thread block.
  int start;
  /// For a gradient that lies in memory as [O, positions, channels] while all else lies as [O, channels, positions]; else 0.
  int channels, positions;
} nn_cuda_step;
typedef struct {
  nn_cuda_rule rule;
  int count;
  nn_cuda_step steps[NN_CUDA_STEPS];
} nn_cuda_steps;

/// See `ClassTargets`: one class per row; one factor per class, or none.
typedef struct {
  long long rows, classes;
  const long long *target;
  const void *weight;
  long long ignored;
  double smoothing;
} nn_cuda_targets;

/// Matrices of positions times channels, one after the other without gaps. A block has `width` threads side by side along the
/// channels, a power of 2, and takes `part` rows of one matrix: gridDim.x parts, gridDim.y tiles of channels, and gridDim.z
/// matrices at once.
typedef struct {
  long long rows;
  long long part;
  int channels;
  int matrices;
  int width;
  /// Whether a thread takes 16 bytes of channels at once.
  int is_wide;
} nn_cuda_channels;

/// Values per channel in double: (x - mean) · scale + shift, each [matrices, channels], or one row for all if the step is 0.
typedef struct {
  const double *mean, *scale, *shift;
  long long mean_step, scale_step, shift_step;
} nn_cuda_channel_map;

/// The factors of a `ChannelCombination`, each [matrices, channels]; of `a` alone if there is no mean.
typedef struct {
  const double *mean, *a, *b, *c;
} nn_cuda_combination;

/// The small arithmetic of a normalisation, one value per channel [matrices, channels].
typedef struct {
  int matrices, channels;
  /// Groups of neighbouring channels that are normalised together.
  int groups;
  /// The element type of parameters and their gradients, of moments, and of the gradient of the input.
  int type, moments_type, input_type;
  double eps, count;
} nn_cuda_statistics;

/// The part of a pooling window inside the input along one axis, and the windows that cover an element: those numbered
/// cover_starts[i] up to cover_starts[i + 1] in `covers`, each with the place of the element in it.
typedef struct {
  int start, count, divisor;
} nn_cuda_window;
typedef struct {
  int window, tap;
} nn_cuda_cover;
typedef struct {
  const nn_cuda_window *windows;
  const nn_cuda_cover *covers;
  const int *cover_starts;
  int input, output, dilation;
  /// The size of all windows, where these lie side by side without gaps from the first element on; else 0.
  int even;
} nn_cuda_pool_axis;

/// Pooling of channels-last images. A place is the number of an element in its window, counted row by row from the first one
/// inside the input, rows `place_row` apart, in `place_bytes` (1 or 4) each.
typedef struct {
  nn_cuda_pool_axis rows, columns;
  int images, channels, place_row, place_bytes;
} nn_cuda_pooling;
