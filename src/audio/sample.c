#include "audio/sample.h"

#include <math.h>
#include <string.h>

size_t so_sample_bytes(enum so_sample_format format) {
    static const uint8_t bytes[] = {1, 2, 3, 4, 8, 4, 8};
    return bytes[format];
}

/** Comparisons with NaN are false: NaN and infinities fall through to 0. */
static inline float limited(float x) {
    if (x >= -SO_SAMPLE_LIMIT && x <= SO_SAMPLE_LIMIT) return x;
    if (x > 0 && x < INFINITY) return SO_SAMPLE_LIMIT;
    if (x < 0 && x > -INFINITY) return -SO_SAMPLE_LIMIT;
    return 0.0f;
}

static inline float limited_double(double x) {
    if (x >= -SO_SAMPLE_LIMIT && x <= SO_SAMPLE_LIMIT) return (float)x;
    if (x > 0 && x < (double)INFINITY) return SO_SAMPLE_LIMIT;
    if (x < 0 && x > -(double)INFINITY) return -SO_SAMPLE_LIMIT;
    return 0.0f;
}

static inline float from_u8(const uint8_t *p) {
    return (float)(*p - 128) * 0x1p-7f;
}

static inline float from_s16(const uint8_t *p) {
    int16_t v;
    memcpy(&v, p, sizeof v);
    return (float)v * 0x1p-15f;
}

static inline float from_s24(const uint8_t *p) {
    int32_t v = (int32_t)p[0] | (int32_t)p[1] << 8 | (int32_t)(int8_t)p[2] * 65536;
    return (float)v * 0x1p-23f;
}

static inline float from_s32(const uint8_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return (float)v * 0x1p-31f;
}

static inline float from_s64(const uint8_t *p) {
    int64_t v;
    memcpy(&v, p, sizeof v);
    return (float)v * 0x1p-63f;
}

static inline float from_f32(const uint8_t *p) {
    float v;
    memcpy(&v, p, sizeof v);
    return limited(v);
}

static inline float from_f64(const uint8_t *p) {
    double v;
    memcpy(&v, p, sizeof v);
    return limited_double(v);
}

#define ADD_CHANNEL(convert) \
    for (size_t i = 0; i < n; i++) mono[i] += convert(plane + i * step)

static void add_channel(enum so_sample_format format, const uint8_t *plane, size_t step, size_t n,
                        float *mono) {
    switch (format) {
    case SO_SAMPLE_U8:
        ADD_CHANNEL(from_u8);
        break;
    case SO_SAMPLE_S16:
        ADD_CHANNEL(from_s16);
        break;
    case SO_SAMPLE_S24LE:
        ADD_CHANNEL(from_s24);
        break;
    case SO_SAMPLE_S32:
        ADD_CHANNEL(from_s32);
        break;
    case SO_SAMPLE_S64:
        ADD_CHANNEL(from_s64);
        break;
    case SO_SAMPLE_F32:
        ADD_CHANNEL(from_f32);
        break;
    case SO_SAMPLE_F64:
        ADD_CHANNEL(from_f64);
        break;
    }
}

void so_sample_mix(enum so_sample_format format, const uint8_t *const *planes, size_t channels, size_t step,
                   int channel, size_t n, float *mono) {
    memset(mono, 0, n * sizeof *mono);
    if (channels == 0) return;
    if (channel >= 0) {
        size_t one = (size_t)channel < channels ? (size_t)channel : channels - 1;
        add_channel(format, planes[one], step, n, mono);
        return;
    }
    for (size_t c = 0; c < channels; c++) add_channel(format, planes[c], step, n, mono);
    if (channels == 1) return;
    float share = 1.0f / (float)channels;
    for (size_t i = 0; i < n; i++) mono[i] *= share;
}
