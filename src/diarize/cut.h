/** How many speakers there are: where the tree of merges is cut, and which clusters are too small to be
 * anybody. */
#ifndef SO_DIARIZE_CUT_H
#define SO_DIARIZE_CUT_H

#include "diarize/linkage.h"

struct so_cut_rule {
    float threshold; /**< merges at most this far apart are made */
    float small; /**< clusters of less weight than this, and than a tenth of all, are nobody: they join the
                    nearest */
    uint32_t least, most; /**< wanted number of clusters; 0: no bound */
};

/**
 * merges, points, weights: as so_linkage had them. labels: [n], 0.. in order of first appearance; *n_labels:
 * at least 1 for n > 0. Where the threshold gives too few or too many clusters that are large enough, the cut
 * nearest to it that gives the bound is taken; where none does with clusters of that size, smaller ones count
 * too.
 */
sotto_status so_cut(const struct so_merge *merges, const float *points, const float *weights, size_t n,
                    size_t dim, const struct so_cut_rule *rule, uint32_t *labels, size_t *n_labels,
                    sotto_error *err);

/** Mean of the points of each label, of unit length. centroids: float [n_labels][dim]. */
sotto_status so_centroids(const float *points, const float *weights, const uint32_t *labels, size_t n,
                          size_t dim, size_t n_labels, float *centroids, sotto_error *err);

#endif
