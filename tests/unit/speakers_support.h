/** For the tests of the speaker networks: made-up tensors under the importer's names, and both networks
 * written down plainly. */
#ifndef SO_TESTS_SPEAKERS_SUPPORT_H
#define SO_TESTS_SPEAKERS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

struct made_tensor {
    char name[32];
    size_t rank, shape[4], count;
    float *values;
};

struct made_speakers {
    struct made_tensor tensors[1024];
    size_t n;
};

/** All tensors of the checkpoints, random, of sizes that keep every layer's output lively. */
struct made_speakers *make_speakers(uint32_t seed);
void free_speakers(struct made_speakers *made);

/** A tensor's values, or the end of the test. */
const float *made(const struct made_speakers *made, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** As a safetensors file. */
void write_speakers(const struct made_speakers *made, const char *path);

/** Uniform in [-1, 1). */
float made_float(uint32_t *state);

/** The definitions, in double precision: samples [160000] to log-probabilities [589][7]; features [n][80] to
 * [192]. */
void plain_segmentation(const struct made_speakers *made, const float *samples, double *out);
void plain_embedding(const struct made_speakers *made, size_t n, const float *fbank, double *out);

#endif
