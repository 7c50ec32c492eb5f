/**
 * Models without training: random weights from a seed in a valid .sotto file, by the same writer as real
 * ones. Any part of the engine can be tested on them; what they say is noise, but always the same noise.
 */
#ifndef SO_TESTS_SYNTHETIC_H
#define SO_TESTS_SYNTHETIC_H

#include "model/layout.h"
#include "model/vocab_build.h"

/**
 * Sizes of a model: `state` a multiple of 64, n_mels 80 or 128, n_vocab 51864 (English), 51865 or 51866. The
 * file of state 64 with two layers each has about 6 MB.
 */
struct so_hparams so_synthetic_hparams(uint32_t state, uint32_t audio_layers, uint32_t text_layers,
                                       uint32_t n_mels, uint32_t n_vocab);

/** Write a model named "synthetic". Equal arguments give equal bytes. */
sotto_status so_synthetic_write(const char *path, const struct so_hparams *hp, enum so_precision precision,
                                uint64_t seed, sotto_error *err);

/** The token position from which a terse model says nothing but the end of text. */
#define SO_SYNTHETIC_TERSE 16

/** The same for a model whose texts end after a dozen tokens: noise too, but soon over. */
sotto_status so_synthetic_write_terse(const char *path, const struct so_hparams *hp, enum so_precision precision,
                                      uint64_t seed, sotto_error *err);

/** One weight, as so_synthetic_write takes it: matrices uniform with variance 1/k, norms near 1 and 0, biases
 * small. */
float so_synthetic_weight(uint64_t seed, const struct so_item *item, enum so_part part, uint32_t row,
                          uint32_t column);

/**
 * A vocabulary with the real number of text tokens: the 256 bytes (token = byte), then pairs of bytes and
 * some of three. Finished; freed with so_vocab_builder_free, which *vocab depends on.
 */
sotto_status so_synthetic_vocab(uint32_t n_vocab, struct so_vocab_builder **builder,
                                const struct so_vocab **vocab, sotto_error *err);

/** The bytes of a text token of that vocabulary: at most 3; returns how many. */
size_t so_synthetic_token(const struct so_vocab *layout, uint32_t id, char bytes[3]);

/** A number that depends on all of its arguments and on nothing else (SplitMix64, Steele et al. 2014, over a
 * counter). */
uint64_t so_synthetic_random(uint64_t seed, uint64_t stream, uint64_t counter);

/** White noise in [-0.5, 0.5), always the same. samples: [n] */
void so_synthetic_noise(float *samples, size_t n);

#endif
