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

/** An array configuration: gemm, which serves all shapes, or a stock one for a single shape. */
struct so_xdna_overlay {
    bool stock;
    struct so_gemm_shape shape; /**< stock: the only one */
    unsigned place[3];          /**< of A, B and C among the kernel's buffers */
    uint32_t *words;            /**< stock: its instruction stream; [n_words] */
    size_t n_words;
    void *file; /**< the xclbin's bytes */
    struct so_xclbin *xclbin;
    size_t kernel;
    struct so_xdna_context context; /**< handle 0: not made, or given up for another's */
    uint64_t used;                  /**< when it was last used, by x->clock */
    size_t under_way;               /**< submissions that are not known to have ended */
};

/** A weight matrix on the device, or several side by side. */
struct so_xdna_matrix {
    struct so_xdna_matrix *next;
    struct so_panels panels;  /**< known by their address and sizes */
    struct so_panels *beside; /**< [n_beside], owned */
    size_t n_beside;
    bool by_rows;               /**< as stock configurations want it; else in tiles */
    struct so_gemm_shape shape; /**< m is not used */
    struct so_xdna_bo bo;
    uint32_t *check; /**< [k]: each row's weighted sum, modulo 2^32 */
};

/** The instructions for one padded shape on one configuration. */
struct so_xdna_stream {
    struct so_xdna_stream *next;
    const struct so_xdna_overlay *overlay;
    struct so_gemm_shape shape;
    struct so_xdna_bo bo;
    size_t n_words;
    bool trusted; /**< a known answer of this shape came out right */
};

/** One product's buffers; a slot that is free keeps them for the next product. */
struct so_ticket {
    bool used;
    bool lost; /**< nobody waits for it any more, but the device may still write: it rests until its context
                  is gone */
    struct so_xdna_bo a, b, c, command; /**< b: a changing operand; unused otherwise */
    struct so_product product; /**< a and, for changing operands, b's panels are not valid after submission */
    size_t columns;            /**< of the product */
    struct so_gemm_shape shape;
    struct so_xdna_overlay *overlay;
    const struct so_xdna_stream *stream;
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
    struct so_xdna_overlay *overlay;
    uint64_t seq;
    size_t members;  /**< tickets not yet released */
    bool waiting, done, good;
};

#define SO_XDNA_SLOTS 96
#define SO_XDNA_OVERLAYS 64

struct so_xdna_backend {
    struct so_backend base;
    bool all, attention;
    uint32_t check_every;
    struct so_xdna *device;
    struct so_emulator *emulator; /**< owned; NULL for a real device or a borrowed emulator */
    void *log_user;
    void (*log)(void *user, const char *line);
    struct so_xdna_overlay *overlays; /**< [n_overlays]; which there are does not change, their contexts do */
    size_t n_overlays;
    double retry_pause; /**< seconds; negative: a device that failed is not tried again */

    pthread_mutex_t lock; /**< of everything below */
    pthread_cond_t chain_done;
    uint64_t counter; /**< of products, to choose those that are computed again */
    uint64_t clock;   /**< of overlays' use */
    size_t n_contexts;
    bool retired, reviving;
    unsigned revivals;
    double retry_at; /**< 0: never */
    struct so_xdna_matrix *matrices;
    struct so_xdna_stream *streams;
    struct so_ticket *slots[SO_XDNA_SLOTS];
    struct so_chain *chains[SO_XDNA_SLOTS]; /**< free ones, with their command buffers */
    size_t n_free_chains;
    size_t under_way; /**< submissions */
    double busy_from;
    struct so_backend_stats stats;
};

static inline struct so_xdna_backend *so_xdna_self(struct so_backend *b) { return (struct so_xdna_backend *)b; }

extern const struct so_backend_ops so_xdna_engine_ops, so_xdna_emulator_ops;
void so_xdna_engine_close(struct so_backend *b);

/* ---- engine_overlay.c ---- */

/** Read the configurations that options ask for. */
sotto_status so_xdna_overlays_load(struct so_xdna_backend *x, const struct so_backend_options *o,
                                   sotto_error *err);
