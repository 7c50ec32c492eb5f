/* Keys and values that attention looks at, packed for the kernels. */
#include <string.h>

#include "nn/attention.h"
#include "nn/shape.h"
#include "util/memory.h"

/* Give each array its part of `slab`, or (NULL) only count; returns the bytes of all. */
static size_t place(struct so_memory *m, char *slab) {
    size_t keys = so_round_up(m->capacity, SO_LANES), used = 0;
#define PLACE(array, count)                                                                      \
    do {                                                                                         \
        if (slab) m->array = (void *)(slab + used);                                              \
        used += so_round_up((count) * sizeof *m->array, SO_ALIGNMENT);                           \
    } while (0)
    if (m->precision == SO_F32) {
        PLACE(keys_f, m->heads * keys * SO_HEAD);
        PLACE(values_f, m->heads * m->capacity * SO_HEAD);
        return used;
    }
    PLACE(keys, m->heads * keys * SO_HEAD);
    PLACE(values, m->heads * so_round_up(m->capacity, 4) * SO_HEAD);
    PLACE(key_sums, m->heads * keys);
    PLACE(key_scale, m->heads * keys);
    PLACE(value_sums, m->heads * SO_HEAD);
    PLACE(value_scale, m->heads * SO_HEAD);
#undef PLACE
    return used;
}

bool so_memories_create(struct so_memory *memories, size_t n, enum so_precision precision, size_t heads, size_t capacity) {
    struct so_memory empty = {.precision = precision, .heads = heads, .capacity = capacity};
    size_t each = place(&empty, NULL);
    /* Filling writes all that is read in INT8; float panels have columns of padding that the products run over. */
    char *slab = precision == SO_F32 ? so_calloc(n, each) : so_alloc(n, each);
    if (!slab) return false;
    for (size_t i = 0; i < n; i++) {
        memories[i] = empty;
        place(&memories[i], slab + i * each);
    }
    memories[0].slab = slab;
    return true;
}

void so_memories_free(struct so_memory *memories, size_t n) {
    if (n) so_free(memories[0].slab);
    memset(memories, 0, n * sizeof *memories);
}

struct fill_job {
    const struct so_kernels *kernels;
    struct so_memory *memory;
    const float *keys, *values; /* [positions][ld] */
    size_t ld;
};

static void pack_f32(const struct fill_job *job, size_t head) {
    struct so_memory *m = job->memory;
    float *keys = m->keys_f + head * so_round_up(m->capacity, SO_LANES) * SO_HEAD; /* [panel][64][16 positions] */
    float *values = m->values_f + head * m->capacity * SO_HEAD;                    /* [panel][positions][16 channels] */
    for (size_t j = 0; j < m->positions; j++) {
        const float *key = job->keys + j * job->ld + head * SO_HEAD, *value = job->values + j * job->ld + head * SO_HEAD;
        for (size_t c = 0; c < SO_HEAD; c++) {
            keys[(j / SO_LANES * SO_HEAD + c) * SO_LANES + j % SO_LANES] = key[c];
            values[(c / SO_LANES * m->positions + j) * SO_LANES + c % SO_LANES] = value[c];
        }
    }
}

static void fill_task(void *context, size_t item, size_t worker) {
    (void)worker;
    const struct fill_job *job = context;
    const struct so_kernels *k = job->kernels;
    struct so_memory *m = job->memory;
    if (m->precision == SO_F32) {
        pack_f32(job, item);
        return;
    }
    size_t head = item / 2, stride = so_round_up(m->capacity, SO_LANES);
    if (item % 2 == 0)
        k->pack_keys_s8(m->positions, SO_HEAD, job->keys + head * SO_HEAD, job->ld, m->keys + head * stride * SO_HEAD,
                        m->key_sums + head * stride, m->key_scale + head * stride);
    else
        k->pack_values_s8(m->positions, SO_HEAD, job->values + head * SO_HEAD, job->ld,
                          m->values + head * so_round_up(m->capacity, 4) * SO_HEAD, m->value_sums + head * SO_HEAD,
                          m->value_scale + head * SO_HEAD);
}

void so_memory_fill(struct so_nn *nn, struct so_memory *memory, size_t positions, const float *keys, const float *values, size_t ld) {
    memory->positions = positions;
    struct fill_job job = {nn->kernels, memory, keys, values, ld};
    so_pool_run(nn->pool, memory->precision == SO_F32 ? memory->heads : 2 * memory->heads, fill_task, &job);
}
