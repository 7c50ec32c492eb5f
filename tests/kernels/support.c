#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARD = 0xa5, MAX_LEVELS = 8 };

/* ---- levels ---- */

static const struct so_kernels *chosen[MAX_LEVELS + 1];

const struct so_kernels *reference(void) {
    return so_kernels_level("ref");
}
const struct so_kernels *const *levels(void) {
    return chosen;
}

static bool choose(const char *name, size_t *count) {
    const struct so_kernels *kernels = so_kernels_level(name);
    if (kernels && *count < MAX_LEVELS) chosen[(*count)++] = kernels;
    return kernels != NULL;
}

int run_kernel_tests(const char *name, const struct CMUnitTest *tests, size_t count, int argc, char **argv) {
    size_t n = 0;
    for (int i = 1; i < argc; i++)
        if (!choose(argv[i], &n)) {
            fprintf(stderr, "%s: this CPU or build has no level '%s'\n", name, argv[i]);
            return 1;
        }
    for (const char *const *level = so_kernels_levels(); argc < 2 && *level; level++)
        if (strcmp(*level, "ref") != 0) choose(*level, &n);
    /* With nothing to compare, the plain kernels still have to be right where a test knows the answer
     * otherwise. */
    if (n == 0) choose("ref", &n);
    printf("%s: levels", name);
    for (size_t i = 0; i < n; i++) printf(" %s", chosen[i]->level);
    printf("\n");
    return _cmocka_run_group_tests(name, tests, count, NULL, NULL);
}

/* ---- memory ---- */

