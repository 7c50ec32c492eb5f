/* What the engine keeps: weights, streams, slots and chains. */
#include <string.h>

#include "backend/xdna/engine_check.h"
#include "util/memory.h"

/* Odd, different, and none the negative of another. */
const uint32_t so_xdna_check_weight[SO_CHECK_LANES] = {1, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53};

static void pack_panels(const struct so_panels *p, size_t column, struct so_gemm_shape shape, bool by_rows,
                        int8_t *out, uint32_t *check) {
    size_t groups = (p->k + 3) / 4;
    for (size_t panel = 0; panel * SO_LANES < p->n; panel++)
        for (size_t g = 0; g < groups; g++) {
            const int8_t *from = p->q + (panel * groups + g) * SO_LANES * 4;
            size_t rows = so_min(4, p->k - g * 4), n = column + panel * SO_LANES;
            for (size_t i = 0; i < rows; i++) {
                int8_t *low = out + so_xdna_b_place(shape, by_rows, g * 4 + i, n);
                int8_t *high = out + so_xdna_b_place(shape, by_rows, g * 4 + i, n + 8);
                for (size_t j = 0; j < 8; j++) {
                    low[j] = from[j * 4 + i];
                    high[j] = from[(j + 8) * 4 + i];
                }
                uint32_t sum = 0;
                for (size_t j = 0; j < SO_LANES; j++) sum += (uint32_t)(int32_t)from[j * 4 + i] * so_xdna_check_weight[j];
                if (check) check[g * 4 + i] += sum;
            }
        }
}

/* The same from int8 [k][n] row by row. */
static void pack_rows(const int8_t *b, size_t k, size_t n, struct so_gemm_shape shape, bool by_rows,
                      int8_t *out, uint32_t *check) {
    for (size_t i = 0; i < k; i++) {
        uint32_t sum = 0;
        for (size_t j = 0; j < n; j += 8)
            memcpy(out + so_xdna_b_place(shape, by_rows, i, j), b + i * n + j, so_min(8, n - j));
        for (size_t j = 0; j < n; j++)
            sum += (uint32_t)(int32_t)b[i * n + j] * so_xdna_check_weight[j % SO_CHECK_LANES];
        check[i] = sum;
    }
}

void so_xdna_pack(const struct so_product *p, struct so_gemm_shape shape, bool by_rows, int8_t *out,
                  uint32_t *check) {
    /* Rows and columns past the matrix stay zero: what the device computes from padding in A then counts
     * nothing. */
    memset(out, 0, so_gemm_b_bytes(shape));
    memset(check, 0, p->b.k * sizeof *check);
    if (p->b_rows) {
        pack_rows(p->b_rows, p->b.k, p->b.n, shape, by_rows, out, check);
        return;
    }
    pack_panels(&p->b, 0, shape, by_rows, out, check);
    size_t column = so_round_up(p->b.n, SO_LANES);
    for (size_t i = 0; i < p->n_beside; i++) {
        pack_panels(&p->beside[i], column, shape, by_rows, out, check);
        column += so_round_up(p->beside[i].n, SO_LANES);
    }
}

static struct so_xdna_matrix *make_matrix(struct so_xdna_backend *x, const struct so_product *p, bool by_rows,
                                          struct so_gemm_shape shape, sotto_error *err) {
    struct so_xdna_matrix *m = so_calloc(1, sizeof *m);
    if (m) m->check = so_alloc(p->b.k, sizeof *m->check);
    if (m && p->n_beside) m->beside = so_alloc(p->n_beside, sizeof *m->beside);
    sotto_status status = m && m->check && (m->beside || !p->n_beside)
                              ? SOTTO_OK
                              : so_fail_memory(err, p->b.k, "a matrix on the device");
    if (status == SOTTO_OK)
        status = so_xdna_bo_create(x->device, SO_BO_SHARE, so_gemm_b_bytes(shape), &m->bo, err);
    if (status != SOTTO_OK) {
        so_xdna_matrix_free(x, m);
        return NULL;
    }
    m->panels = p->b;
    m->n_beside = p->n_beside;
    if (p->n_beside) memcpy(m->beside, p->beside, p->n_beside * sizeof *m->beside);
    m->by_rows = by_rows;
    m->shape = shape;
    so_xdna_pack(p, shape, by_rows, (int8_t *)m->bo.map, m->check);
    so_xdna_bo_flush(x->device, &m->bo, 0, so_gemm_b_bytes(m->shape));
    x->stats.resident += so_gemm_b_bytes(m->shape);
    x->stats.bytes_to += so_gemm_b_bytes(m->shape);
    return m;
}

