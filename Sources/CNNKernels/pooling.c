#include "nn_pooling.h"

#include <stddef.h>

#define NN_IMPL "pooling_impl.h"
#include "real_paths.h"

void nn_max_pool(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, void *places, intptr_t row0,
                 intptr_t row1) {
  if (places == NULL)
    NN_CALL_REAL(p->type, p->path, max_pool_, p, x, y, row0, row1);
  else if (p->place_bytes == 1)
    NN_CALL_REAL(p->type, p->path, max_pool_places_u8_, p, x, y, places, row0, row1);
  else
    NN_CALL_REAL(p->type, p->path, max_pool_places_i32_, p, x, y, places, row0, row1);
}

void nn_max_pool_gradient(const struct nn_pooling *p, struct nn_grid g, const void *places, struct nn_grid dx,
                          intptr_t row0, intptr_t row1) {
  if (p->place_bytes == 1)
    NN_CALL_REAL(p->type, p->path, max_pool_gradient_u8_, p, g, places, dx, row0, row1);
  else
    NN_CALL_REAL(p->type, p->path, max_pool_gradient_i32_, p, g, places, dx, row0, row1);
}

void nn_max_pool_pick(const struct nn_pooling *p, struct nn_grid x, const void *places, struct nn_grid y,
                      intptr_t row0, intptr_t row1) {
  if (p->place_bytes == 1)
    NN_CALL_REAL(p->type, p->path, max_pool_pick_u8_, p, x, places, y, row0, row1);
  else
    NN_CALL_REAL(p->type, p->path, max_pool_pick_i32_, p, x, places, y, row0, row1);
}

void nn_max_pool_indices(const struct nn_pooling *p, const void *places, int64_t *indices, intptr_t row0,
                         intptr_t row1) {
  for (intptr_t row = row0; row < row1; row++)
    for (intptr_t ox = 0; ox < p->columns.output; ox++) {
      int64_t top = p->rows.windows[row % p->rows.output].start, left = p->columns.windows[ox].start;
      intptr_t first = (row * p->columns.output + ox) * p->channels;
      for (intptr_t i = first; i < first + p->channels; i++) {
        int64_t place =
            p->place_bytes == 1 ? ((const uint8_t *)places)[i] : ((const int32_t *)places)[i];
        indices[i] = (top + place / p->place_row * p->rows.step) * p->columns.input + left +
                     place % p->place_row * p->columns.step;
      }
    }
}

void nn_avg_pool(const struct nn_pooling *p, struct nn_grid x, struct nn_grid y, intptr_t row0,
                 intptr_t row1) {
  NN_CALL_REAL(p->type, p->path, avg_pool_, p, x, y, row0, row1);
}

void nn_avg_pool_gradient(const struct nn_pooling *p, struct nn_grid g, struct nn_grid dx, intptr_t row0,
                          intptr_t row1) {
  NN_CALL_REAL(p->type, p->path, avg_pool_gradient_, p, g, dx, row0, row1);
}
