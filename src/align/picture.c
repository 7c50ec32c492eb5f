/*
 * A block of columns is one work item: all heads and rows of it, one after another, so that each sum has a
 * fixed order and what is needed stays in cache. A block reads a few columns of its neighbours for the
 * filters.
 */
#include "align/picture.h"

#include <math.h>
#include <string.h>

#include "util/memory.h"

enum { BLOCK = 64, HALO = SO_PICTURE_FILTER / 2, WIDE = BLOCK + 2 * HALO };

struct job {
    const float *weights;
    size_t heads, rows, positions, ld;
    float *contrast, *attention; /* [rows][ld] */
};

/** Column `at` (from -HALO on), mirrored at both ends. */
static size_t mirrored(ptrdiff_t at, size_t positions) {
    ptrdiff_t last = (ptrdiff_t)positions - 1;
    if (at < 0) at = -at;
    if (at > last) at = 2 * last - at;
    return at < 0 ? 0 : (size_t)(at > last ? last : at);
}

/** Columns [first - HALO, first + BLOCK + HALO) of a row. */
static void gather(const float *row, size_t first, size_t positions, float wide[WIDE]) {
    if (first >= HALO && first + BLOCK + HALO <= positions) {
        memcpy(wide, row + first - HALO, WIDE * sizeof *wide);
        return;
    }
    for (size_t i = 0; i < WIDE; i++) wide[i] = row[mirrored((ptrdiff_t)(first + i) - HALO, positions)];
}

/** mean and 1 / standard deviation over the rows of one head. */
static void measure(const struct job *job, const float *head, size_t first, float mean[WIDE],
                    float factor[WIDE]) {
    float wide[WIDE], sum[WIDE] = {0}, square[WIDE] = {0};
    for (size_t r = 0; r < job->rows; r++) {
        gather(head + r * job->ld, first, job->positions, wide);
        for (size_t i = 0; i < WIDE; i++) sum[i] += wide[i];
    }
    for (size_t i = 0; i < WIDE; i++) mean[i] = sum[i] / (float)job->rows;
    for (size_t r = 0; r < job->rows; r++) {
        gather(head + r * job->ld, first, job->positions, wide);
        for (size_t i = 0; i < WIDE; i++) square[i] += (wide[i] - mean[i]) * (wide[i] - mean[i]);
    }
    for (size_t i = 0; i < WIDE; i++)
        factor[i] = square[i] > 0 ? 1.0f / sqrtf(square[i] / (float)job->rows) : 0;
}

static inline float lower(float a, float b) {
    return a < b ? a : b;
}
static inline float higher(float a, float b) {
    return a < b ? b : a;
}

#define ORDER(a, b)                                               \
    do {                                                          \
        float low = lower(p[a], p[b]), high = higher(p[a], p[b]); \
        p[a] = low;                                               \
        p[b] = high;                                              \
    } while (0)

/* The middle one of seven by 13 exchanges: columns side by side need no branch. */
static inline float median7(const float *x) {
    float p[7] = {x[0], x[1], x[2], x[3], x[4], x[5], x[6]};
    ORDER(0, 5);
    ORDER(0, 3);
    ORDER(1, 6);
    ORDER(2, 4);
    ORDER(0, 1);
    ORDER(3, 5);
    ORDER(2, 6);
    ORDER(2, 3);
    ORDER(3, 6);
    ORDER(4, 5);
    ORDER(1, 4);
    ORDER(1, 3);
    ORDER(3, 4);
    return p[3];
}

static inline float median3(const float *x) {
    return higher(lower(x[0], x[1]), lower(higher(x[0], x[1]), x[2]));
}

static void add_contrast(const struct job *job, const float *head, size_t first, size_t n) {
    float mean[WIDE], factor[WIDE], wide[WIDE], filtered[BLOCK];
    measure(job, head, first, mean, factor);
    for (size_t r = 0; r < job->rows; r++) {
        float *out = job->contrast + r * job->ld + first;
        gather(head + r * job->ld, first, job->positions, wide);
        for (size_t i = 0; i < WIDE; i++) wide[i] = (wide[i] - mean[i]) * factor[i];
        for (size_t i = 0; i < BLOCK; i++) filtered[i] = median7(wide + i);
        for (size_t i = 0; i < n; i++) out[i] += filtered[i];
    }
}

static void make_attention(const struct job *job, size_t r, size_t first, size_t n) {
    float wide[WIDE], sum[WIDE] = {0};
    for (size_t h = 0; h < job->heads; h++) {
        gather(job->weights + (h * job->rows + r) * job->ld, first, job->positions, wide);
        for (size_t i = 0; i < WIDE; i++) sum[i] += wide[i];
    }
    float scale = 1.0f / (float)job->heads, *out = job->attention + r * job->ld + first;
    for (size_t i = 0; i < n; i++) out[i] = median3(sum + i + HALO - 1) * scale;
}

static void block_task(void *context, size_t item, size_t worker) {
    const struct job *job = context;
    size_t first = item * BLOCK, n = so_min(BLOCK, job->positions - first);
    float scale = 1.0f / (float)job->heads;
    (void)worker;
    for (size_t r = 0; r < job->rows; r++) memset(job->contrast + r * job->ld + first, 0, n * sizeof(float));
    for (size_t h = 0; h < job->heads; h++)
        add_contrast(job, job->weights + h * job->rows * job->ld, first, n);
    for (size_t r = 0; r < job->rows; r++) {
        float *out = job->contrast + r * job->ld + first;
        for (size_t i = 0; i < n; i++) out[i] *= scale;
        make_attention(job, r, first, n);
    }
}

void so_picture(struct so_pool *pool, const float *weights, size_t heads, size_t rows, size_t positions,
                size_t ld, float *contrast, float *attention) {
    struct job job = {weights, heads, rows, positions, ld, contrast, attention};
    so_pool_run(pool, (positions + BLOCK - 1) / BLOCK, block_task, &job);
}
