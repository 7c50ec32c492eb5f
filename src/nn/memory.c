/* Keys and values that attention looks at, packed for the kernels. */
#include <string.h>

#include "nn/attention.h"
#include "nn/shape.h"
#include "util/memory.h"

bool so_memory_create(struct so_memory *memory, enum so_precision precision, size_t heads, size_t capacity) {
    memset(memory, 0, sizeof *memory);
    memory->precision = precision;
    memory->heads = heads;
    memory->capacity = capacity;
    size_t keys = so_round_up(capacity, SO_LANES);
    if (precision == SO_F32) {
        memory->keys_f = so_calloc(heads * keys * SO_HEAD, sizeof(float));
        memory->values_f = so_calloc(heads * capacity * SO_HEAD, sizeof(float));
        return memory->keys_f && memory->values_f;
    }
    memory->keys = so_calloc(heads * keys, SO_HEAD);
    memory->key_sums = so_calloc(heads * keys, sizeof(int32_t));
    memory->key_scale = so_calloc(heads * keys, sizeof(float));
    memory->values = so_calloc(heads * so_round_up(capacity, 4), SO_HEAD);
    memory->value_sums = so_calloc(heads * SO_HEAD, sizeof(int32_t));
    memory->value_scale = so_calloc(heads * SO_HEAD, sizeof(float));
    return memory->keys && memory->key_sums && memory->key_scale && memory->values && memory->value_sums && memory->value_scale;
}

void so_memory_free(struct so_memory *memory) {
    so_free(memory->keys);
    so_free(memory->key_sums);
    so_free(memory->key_scale);
    so_free(memory->values);
    so_free(memory->value_sums);
    so_free(memory->value_scale);
    so_free(memory->keys_f);
    so_free(memory->values_f);
    memset(memory, 0, sizeof *memory);
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