struct area area_new(size_t rows, size_t row_bytes, size_t stride_bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (rows - 1) * stride_bytes + row_bytes;
    const size_t usable = (size + 128 + page - 1) / page * page; /* at least 128 guard bytes before */
    struct area a = {
        .rows = rows, .row_bytes = row_bytes, .stride_bytes = stride_bytes, .map_bytes = usable + page};
    void *map = mmap(NULL, a.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    a.map = map;
    memset(a.map, GUARD, usable);
    assert_int_equal(mprotect(a.map + usable, page, PROT_NONE), 0);
    a.data = a.map + usable - size;
    return a;
}

void area_free(struct area *a) {
    munmap(a->map, a->map_bytes);
}

static size_t usable_bytes(const struct area *a) {
    return a->map_bytes - (size_t)sysconf(_SC_PAGESIZE);
}

void area_seal(struct area *a) {
    assert_int_equal(mprotect(a->map, usable_bytes(a), PROT_READ), 0);
}

void area_check(const struct area *a, const char *what) {
    for (const uint8_t *p = a->map; p < a->data; p++)
        if (*p != GUARD) fail_msg("%s: wrote %zu bytes before its first row", what, (size_t)(a->data - p));
    for (size_t r = 0; r + 1 < a->rows; r++)
        for (size_t i = a->row_bytes; i < a->stride_bytes; i++)
            if (a->data[r * a->stride_bytes + i] != GUARD)
                fail_msg("%s: wrote byte %zu of row %zu, which has %zu", what, i, r, a->row_bytes);
}

void area_same(const struct area *expected, const struct area *actual, const char *level, const char *what) {
    for (size_t r = 0; r < expected->rows; r++) {
        const uint8_t *e = expected->data + r * expected->stride_bytes,
                      *a = actual->data + r * actual->stride_bytes;
        for (size_t i = 0; memcmp(e, a, expected->row_bytes) != 0 && i < expected->row_bytes; i++)
            if (e[i] != a[i])
                fail_msg("%s: %s differs at row %zu, byte %zu of %zu: %02x, not %02x", level, what, r, i,
                         expected->row_bytes, a[i], e[i]);
    }
}

/* ---- comparison ---- */

static void run(const struct so_kernels *kernels, const char *what, kernel_call *call, const void *context,
                const struct output *outputs, size_t count, struct area *out) {
    for (size_t i = 0; i < count; i++) {
        const struct output *o = &outputs[i];
        out[i] = area_new(o->rows, o->row_bytes, o->stride_bytes);
        for (size_t r = 0; o->initial && r < o->rows; r++)
            memcpy(out[i].data + r * o->stride_bytes, o->initial->data + r * o->initial->stride_bytes,
                   o->row_bytes);
    }
    call(kernels, out, context);
    for (size_t i = 0; i < count; i++) area_check(&out[i], what);
}

void compare_levels(const char *what, bool same, kernel_call *call, const void *context,
                    const struct output *outputs, size_t count) {
    struct area expected[MAX_OUTPUTS], actual[MAX_OUTPUTS];
    run(reference(), what, call, context, outputs, count, expected);
    for (const struct so_kernels *const *level = levels(); *level; level++) {
        run(*level, what, call, context, outputs, count, actual);
        for (size_t i = 0; i < count; i++) {
            if (same) area_same(&expected[i], &actual[i], (*level)->level, what);
            area_free(&actual[i]);
        }
    }
    for (size_t i = 0; i < count; i++) area_free(&expected[i]);
}

/* ---- values ---- */

static uint32_t counter;

void random_seed(uint32_t seed) {
    counter = seed * 0x9e3779b9u;
}

uint32_t random_bits(void) {
    uint32_t x = counter += 0x9e3779b9u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

const char *float_pattern_name(enum float_pattern pattern) {
    static const char *const names[] = {"uniform",  "zero", "one hot",   "constant", "alternating",
                                        "denormal", "tiny", "large",     "spread",   "ties",
                                        "patterns", "huge", "not finite"};
    return names[pattern];
}

static float unit(void) {
    return (float)(random_bits() >> 8) * 0x1p-23f - 1.0f;
}

static float one_float(enum float_pattern pattern, size_t i, size_t hot) {
    switch (pattern) {
    case FLOATS_UNIFORM:
        return unit() * 8.0f;
    case FLOATS_ZERO:
        return random_bits() & 1 ? 0.0f : -0.0f;
    case FLOATS_ONE_HOT:
        return i == hot ? unit() * 100.0f : 0.0f;
    case FLOATS_CONSTANT:
        return -1.7f;
    case FLOATS_ALTERNATING:
        return i & 1 ? 3.25f : -3.25f;
    case FLOATS_DENORMAL:
        return unit() * FLT_MIN;
    case FLOATS_TINY:
        return unit() * 1e-30f;
    case FLOATS_LARGE:
        return unit() * 1e15f;
    case FLOATS_SPREAD:
        return ldexpf(unit(), (int)(random_bits() % 116) - 66);
    case FLOATS_TIES:
        return i == hot ? 127.0f : (float)((int)(random_bits() % 509) - 254) * 0.5f;
    case FLOATS_HUGE:
        return unit() * FLT_MAX;
    default:
        break;
    }
    switch (random_bits() % 4) {
    case 0:
        return random_bits() & 1 ? INFINITY : -INFINITY;
    case 1:
        return NAN;
    default:
        return unit() * 8.0f;
    }
}

void area_fill_floats(struct area *a, enum float_pattern pattern) {
    for (size_t r = 0; r < a->rows; r++) {
        float *row = (float *)(void *)(a->data + r * a->stride_bytes);
        const size_t count = a->row_bytes / sizeof *row, hot = random_bits() % count;
        for (size_t i = 0; i < count; i++) row[i] = one_float(pattern, i, hot);
    }
    area_seal(a);
}

void fill_bytes(uint8_t *p, size_t count, enum byte_pattern pattern, bool as_unsigned) {
    const size_t hot = random_bits() % count;
    for (size_t i = 0; i < count; i++) {
        int x = 0;
        switch (pattern) {
        case BYTES_RANDOM:
            x = (int)(random_bits() >> 24) - 128;
            break;
        case BYTES_LOWEST:
            x = -128;
            break;
        case BYTES_HIGHEST:
            x = 127;
            break;
        case BYTES_SECOND:
            x = -127;
            break;
        case BYTES_ALTERNATING:
            x = i & 1 ? 127 : -127;
            break;
        case BYTES_RARE:
            x = random_bits() % 16 ? -128 : (int)(random_bits() >> 24) - 128;
            break;
        case BYTES_ONE_HOT:
            x = i == hot ? -128 : 0;
            break;
        default:
            break;
        }
        p[i] = (uint8_t)((unsigned)(as_unsigned ? x + 128 : x) & 255u);
    }
}

void area_fill_s32(struct area *a, int bits) {
    for (size_t r = 0; r < a->rows; r++) {
        int32_t *row = (int32_t *)(void *)(a->data + r * a->stride_bytes);
        const int32_t most = (int32_t)((1u << bits) - 1u);
        for (size_t i = 0; i < a->row_bytes / sizeof *row; i++) switch (random_bits() % 16) {
            case 0:
                row[i] = 0;
                break;
            case 1:
                row[i] = most;
                break;
            case 2:
                row[i] = -most;
                break;
            default:
                row[i] = (int32_t)random_bits() >> (31 - bits);
                break;
            }
    }
    area_seal(a);
}
