/**
 * Products on the array: weights that stay on the device, a stream for each shape, buffers that are used again, and no trust.
 * Private to src/backend/xdna.
 */
#ifndef SO_XDNA_ENGINE_H
#define SO_XDNA_ENGINE_H

#include <pthread.h>

#include "backend/backend.h"
#include "backend/xdna/device.h"
#include "backend/xdna/gemm_stream.h"

/** Columns of C are summed with a weight for each of 16 residues: odd, so that no single wrong bit cancels, and all different. */
#define SO_CHECK_LANES 16

/** A weight matrix on the device. */
struct so_xdna_matrix {
    struct so_xdna_matrix *next;
    struct so_panels panels; /**< known by their address and sizes */
    struct so_gemm_shape shape; /**< m is not used */
    struct so_xdna_bo bo;
    uint32_t *check; /**< [k]: each row's weighted sum, modulo 2^32 */
};

/** The instructions for one padded shape. */
struct so_xdna_stream {
    struct so_xdna_stream *next;
    struct so_gemm_shape shape;
    struct so_xdna_bo bo;
    size_t n_words;
    bool trusted; /**< a known answer of this shape came out right */
};

/** One product's buffers; a slot that is free keeps them for the next product. */
struct so_ticket {
    bool used;
    struct so_xdna_bo a, b, c, command; /**< b: a changing operand; unused otherwise */
    struct so_product product;          /**< a and, for changing operands, b's panels are not valid after submission */
    struct so_gemm_shape shape;
    const struct so_xdna_matrix *matrix; /**< NULL: changing operand */
    uint32_t *check;                     /**< of the changing operand; [check_room] */
    size_t check_room;
    int32_t *sums; /**< of the changing operand, for unsigned activations; [sums_room] */
    size_t sums_room;
    bool compensated;                    /**< the host wrote into c */
    struct so_chain *chain;              /**< the submission it belongs to */
    double started;
    bool recompute; /**< compare with the CPU, byte by byte */
};

/** One submission: a single command or a chain. */
struct so_chain {
    struct so_xdna_bo command; /**< the chain's own packet; unused for a single command */
    const struct so_xdna_bo *waited; /**< the command that is waited for */
    uint64_t seq;
    size_t members;  /**< tickets not yet released */
    bool waiting, done, good;
};

#define SO_XDNA_SLOTS 96

struct so_xdna_backend {
    struct so_backend base;
    bool all, attention;
    uint32_t check_every;
    uint64_t counter; /**< of products, to choose those that are computed again */
    struct so_xdna *device;
    struct so_xdna_context context;
    void *file; /**< the xclbin's bytes */
    struct so_emulator *emulator; /**< owned; NULL for a real device or a borrowed emulator */
    void *log_user;
    void (*log)(void *user, const char *line);

    pthread_mutex_t lock; /**< of everything below */
    pthread_cond_t chain_done;
    bool retired;
    struct so_xdna_matrix *matrices;
    struct so_xdna_stream *streams;
    struct so_ticket *slots[SO_XDNA_SLOTS];
    struct so_chain *chains[SO_XDNA_SLOTS]; /**< free ones, with their command buffers */
    size_t n_free_chains;
    struct so_backend_stats stats;
};

static inline struct so_xdna_backend *so_xdna_self(struct so_backend *b) { return (struct so_xdna_backend *)b; }

extern const struct so_backend_ops so_xdna_engine_ops, so_xdna_emulator_ops;
void so_xdna_engine_close(struct so_backend *b);

/* ---- all of these are called with the lock held ---- */

/** Pack panels into a buffer in the device's order and, where check is not NULL, compute the rows' weighted sums [k]. */
void so_xdna_pack(const struct so_panels *panels, struct so_gemm_shape shape, int8_t *out, uint32_t *check);
/** The same from int8 [k][n] row by row. */
void so_xdna_pack_rows(const int8_t *b, size_t k, size_t n, struct so_gemm_shape shape, int8_t *out, uint32_t *check);
struct so_xdna_matrix *so_xdna_matrix_find(struct so_xdna_backend *x, const struct so_panels *panels, sotto_error *err);
struct so_xdna_stream *so_xdna_stream_find(struct so_xdna_backend *x, struct so_gemm_shape shape, sotto_error *err);
struct so_ticket *so_xdna_slot_take(struct so_xdna_backend *x, const struct so_product *p, struct so_gemm_shape shape, sotto_error *err);
void so_xdna_slot_free(struct so_xdna_backend *x, struct so_ticket *t);
struct so_chain *so_xdna_chain_take(struct so_xdna_backend *x, bool packet, sotto_error *err);
void so_xdna_chain_give(struct so_xdna_backend *x, struct so_chain *chain);

/** Count a failure and give the device up; the first time with one line in the log. */
void so_xdna_retire(struct so_xdna_backend *x, const char *why);

/* ---- without the lock ---- */

/** Whether C's weighted row sums are what A and B make them: wrong for any single wrong bit. */
bool so_xdna_sums_match(const struct so_ticket *t);
/** Whether C is, byte for byte, what the CPU computes from the same operands. Only for registered matrices. */
bool so_xdna_bytes_match(const struct so_xdna_backend *x, const struct so_ticket *t);
/** Known answers through the whole path: identity, extremes, K over one tile, random numbers. */
sotto_status so_xdna_known_answers(struct so_xdna_backend *x, sotto_error *err);
/** One random product of this shape, compared byte by byte. */
bool so_xdna_try_shape(struct so_xdna_backend *x, struct so_gemm_shape shape);

#endif
