#include "backend/backend.h"

#include <string.h>

#include "util/memory.h"

sotto_status so_backend_open(const struct so_backend_options *options, struct so_backend **out, sotto_error *err) {
    *out = NULL;
    if (options->kind == SO_BACKEND_CPU) return so_backend_cpu(options, out, err);
    return options->tile ? so_backend_tiles(options, out, err) : so_backend_xdna(options, out, err);
}

void so_backend_close(struct so_backend *b) {
    if (b) b->ops->close(b);
}

const char *so_backend_name(const struct so_backend *b) { return b->ops->name; }
void so_backend_describe(const struct so_backend *b, struct so_capabilities *out) { b->ops->describe(b, out); }

bool so_backend_wants(struct so_backend *b, size_t m, size_t k, size_t n, bool attention) {
    return b->ops->wants(b, m, k, n, attention);
}

size_t so_product_columns(const struct so_product *p) {
    if (!p->n_beside) return p->b.n;
    size_t columns = so_round_up(p->b.n, SO_LANES);
    for (size_t i = 0; i + 1 < p->n_beside; i++) columns += so_round_up(p->beside[i].n, SO_LANES);
    return columns + p->beside[p->n_beside - 1].n;
}

bool so_backend_claims(struct so_backend *b, const struct so_product *p) {
    return b->ops->claims && b->ops->claims(b, p);
}

bool so_backend_prove(struct so_backend *b, size_t m, size_t k, size_t n) {
    return !b->ops->prove || b->ops->prove(b, m, k, n);
}

bool so_backend_register(struct so_backend *b, const struct so_panels *panels) {
    return b->ops->register_matrix(b, panels);
}

bool so_backend_submit(struct so_backend *b, const struct so_product *products, size_t n, struct so_ticket **tickets) {
    return b->ops->submit(b, products, n, tickets);
}

bool so_backend_wait(struct so_backend *b, struct so_ticket *ticket, int32_t **c, size_t *ldc) {
    return b->ops->wait(b, ticket, c, ldc);
}

void so_backend_release(struct so_backend *b, struct so_ticket *ticket) { b->ops->release(b, ticket); }
void so_backend_statistics(struct so_backend *b, struct so_backend_stats *out) { b->ops->statistics(b, out); }
void so_backend_reset(struct so_backend *b) { b->ops->reset(b); }
bool so_backend_completions(struct so_backend *b, uint64_t *completions) { return b->ops->completions(b, completions); }

/* Signed rows as the kernels take them, a few at a time. */
static void by_kernels_s8(const struct so_backend *b, const struct so_product *p, int32_t *c, size_t ldc) {
    enum { ROOM = 4096 };
    uint8_t row[ROOM];
    size_t k = p->b.k, columns = so_round_up(p->b.n, SO_LANES);
    for (size_t i = 0; i < p->m; i++) {
        uint8_t *bytes = k + 4 <= ROOM ? row : so_alloc(k + 4, 1);
        if (!bytes) { /* slow, and needs no memory */
            for (size_t n = 0; n < columns; n++) {
                int32_t sum = 0;
                for (size_t j = 0; j < k && n < p->b.n; j++)
                    sum += p->a_s8[i * p->lda + j] * p->b.q[((n / 16 * ((k + 3) / 4) + j / 4) * 16 + n % 16) * 4 + j % 4];
                c[i * ldc + n] = sum;
            }
            continue;
        }
        for (size_t j = 0; j < k; j++) bytes[j] = (uint8_t)(p->a_s8[i * p->lda + j] ^ 0x80);
        memset(bytes + k, 128, 4);
        b->kernels->gemm_q8_s32(1, p->b.n, k, bytes, k, 128, p->b.q, p->b.sums, c + i * ldc, ldc);
        if (bytes != row) so_free(bytes);
    }
}

bool so_backend_compute(struct so_backend *b, const struct so_product *p, int32_t *c, size_t ldc) {
    struct so_ticket *ticket;
    size_t columns = so_round_up(p->b.n, SO_LANES);
    if (so_backend_wants(b, p->m, p->b.k, p->b.n, false) && so_backend_submit(b, p, 1, &ticket)) {
        int32_t *from;
        size_t ld;
        bool done = so_backend_wait(b, ticket, &from, &ld);
        for (size_t i = 0; i < p->m && done; i++) {
            memcpy(c + i * ldc, from + i * ld, p->b.n * sizeof *c);
            memset(c + i * ldc + p->b.n, 0, (columns - p->b.n) * sizeof *c);
        }
        so_backend_release(b, ticket);
        if (done) return true;
    }
    if (p->a_s8)
        by_kernels_s8(b, p, c, ldc);
    else
        b->kernels->gemm_q8_s32(p->m, p->b.n, p->b.k, p->a, p->lda, p->a_zero, p->b.q, p->b.sums, c, ldc);
    return false;
}
