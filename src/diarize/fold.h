/** From trained tensors to what the layers read: arithmetic of the importer, without files. */
#ifndef SO_DIARIZE_FOLD_H
#define SO_DIARIZE_FOLD_H

#include "diarize/network.h"

/** A batch norm of trained statistics, epsilon 1e-5. weight, bias: [n], or NULL for 1 and 0; mean, var: [n].
 */
void so_fold_norm(size_t n, const float *weight, const float *bias, const float *mean, const float *var,
                  float *factor, float *shift);

/** Band-pass filters of SincNet (Ravanelli & Bengio 2018) with their cosine and sine forms. low, band: [40]
 * Hz; out: [80][251]. */
void so_fold_sinc(const float *low, const float *band, float *out);

/** The filter of the model that is filter i here: even 0..31, odd 0..31, then what is left of the even and of
 * the odd. */
size_t so_fold_sinc_order(size_t i);

/** Filters [80][251] in this order to the weights of the three products: even [32][126], odd [32][125], rest
 * [16][251]. */
void so_fold_sinc_halves(const float *filters, float *even, float *odd, float *rest);

/** weight [n][channels][taps] to [n][taps][wide], zeros past `channels`. */
void so_fold_conv1d(const float *weight, size_t n, size_t channels, size_t taps, size_t wide, float *out);

/** weight [n][channels][9] to [n][9][channels]. */
void so_fold_conv2d(const float *weight, size_t n, size_t channels, float *out);

/** The head's 320 outputs are frequency * 32 + channel here: weight [n][32*10][taps], index channel*10 +
 * frequency. */
void so_fold_head_order(const float *weight, size_t n, size_t taps, float *out);

/** weight [32][channels][3] to [3*32][channels]. */
void so_fold_local(const float *weight, size_t channels, float *out);

/** weight *= factor[row]. */
void so_fold_rows(float *weight, size_t n, size_t k, const float *factor);

/** Where a matrix's arrays begin in the image of a file: so_networks_place's pointers, to be written. */
void so_fold_matrix(const struct so_matrix *m, const float *weight /* [n][k] */,
                    const float *bias /* [n] or NULL */);

/** The same for both matrices of a pair; weight is overwritten. */
void so_fold_fine(const struct so_fine_matrix *m, float *weight /* [n][k] */,
                  const float *bias /* [n] or NULL */);

#endif
