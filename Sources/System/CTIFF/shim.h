#include <stdint.h>
#include <tiffio.h>

// Swift calls no functions with a variable number of arguments.

static inline int nn_tiff_get_u16(TIFF *tiff, uint32_t tag, uint16_t *value) {
  return TIFFGetFieldDefaulted(tiff, tag, value);
}

static inline int nn_tiff_get_u32(TIFF *tiff, uint32_t tag, uint32_t *value) {
  return TIFFGetField(tiff, tag, value);
}

static inline int nn_tiff_set_extra_sample(TIFF *tiff, uint16_t meaning) {
  return TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &meaning);
}

static inline int nn_tiff_get_orientation(TIFF *tiff, uint16_t *value) {
  return TIFFGetField(tiff, TIFFTAG_ORIENTATION, value);
}

static inline int nn_tiff_get_xmp(TIFF *tiff, uint32_t *count, const void **data) {
  return TIFFGetField(tiff, TIFFTAG_XMLPACKET, count, data);
}
