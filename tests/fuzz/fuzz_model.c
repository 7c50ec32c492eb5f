/**
 * Model files that nobody wrote. Inputs of an even first byte are taken as a file. Others change a good file:
 * each 8 bytes are an offset and what to write there, so that small inputs reach every check; the hash is not
 * compared. A file that is accepted must be safe to use.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/file.h"
#include "synthetic.h"

#define PATCH 8
#define MAX_PATCHES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *good; /* a valid file */
static size_t good_size;

static void load_good(void) {
    char path[] = "/tmp/sotto-fuzz-XXXXXX";
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51864);
    int fd = mkstemp(path);
    FILE *file;
    void *bytes = NULL;
    if (fd < 0 || so_synthetic_write(path, &hp, SO_INT8, 1, NULL)) abort();
    close(fd);
    file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) abort();
    good_size = (size_t)ftell(file);
    rewind(file);
    if (posix_memalign(&bytes, 64, good_size) || fread(bytes, 1, good_size, file) != good_size) abort();
    good = bytes;
    fclose(file);
    unlink(path);
}

static volatile float sink; /* what is read must go somewhere */

/** Read a little of everything that a model points to. */
static void use(const struct so_model *model) {
    float sum = 0;
    char text[64];
    int32_t ids[16];
    for (uint32_t i = 0; i < model->hp.n_audio_layer; i++) {
        const struct so_matrix *m = &model->encoder[i].fc1;
        sum +=
            m->bias[m->n - 1] + m->scale[m->n - 1] + (float)m->bsum[m->n - 1] + m->q[(size_t)m->n * m->k - 1];
    }
    for (uint32_t i = 0; i < model->hp.n_text_layer; i++) {
        const struct so_matrix *m = &model->decoder[i].cross_kv;
        sum += model->decoder[i].mlp_norm.beta[model->hp.n_text_state - 1] + m->q[(size_t)m->n * m->k - 1];
    }
    sum += model->token_embedding.q[(size_t)model->hp.n_vocab * model->hp.n_text_state - 1];
    sum += model->text_positions[(size_t)model->hp.n_text_ctx * model->hp.n_text_state - 1];
    sum += model->mel_filters[(size_t)model->hp.n_mels * 201 - 1];
    sink = sum;
    for (uint32_t id = 0; id < model->vocab.n_vocab; id += 97) {
        int32_t one = (int32_t)id;
        so_vocab_decode(&model->vocab, &one, 1, text, sizeof text);
    }
    so_vocab_encode(&model->vocab, "Some text, 12 words.", 20, ids, 16);
}

static void try(const uint8_t *bytes, size_t size) {
    struct so_model *model;
    if (so_model_from_bytes("fuzz", bytes, size, (struct so_check_options){.ignore_hash = true}, &model,
                            NULL))
        return;
    use(model);
    so_model_unmap(model);
}

static void try_raw(const uint8_t *data, size_t size) {
    void *bytes = NULL;
    if (posix_memalign(&bytes, 64, size + 1)) abort();
    memcpy(bytes, data, size);
    try(bytes, size);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t saved[MAX_PATCHES][4];
    size_t offsets[MAX_PATCHES], patches = 0;
    if (!good) load_good();
    if (!size || data[0] % 2 == 0) {
        try_raw(data + (size > 0), size - (size > 0));
        return 0;
    }
    const struct so_file_header *header = (const struct so_file_header *)good;
    const size_t front = (size_t)header->front_size;
    const size_t tables = (size_t)header->tensors_offset + header->n_tensors * sizeof(struct so_file_tensor);
    for (size_t at = 1; at + PATCH <= size && patches < MAX_PATCHES; at += PATCH, patches++) {
        uint32_t where;
        memcpy(&where, data + at, sizeof where);
        /* Half of the changes go to the tables, where most of the checks are. */
        size_t offset = where >> 31 ? where % (front - 4) : where % (tables - 4);
        offsets[patches] = offset;
        memcpy(saved[patches], good + offset, 4);
        memcpy(good + offset, data + at + 4, 4);
    }
    try(good, good_size);
    while (patches--) memcpy(good + offsets[patches], saved[patches], 4);
    return 0;
}
