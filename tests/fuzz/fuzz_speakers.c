/**
 * Files of speaker models that nobody wrote. Inputs of an even first byte are taken as a file. Others change
 * an empty but valid one: each 8 bytes are an offset and what to write there, and the hash is made to fit, so
 * that small inputs reach every check. A file that is accepted must be safe to use: each array lies in it,
 * and its values are finite.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "diarize/network.h"
#include "model/format.h"
#include "model/hash.h"

#define PATCH 8
#define MAX_PATCHES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *good;
static size_t good_size;

static void rehash(void) {
    struct so_speakers_header *h = (struct so_speakers_header *)good;
    struct so_hash *hash;
    if (so_hash_create(&hash, NULL)) abort();
    so_hash_add(hash, h + 1, good_size - sizeof *h);
    so_hash_result(hash, h->hash);
    so_hash_free(hash);
}

static void make_good(void) {
    struct so_networks networks;
    void *bytes = NULL;
    good_size = so_networks_place(&networks, SO_INT8, NULL);
    if (posix_memalign(&bytes, 64, good_size)) abort();
    memset(bytes, 0, good_size);
    good = bytes;
    struct so_speakers_header *h = bytes;
    memcpy(h->magic, SO_SPEAKERS_MAGIC, sizeof h->magic);
    h->version = SO_SPEAKERS_VERSION;
    h->byte_order = SO_FILE_BYTE_ORDER;
    h->file_size = good_size;
    h->precision = SO_INT8;
}

struct bounds {
    const uint8_t *bytes;
    size_t size;
};

static sotto_status check_array(void *context, enum so_array_kind kind, const void *array, size_t count,
                                sotto_error *err) {
    const struct bounds *b = context;
    const size_t bytes = count * (kind == SO_ARRAY_S8 ? 1 : 4);
    const uint8_t *at = array;
    (void)err;
    if (at < b->bytes || at + bytes > b->bytes + b->size || (uintptr_t)at % 64) abort();
    if (kind == SO_ARRAY_F32 && !isfinite(((const float *)array)[count - 1])) abort();
    return SOTTO_OK;
}

static void try(const uint8_t *bytes, size_t size) {
    struct so_networks networks;
    struct bounds bounds = {bytes, size};
    if (!so_networks_check("fuzz", bytes, size, &networks, NULL))
        so_networks_visit(&networks, check_array, &bounds, NULL);
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
    if (!good) make_good();
    if (!size || data[0] % 2 == 0) {
        try_raw(data + (size > 0), size - (size > 0));
        return 0;
    }
    for (size_t at = 1; at + PATCH <= size && patches < MAX_PATCHES; at += PATCH, patches++) {
        uint32_t where;
        memcpy(&where, data + at, sizeof where);
        /* A quarter of the changes go to the header. */
        offsets[patches] =
            where >> 30 ? where % (good_size - 4) : where % (sizeof(struct so_speakers_header) - 4);
        memcpy(saved[patches], good + offsets[patches], 4);
        memcpy(good + offsets[patches], data + at + 4, 4);
    }
    rehash();
    try(good, good_size);
    while (patches--) memcpy(good + offsets[patches], saved[patches], 4);
    return 0;
}
