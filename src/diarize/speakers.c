/* The models' file: mapped, and checked as a whole when it is opened, for it is small. */
#include "diarize/speakers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diarize/network.h"
#include "model/file.h"
#include "model/format.h"
#include "model/hash.h"
#include "model/pack.h"
#include "util/memory.h"

struct so_speakers {
    struct so_mapping mapping;
    struct so_networks networks;
};

static sotto_status check_header(const char *path, const struct so_speakers_header *h, uint64_t size,
                                 sotto_error *err) {
    static const uint8_t zeros[sizeof h->padding];
    struct so_networks sized;
    if (size < sizeof *h || memcmp(h->magic, SO_SPEAKERS_MAGIC, sizeof h->magic))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: not a file of speaker models", path);
    if (h->byte_order != SO_FILE_BYTE_ORDER)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: written for the other byte order", path);
    if (h->version != SO_SPEAKERS_VERSION)
        return so_fail(err, SOTTO_ERR_MODEL,
                       "%s: version %" PRIu32
                       " of the speaker models; this program reads version %d: fetch them again",
                       path, h->version, SO_SPEAKERS_VERSION);
    if (h->precision != SO_INT8 && h->precision != SO_F32)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: an unknown precision", path);
    const size_t expected = so_networks_place(&sized, (enum so_precision)h->precision, NULL);
    if (h->file_size != size || size != expected)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: %" PRIu64 " bytes where the networks need %zu",
                       path, size, expected);
    if (h->reserved || memcmp(h->padding, zeros, sizeof zeros))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: reserved bytes are not zero", path);
    return SOTTO_OK;
}

static sotto_status check_hash(const char *path, const void *bytes, uint64_t size, sotto_error *err) {
    const struct so_speakers_header *h = bytes;
    uint8_t hash[SO_HASH_SIZE];
    struct so_hash *state;
    sotto_status status = so_hash_create(&state, err);
    if (status) return status;
    so_hash_add(state, h + 1, (size_t)size - sizeof *h);
    so_hash_result(state, hash);
    so_hash_free(state);
    if (memcmp(hash, h->hash, sizeof hash))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: its weights do not match their hash", path);
    return SOTTO_OK;
}

/* Sums are added to an int32 product that may reach 128 * 128 * K. */
static sotto_status check_array(void *context, enum so_array_kind kind, const void *array, size_t count,
                                sotto_error *err) {
    const char *path = context;
    const int32_t limit = 128 * 128 * SO_TDNN_TAPS * SO_TDNN_IN;
    if (kind == SO_ARRAY_F32 && !so_all_finite(array, count))
        return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: a weight is not a finite number", path);
    for (size_t i = 0; kind == SO_ARRAY_S32 && i < count; i++)
        if (((const int32_t *)array)[i] > limit || ((const int32_t *)array)[i] < -limit)
            return so_fail(err, SOTTO_ERR_MODEL, "%s: damaged: a sum of weights is out of range", path);
    return SOTTO_OK;
}

sotto_status so_networks_check(const char *path, const void *bytes, uint64_t size, struct so_networks *out,
                               sotto_error *err) {
    const struct so_speakers_header *h = bytes;
    sotto_status status = check_header(path, h, size, err);
    if (!status) status = check_hash(path, bytes, size, err);
    if (status) return status;
    so_networks_place(out, (enum so_precision)h->precision, bytes);
    return so_networks_visit(out, check_array, (void *)(uintptr_t)path, err);
}

sotto_status so_speakers_open(const char *path, enum so_precision precision, struct so_speakers **out,
                              sotto_error *err) {
    char own_path[4096];
    *out = NULL;
    if (!path) {
        sotto_status status = so_model_path(SO_SPEAKERS_NAME, precision, own_path, sizeof own_path, err);
        if (status) return status;
        path = own_path;
    }
    struct so_speakers *speakers = so_calloc(1, sizeof *speakers);
    if (!speakers) return so_fail_memory(err, sizeof *speakers, "speaker models");
    sotto_status status = so_mapping_open(path, &speakers->mapping, err);
    if (!status)
        status = so_networks_check(path, speakers->mapping.bytes, speakers->mapping.size, &speakers->networks,
                                   err);
    if (status)
        so_speakers_close(speakers);
    else
        *out = speakers;
    return status;
}

void so_speakers_close(struct so_speakers *speakers) {
    if (!speakers) return;
    so_mapping_close(&speakers->mapping);
    so_free(speakers);
}

enum so_precision so_speakers_precision(const struct so_speakers *speakers) {
    return speakers->networks.precision;
}

const struct so_networks *so_speakers_networks(const struct so_speakers *speakers) {
    return &speakers->networks;
}

sotto_status so_speakers_verify(const char *path, sotto_error *err) {
    struct so_speakers *speakers;
    sotto_status status = so_speakers_open(path, SO_INT8, &speakers, err);
    if (!status) so_speakers_close(speakers);
    return status;
}

bool so_speakers_is_file(const char *path) {
    struct so_mapping mapping;
    const size_t magic = sizeof((struct so_speakers_header *)NULL)->magic;
    if (so_mapping_open(path, &mapping, NULL)) return false;
    const bool is = mapping.size >= magic && !memcmp(mapping.bytes, SO_SPEAKERS_MAGIC, magic);
    so_mapping_close(&mapping);
    return is;
}
