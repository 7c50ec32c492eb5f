/**
 * Agglomerative clustering by average linkage (Sokal & Michener 1958): the whole tree of merges, nearest
 * first. Points are unit vectors and distance is 1 - cosine, so that the mean distance of all pairs of two
 * clusters is 1 minus the inner product of the clusters' means. Hence no matrix of distances: memory is that
 * of the points, and ten hours of pieces cluster in megabytes. Order of sums and of ties is fixed, so the
 * tree is the same on every machine.
 */
#ifndef SO_DIARIZE_LINKAGE_H
#define SO_DIARIZE_LINKAGE_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** More points than this are thinned before they are linked: time grows with the square. */
#define SO_LINKAGE_MAX_POINTS 12288

/**
 * Points 0..n-1 are clusters of one; merge i makes cluster n + i of a and b (a < b). Distances never fall,
 * but for rounding.
 */
struct so_merge {
    uint32_t a, b;
    float distance; /**< 0 to 2 */
    float weight;   /**< sum of the weights of the points in it */
};

/**
 * points: float [n][dim], unit length or means of such; dim: a multiple of 16; weights: float [n], positive;
 * merges: [n - 1], written. By nearest-neighbour chains (Benzecri 1982; Murtagh 1983): n^2 inner products. Of
 * equal neighbours the first is taken.
 */
sotto_status so_linkage(const float *points, const float *weights, size_t n, size_t dim,
                        struct so_merge *merges, sotto_error *err);

/**
 * The cluster of each point once the first `n_merges` are done: labels [n], 0.. in order of first appearance.
 * scratch: [n + n_merges]. Returns their number.
 */
size_t so_linkage_labels(const struct so_merge *merges, size_t n, size_t n_merges, uint32_t *labels,
                         uint32_t *scratch);

/**
 * About `most` points in place of more: neighbours in time are clustered among themselves, in blocks, until
 * few enough are left. points: [n][dim], in order of time, overwritten by *n_out means; weights alike; owner:
 * [n], to which of them each old point now belongs.
 */
sotto_status so_linkage_thin(float *points, float *weights, size_t n, size_t dim, size_t most,
                             uint32_t *owner, size_t *n_out, sotto_error *err);

#endif
