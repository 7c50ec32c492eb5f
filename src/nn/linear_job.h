/** A linear layer at work: its product, and what follows it. Private to src/nn. */
#ifndef SO_NN_LINEAR_JOB_H
#define SO_NN_LINEAR_JOB_H

#include "nn/nn.h"

struct so_ticket;

enum so_epilogue { SO_STORE, SO_ADD, SO_GELU_F32, SO_GELU_Q8, SO_SCATTER };

struct so_linear_job {
    struct so_nn *nn;
    const struct so_matrix *w;
    size_t rows;
    struct so_rows in;
    enum so_epilogue epilogue;
    float *y; /**< [rows][ldy] */
    size_t ldy;
    float *const *scattered; /**< [rows] */
    struct so_rows out;
};

/** All of it by the CPU's kernels. */
void so_linear_compute(const struct so_linear_job *job);

/**
 * What follows the sums acc int32 [n][lda] of rows [r, r + n) and `width` columns from c on (a multiple of 16).
 * row: float [width] scratch.
 */
void so_linear_epilogue(const struct so_linear_job *job, size_t r, size_t n, size_t c, size_t width, const int32_t *acc, size_t lda,
                        float *row);

/* ---- linear_device.c ---- */

/** Whether the planner gives this layer's product to the device. */
bool so_linear_wanted(const struct so_linear_job *job);
/** The product by a device and the epilogue here; false if the device fails. */
bool so_linear_on_device(const struct so_linear_job *job);
/** The same in two halves: hand the product over (NULL: not taken), and finish. job->in may change in between. */
struct so_ticket *so_linear_begin(const struct so_linear_job *job);
bool so_linear_end(const struct so_linear_job *job, struct so_ticket *ticket);

#endif