void so_xdna_overlays_free(struct so_xdna_backend *x);
/** The configuration that serves a product, and the padded shape that it is given; NULL: none does. Needs no
 * lock. */
struct so_xdna_overlay *so_xdna_overlay_for(const struct so_xdna_backend *x, size_t m, size_t k, size_t n,
                                            struct so_gemm_shape *shape);
/** Give it a context, the least recently used one's if the hardware has no more. With the lock, which it may
 * leave meanwhile. */
bool so_xdna_overlay_ready(struct so_xdna_backend *x, struct so_xdna_overlay *overlay, sotto_error *err);
/** With the lock. */
void so_xdna_contexts_destroy(struct so_xdna_backend *x);

/* ---- engine_plan.c ---- */

bool so_xdna_wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention);
bool so_xdna_claims(struct so_backend *b, const struct so_product *product);
bool so_xdna_prove(struct so_backend *b, size_t m, size_t k, size_t n);
void so_xdna_describe(const struct so_backend *b, struct so_capabilities *out);
/** Whether this product's shape gave a known answer; asks for one the first time. Without the lock. */
bool so_xdna_trusted(struct so_xdna_backend *x, size_t m, size_t k, size_t n);

/** Where B[k][n] stands in a buffer of the device; eight columns from a multiple of 8 on stand together. */
static inline size_t so_xdna_b_place(struct so_gemm_shape shape, bool by_rows, size_t k, size_t n) {
    return by_rows ? k * shape.n + n : so_gemm_b_at(shape, k, n);
}

/* ---- all of these are called with the lock held ---- */

/** Pack a product's B into a buffer in the device's order, and compute its rows' weighted sums [k]. */
void so_xdna_pack(const struct so_product *product, struct so_gemm_shape shape, bool by_rows, int8_t *out,
                  uint32_t *check);
struct so_xdna_matrix *so_xdna_matrix_find(struct so_xdna_backend *x, const struct so_product *product,
                                           bool by_rows, struct so_gemm_shape shape, sotto_error *err);
void so_xdna_matrix_free(struct so_xdna_backend *x, struct so_xdna_matrix *matrix);
struct so_xdna_stream *so_xdna_stream_find(struct so_xdna_backend *x, const struct so_xdna_overlay *overlay,
                                           struct so_gemm_shape shape, sotto_error *err);
struct so_ticket *so_xdna_slot_take(struct so_xdna_backend *x, const struct so_product *p,
                                    struct so_gemm_shape shape, sotto_error *err);
void so_xdna_slot_free(struct so_xdna_backend *x, struct so_ticket *t);
struct so_chain *so_xdna_chain_take(struct so_xdna_backend *x, bool packet, sotto_error *err);
void so_xdna_chain_give(struct so_xdna_backend *x, struct so_chain *chain);
/** Wait for a submission, or for the thread that does. May leave the lock meanwhile. */
void so_xdna_chain_finish(struct so_xdna_backend *x, struct so_chain *chain);

/** Count a failure and give the device up; the first time with one line in the log. again: its state may
 * allow another try. */
void so_xdna_retire(struct so_xdna_backend *x, const char *why, bool again);

/* ---- without the lock ---- */

/** Whether the device may be used; one that failed is tried again here when its pause is over. */
bool so_xdna_usable(struct so_xdna_backend *x);
/** Whether C's weighted row sums are what A and B make them: wrong for any single wrong bit. */
bool so_xdna_sums_match(const struct so_ticket *t);
/** Whether C is, byte for byte, what the CPU computes from the same operands. */
bool so_xdna_bytes_match(const struct so_xdna_backend *x, const struct so_ticket *t);
/** Known answers through the whole path: identity, extremes, K over one tile, random numbers. */
sotto_status so_xdna_known_answers(struct so_xdna_backend *x, sotto_error *err);
/** The same patterns in one product of this shape, compared byte by byte. */
bool so_xdna_try_shape(struct so_xdna_backend *x, struct so_gemm_shape shape);

#endif
