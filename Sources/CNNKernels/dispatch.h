#ifndef NN_DISPATCH_H
#define NN_DISPATCH_H

// Loops below are compiled once per instruction set from one source: a file defines its functions in
// `*_impl.h` with NN_NAME(x), and includes it once per path with the matching target attribute.
#define NN_CAT2(a, b) a##b
#define NN_CAT(a, b) NN_CAT2(a, b)
#define NN_NAME(x) NN_CAT(x, NN_SUFFIX)

#endif
