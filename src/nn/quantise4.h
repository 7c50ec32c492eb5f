/**
 * INT4 rounding that knows what the layer hears: the error of each weight is handed on to those that follow,
 * so that the errors of the products, not of the weights, are small. That is LDLQ (Chee et al. 2023, "QuIP",
 * section 4.1), which equals GPTQ (Frantar et al. 2022) but needs no inverse: with the second moments of the
 * inputs H = U D U', U unit upper triangular, q_k = round(w_k + sum over j < k of (w_j - q_j) U_jk). Inputs
 * are taken in falling order of H_kk, steps are chosen before.
 */
#ifndef SO_NN_QUANTISE4_H
#define SO_NN_QUANTISE4_H

#include <stdint.h>

#include "backend/cpu/kernels.h"
#include "util/error.h"
#include "util/pool.h"

/** What is known of one layer's inputs. */
struct so_moments {
    size_t k;
    float *h;        /**< [k][k], H before so_moments_factor, then U transposed below the diagonal */
    float *weight;   /**< [k] H_kk, in the inputs' order */
    uint32_t *order; /**< [k] inputs in the order in which they are rounded */
};

/** h: float [k][k], so_alloc'ed, owned from then on even on failure. */
sotto_status so_moments_create(size_t k, float *h, struct so_moments **out, sotto_error *err);
void so_moments_free(struct so_moments *moments); /**< NULL is allowed */

/** Order, damp (five percent of the mean of the diagonal) and factor in place: k^3 / 6 multiplications, by all
 * threads. */
sotto_status so_moments_factor(struct so_moments *moments, const struct so_kernels *kernels,
                               struct so_pool *pool, sotto_error *err);

/**
 * One output's weights. w: finite float [k]; scratch: float [2 * k]; q: int8 [k] in [-8, 7]; steps: [k/32] in
 * [0, 255]; *scale: w is about q * step * scale. Equal on all CPU levels.
 */
void so_quantise_s4(const struct so_moments *moments, const struct so_kernels *kernels, const float *w,
                    float *scratch, int8_t *q, uint8_t *steps, float *scale);

#endif
