#ifndef NN_TYPES_H
#define NN_TYPES_H
#include <stdint.h>

/// Element types; the order is PyTorch's promotion order.
enum { NN_BOOL = 0, NN_U8 = 1, NN_I32 = 2, NN_I64 = 3, NN_BF16 = 4, NN_F32 = 5, NN_F64 = 6 };

#endif