void so_xdna_matrix_free(struct so_xdna_backend *x, struct so_xdna_matrix *m) {
    if (!m) return;
    so_xdna_bo_free(x->device, &m->bo);
    so_free(m->check);
    so_free(m->beside);
    so_free(m);
}

static bool same_panels(const struct so_panels *a, const struct so_panels *b) {
    return a->q == b->q && a->k == b->k && a->n == b->n;
}

static bool is_matrix(const struct so_xdna_matrix *m, const struct so_product *p, bool by_rows,
                      struct so_gemm_shape shape) {
    if (!same_panels(&m->panels, &p->b) || m->n_beside != p->n_beside || m->by_rows != by_rows) return false;
    if (m->shape.k != shape.k || m->shape.n != shape.n) return false;
    for (size_t i = 0; i < p->n_beside; i++)
        if (!same_panels(&m->beside[i], &p->beside[i])) return false;
    return true;
}

struct so_xdna_matrix *so_xdna_matrix_find(struct so_xdna_backend *x, const struct so_product *p,
                                           bool by_rows, struct so_gemm_shape shape, sotto_error *err) {
    for (struct so_xdna_matrix *m = x->matrices; m; m = m->next)
        if (is_matrix(m, p, by_rows, shape)) return m;
    struct so_xdna_matrix *m = make_matrix(x, p, by_rows, shape, err);
    if (!m) return NULL;
    m->next = x->matrices;
    x->matrices = m;
    return m;
}

struct so_xdna_stream *so_xdna_stream_find(struct so_xdna_backend *x, const struct so_xdna_overlay *overlay,
                                           struct so_gemm_shape shape, sotto_error *err) {
    for (struct so_xdna_stream *s = x->streams; s; s = s->next)
        if (s->overlay == overlay && s->shape.m == shape.m && s->shape.k == shape.k && s->shape.n == shape.n)
            return s;
    struct so_xdna_stream *stream = so_calloc(1, sizeof *stream);
    struct so_txn txn = {0};
    if (!stream || (!overlay->stock && !so_gemm_stream(shape, &txn))) {
        so_free(stream);
        so_fail_memory(err, 0, "an instruction stream");
        return NULL;
    }
    const uint32_t *words = overlay->stock ? overlay->words : txn.words;
    *stream = (struct so_xdna_stream){
        .overlay = overlay, .shape = shape, .n_words = overlay->stock ? overlay->n_words : txn.n_words};
    sotto_status status = so_xdna_bo_create(x->device, SO_BO_DEV, stream->n_words * 4, &stream->bo, err);
    if (status == SOTTO_OK) {
        memcpy(stream->bo.map, words, stream->n_words * 4);
        so_xdna_bo_flush(x->device, &stream->bo, 0, stream->n_words * 4);
        stream->next = x->streams;
        x->streams = stream;
    } else {
        so_free(stream);
        stream = NULL;
    }
    so_txn_free(&txn);
    return stream;
}

/* A buffer of at least this size, the one at hand if it will do. */
static bool ensure(struct so_xdna_backend *x, struct so_xdna_bo *bo, enum so_bo_type type, size_t size, sotto_error *err) {
    if (bo->size >= size) return true;
    so_xdna_bo_free(x->device, bo);
    return so_xdna_bo_create(x->device, type, size, bo, err) == SOTTO_OK;
}

