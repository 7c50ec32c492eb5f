/** A model with random weights, in memory, with its weights kept in natural order too: [n][k]. */
#ifndef TEST_TOY_H
#define TEST_TOY_H

#include "model/model.h"

/** A linear layer in natural order. In an INT8 toy `w` holds the values that the packed bytes stand for. */
struct plain_matrix {
    uint32_t n, k;
    float *w;    /* [n][k] */
    float *bias; /* [n] */
};

struct toy {
    struct so_model model;
    struct plain_matrix conv1, conv2, tokens;
    struct plain_matrix (*encoder)[4]; /* qkv, out, fc1, fc2 */
    struct plain_matrix (*decoder)[7]; /* qkv, out, cross_q, cross_kv, cross_out, fc1, fc2 */
    void **blocks;                     /* everything that was allocated */
    size_t n_blocks;
};

/** `seed` decides every weight; ends the test program when memory runs out. */
void toy_create(struct toy *toy, const struct so_hparams *hp, enum so_precision precision, uint64_t seed);
void toy_free(struct toy *toy);

/** Uniform in [-1, 1), by counter. */
float toy_random(uint64_t seed, uint64_t index);

#endif
