/**
 * What every kernel test shares: memory that notices each byte too far, values that hurt, and the loop over
 * levels.
 *
 * Tests compare each level with "ref" byte by byte. Levels are those that this CPU has, or those named on the
 * command line, which then must be there.
 */
#ifndef TESTS_KERNELS_SUPPORT_H
#define TESTS_KERNELS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/cpu/kernels.h"

/* ---- levels ---- */

/** Run the group under the levels of argv, or all that there are; the exit status of main. */
int run_kernel_tests(const char *name, const struct CMUnitTest *tests, size_t count, int argc, char **argv);

/** The plain kernels. */
const struct so_kernels *reference(void);

/** Levels under test, NULL-terminated, "ref" among them only if it is named. */
const struct so_kernels *const *levels(void);

/* ---- memory ---- */

/** Rows that end at an inaccessible page and begin behind guard bytes, so that the last element has every
 * alignment. */
struct area {
    uint8_t *data;
    size_t rows, row_bytes, stride_bytes;
    uint8_t *map;
    size_t map_bytes;
};

/** Every byte is 0xa5. The last row has row_bytes only, not its whole stride. */
struct area area_new(size_t rows, size_t row_bytes, size_t stride_bytes);
void area_free(struct area *area);

/** From now on a write to it ends the test. */
void area_seal(struct area *area);

/** Fail unless everything but the rows' own bytes is still 0xa5. */
void area_check(const struct area *area, const char *what);

/** Fail unless the rows of both are the same bytes; `level` and `what` go into the message. */
void area_same(const struct area *expected, const struct area *actual, const char *level, const char *what);

/* ---- comparison ---- */

/** One output of a kernel. With `initial` it starts as a copy of that area of the same shape: for kernels
 * that work in place. */
struct output {
    size_t rows, row_bytes, stride_bytes;
    const struct area *initial;
};

enum { MAX_OUTPUTS = 4 };

/** Calls one kernel of a table; the inputs are in `context`. */
typedef void kernel_call(const struct so_kernels *kernels, const struct area *out, const void *context);

/**
 * Run the call under "ref" and under each level with fresh outputs, check their guard bytes, and, if `same`,
 * fail unless all bytes agree.
 */
void compare_levels(const char *what, bool same, kernel_call *call, const void *context,
                    const struct output *outputs, size_t count);

/* ---- values ---- */

/** A counter-based generator: the same values on every machine. */
uint32_t random_bits(void);
void random_seed(uint32_t seed);

enum float_pattern {
    FLOATS_UNIFORM, /* in [-8, 8) */
    FLOATS_ZERO,    /* both signs */
    FLOATS_ONE_HOT,
    FLOATS_CONSTANT,
    FLOATS_ALTERNATING,
    FLOATS_DENORMAL,
    FLOATS_TINY,   /* around 1e-30 */
    FLOATS_LARGE,  /* around 1e15 */
    FLOATS_SPREAD, /* magnitudes from 1e-20 to 1e15 side by side */
    FLOATS_TIES,   /* multiples of 1/2 up to 127, so that rounding meets ties */
    FLOATS_PATTERNS,
    FLOATS_HUGE,      /* around the largest float: sums overflow */
    FLOATS_NOT_FINITE /* NaN and infinities among others */
};
const char *float_pattern_name(enum float_pattern pattern);

/** Fill the rows of an area of floats, and seal it. */
void area_fill_floats(struct area *area, enum float_pattern pattern);

enum byte_pattern {
    BYTES_RANDOM,
    BYTES_LOWEST,      /* signed: -128, unsigned: 0 */
    BYTES_HIGHEST,     /* 127, 255 */
    BYTES_SECOND,      /* -127, 1 */
    BYTES_ALTERNATING, /* -127, 127 or 1, 255 */
    BYTES_ONE_HOT,
    BYTES_RARE, /* -128 or 0, but for one in 16 */
    BYTES_ZERO, /* 0, 128 */
    BYTES_PATTERNS
};

/** count values of B (signed) or of A (as_unsigned). */
void fill_bytes(uint8_t *p, size_t count, enum byte_pattern pattern, bool as_unsigned);

/** Accumulators up to +-2^bits, with zeros and both extremes among them; sealed. */
void area_fill_s32(struct area *area, int bits);

#endif