static bool ensure_words(uint32_t **words, size_t *room, size_t n) {
    if (*room >= n) return true;
    so_free(*words);
    *words = so_alloc(n, sizeof **words);
    *room = *words ? n : 0;
    return *words != NULL;
}

/* Among free slots the one whose C fits best; an empty place only where none is free. */
static size_t choose_slot(const struct so_xdna_backend *x, size_t c_bytes) {
    size_t best = SO_XDNA_SLOTS, empty = SO_XDNA_SLOTS;
    for (size_t i = 0; i < SO_XDNA_SLOTS; i++) {
        const struct so_ticket *t = x->slots[i];
        if (!t && empty == SO_XDNA_SLOTS) empty = i;
        if (!t || t->used) continue;
        if (best == SO_XDNA_SLOTS) best = i;
        size_t size = t->c.size, at_best = x->slots[best]->c.size;
        bool fits = size >= c_bytes, best_fits = at_best >= c_bytes;
        if (fits != best_fits ? fits : fits ? size < at_best : size > at_best) best = i;
    }
    return best < SO_XDNA_SLOTS ? best : empty;
}

struct so_ticket *so_xdna_slot_take(struct so_xdna_backend *x, const struct so_product *p, struct so_gemm_shape shape, sotto_error *err) {
    size_t i = choose_slot(x, so_gemm_c_bytes(shape));
    if (i == SO_XDNA_SLOTS) {
        so_fail(err, SOTTO_ERR_DEVICE, "too many products under way");
        return NULL;
    }
    if (!x->slots[i] && !(x->slots[i] = so_calloc(1, sizeof *x->slots[i]))) {
        so_fail_memory(err, sizeof *x->slots[i], "a product on the device");
        return NULL;
    }
    struct so_ticket *t = x->slots[i];
    bool ready = ensure(x, &t->a, SO_BO_SHARE, so_gemm_a_bytes(shape), err) && ensure(x, &t->c, SO_BO_SHARE, so_gemm_c_bytes(shape), err) &&
                 ensure(x, &t->command, SO_BO_CMD, SO_COMMAND_BYTES, err);
    if (ready && p->changing)
        ready = ensure(x, &t->b, SO_BO_SHARE, so_gemm_b_bytes(shape), err) && ensure_words(&t->check, &t->check_room, p->b.k) &&
                ensure_words((uint32_t **)&t->sums, &t->sums_room, p->b.n);
    if (!ready) return NULL;
    t->used = true;
    t->lost = false;
    t->product = *p;
    t->columns = so_product_columns(p);
    t->shape = shape;
    t->matrix = NULL;
    t->compensated = false;
    t->recompute = false;
    t->chain = NULL;
    return t;
}

void so_xdna_slot_free(struct so_xdna_backend *x, struct so_ticket *t) {
    if (!t) return;
    so_xdna_bo_free(x->device, &t->a);
    so_xdna_bo_free(x->device, &t->b);
    so_xdna_bo_free(x->device, &t->c);
    so_xdna_bo_free(x->device, &t->command);
    so_free(t->check);
    so_free(t->sums);
    so_free(t);
}

struct so_chain *so_xdna_chain_take(struct so_xdna_backend *x, bool packet, sotto_error *err) {
    struct so_chain *chain = x->n_free_chains ? x->chains[--x->n_free_chains] : so_calloc(1, sizeof *chain);
    if (!chain) {
        so_fail_memory(err, sizeof *chain, "a submission");
        return NULL;
    }
    struct so_xdna_bo command = chain->command;
    *chain = (struct so_chain){.command = command};
    if (packet && !ensure(x, &chain->command, SO_BO_CMD, SO_COMMAND_BYTES, err)) {
        so_xdna_chain_give(x, chain);
        return NULL;
    }
    return chain;
}

void so_xdna_chain_give(struct so_xdna_backend *x, struct so_chain *chain) {
    if (x->n_free_chains < SO_XDNA_SLOTS) {
        x->chains[x->n_free_chains++] = chain;
        return;
    }
    so_xdna_bo_free(x->device, &chain->command);
    so_free(chain);
}
