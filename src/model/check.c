#include "model/check.h"

#include <inttypes.h>
#include <string.h>

#include "model/hash.h"
#include "model/limits.h"

#define FAIL(...) so_fail(err, SOTTO_ERR_MODEL, __VA_ARGS__)

sotto_status so_file_front_hash(const void *bytes, uint64_t front_size, uint8_t hash[16], sotto_error *err) {
    const size_t field = offsetof(struct so_file_header, front_hash), after = field + SO_HASH_SIZE;
    static const uint8_t zeros[SO_HASH_SIZE];
    struct so_hash *state;
    sotto_status status = so_hash_create(&state, err);
    if (status) return status;
    so_hash_add(state, bytes, field);
    so_hash_add(state, zeros, sizeof zeros);
    so_hash_add(state, (const char *)bytes + after, (size_t)front_size - after);
    so_hash_result(state, hash);
    so_hash_free(state);
    return SOTTO_OK;
}

/** What can be said of the header alone. */
static sotto_status check_header(const char *path, const struct so_file_header *h, uint64_t size,
                                 sotto_error *err) {
    if (memcmp(h->magic, SO_FILE_MAGIC, sizeof h->magic)) return FAIL("%s: not a sotto model file", path);
    if (h->byte_order != SO_FILE_BYTE_ORDER) return FAIL("%s: written for the other byte order", path);
    if (h->version != SO_FILE_VERSION)
        return FAIL("%s: version %" PRIu32
                    " of the model file; this program reads version %d: import the model again",
                    path, h->version, SO_FILE_VERSION);
    if (h->file_size != size)
        return FAIL("%s: %s: %" PRIu64 " bytes instead of %" PRIu64, path,
                    size < h->file_size ? "truncated" : "longer than it should be", size, h->file_size);
    if (h->front_size < sizeof *h || h->front_size > size || size > SIZE_MAX)
        return FAIL("%s: damaged: the front is %" PRIu64 " bytes of %" PRIu64, path, h->front_size, size);
    return SOTTO_OK;
}

static sotto_status check_hash(const char *path, const void *bytes, uint64_t front_size, sotto_error *err) {
    uint8_t hash[SO_HASH_SIZE];
    sotto_status status = so_file_front_hash(bytes, front_size, hash, err);
    if (!status && memcmp(hash, ((const struct so_file_header *)bytes)->front_hash, sizeof hash))
        return FAIL("%s: damaged: its tables do not match their hash", path);
    return status;
}

/** Sizes that only the file knows, from its section table. */
static sotto_status read_sizes(const char *path, const struct so_file_header *h,
                               struct so_layout_sizes *sizes, sotto_error *err) {
    const struct so_file_section *sections;
    if (h->n_sections != SO_FILE_SECTIONS || h->sections_offset != sizeof *h ||
        h->front_size < sizeof *h + sizeof *sections * SO_FILE_SECTIONS)
        return FAIL("%s: damaged section table", path);
    sections = (const struct so_file_section *)((const char *)h + h->sections_offset);
    sizes->vocab_bytes = sections[SO_SECTION_VOCAB_BYTES - 1].size;
    sizes->n_suppress = sections[SO_SECTION_SUPPRESS - 1].size / sizeof(int32_t);
    sizes->n_alignment_heads = sections[SO_SECTION_ALIGNMENT_HEADS - 1].size / (2 * sizeof(uint16_t));
    return SOTTO_OK;
}

/** Everything in header and tables must be what the hyper-parameters and those sizes lead to. */
static sotto_status check_tables(const char *path, const struct so_file_header *h,
                                 const struct so_layout *expected, sotto_error *err) {
    static const uint8_t zeros[sizeof h->padding];
    const char *base = (const char *)h;
    if (h->tensors_offset != expected->header.tensors_offset || h->n_tensors != expected->header.n_tensors)
        return FAIL("%s: damaged: %" PRIu32 " tensors where the architecture has %" PRIu32, path,
                    h->n_tensors, expected->header.n_tensors);
    if (h->front_size != expected->header.front_size || h->file_size != expected->header.file_size)
        return FAIL("%s: damaged: %" PRIu64 " bytes where the architecture needs %" PRIu64, path,
                    h->file_size, expected->header.file_size);
    if (h->reserved || memcmp(h->padding, zeros, sizeof zeros))
        return FAIL("%s: damaged: reserved bytes are not zero", path);
    for (size_t i = 0; i < SO_FILE_SECTIONS; i++)
        if (memcmp(base + h->sections_offset + i * sizeof expected->sections[0], &expected->sections[i],
                   sizeof expected->sections[0]))
            return FAIL("%s: damaged: section %zu is not where or as large as it must be", path, i);
    for (size_t i = 0; i < h->n_tensors; i++)
        if (memcmp(base + h->tensors_offset + i * sizeof *expected->tensors, &expected->tensors[i],
                   sizeof *expected->tensors))
            return FAIL("%s: damaged: tensor %s is not as the architecture demands", path,
                        expected->tensors[i].name);
    return SOTTO_OK;
}

static sotto_status check_name(const char *path, const struct so_file_header *h, sotto_error *err) {
    size_t length = strnlen(h->name, sizeof h->name);
    if (length == sizeof h->name || !so_model_name_valid(h->name))
        return FAIL("%s: damaged: no valid name", path);
    for (size_t i = length; i < sizeof h->name; i++)
        if (h->name[i]) return FAIL("%s: damaged: bytes behind the name", path);
    return SOTTO_OK;
}

static sotto_status check_vocab(const char *path, const char *base, const struct so_file_section *sections,
                                const struct so_vocab *vocab, sotto_error *err) {
    const uint32_t *offsets = (const uint32_t *)(base + sections[SO_SECTION_VOCAB_OFFSETS - 1].offset);
    const uint32_t *sorted = (const uint32_t *)(base + sections[SO_SECTION_VOCAB_SORTED - 1].offset);
    if (offsets[0] != 0 || offsets[vocab->n_text] != sections[SO_SECTION_VOCAB_BYTES - 1].size)
        return FAIL("%s: damaged vocabulary", path);
    for (uint32_t i = 0; i < vocab->n_text; i++) {
        if (offsets[i] > offsets[i + 1] || offsets[i + 1] - offsets[i] > SO_MAX_TOKEN_BYTES)
            return FAIL("%s: damaged vocabulary: token %" PRIu32, path, i);
        if (sorted[i] >= vocab->n_text) return FAIL("%s: damaged vocabulary: index entry %" PRIu32, path, i);
    }
    return SOTTO_OK;
}

static sotto_status check_lists(const char *path, const char *base, const struct so_layout *layout,
                                const struct so_hparams *hp, sotto_error *err) {
    const struct so_file_section *suppress = &layout->sections[SO_SECTION_SUPPRESS - 1];
    const struct so_file_section *heads = &layout->sections[SO_SECTION_ALIGNMENT_HEADS - 1];
    const int32_t *ids = (const int32_t *)(base + suppress->offset);
    const uint16_t *pairs = (const uint16_t *)(base + heads->offset);
    for (size_t i = 0; i < suppress->size / sizeof *ids; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= hp->n_vocab)
            return FAIL("%s: damaged: suppressed token %" PRIi32, path, ids[i]);
    for (size_t i = 0; i < heads->size / (2 * sizeof *pairs); i++)
        if (pairs[2 * i] >= hp->n_text_layer || pairs[2 * i + 1] >= hp->n_text_head)
            return FAIL("%s: damaged: alignment head %u of layer %u", path, pairs[2 * i + 1], pairs[2 * i]);
    return SOTTO_OK;
}

/** The kernels add bsum to an int32 product that may be 255 * 128 * K: out of range it could overflow. */
static sotto_status check_bsums(const char *path, const char *base, const struct so_layout *layout,
                                sotto_error *err) {
    const int32_t limit = 128 * 128 * (4 * SO_MAX_STATE);
    for (size_t i = 0; i < layout->header.n_tensors; i++) {
        const struct so_file_tensor *t = &layout->tensors[i];
        /* The weights stand two before their sums; INT4 products may wrap. */
        if (t->dtype != SO_DTYPE_S32 || t[-2].dtype == SO_DTYPE_S4_PANELS) continue;
        const int32_t *sums = (const int32_t *)(base + t->offset);
        for (uint64_t j = 0; j < t->shape[0]; j++)
            if (sums[j] > limit || sums[j] < -limit)
                return FAIL("%s: damaged: tensor %s is out of range", path, t->name);
    }
    return SOTTO_OK;
}

sotto_status so_file_check(const char *path, const void *bytes, uint64_t size,
                           struct so_check_options options, struct so_layout *layout, sotto_error *err) {
    const struct so_file_header *h = bytes;
    struct so_layout_sizes sizes;
    struct so_hparams hp;
    struct so_vocab vocab;
    memset(layout, 0, sizeof *layout);
    if (size < sizeof *h) return FAIL("%s: not a sotto model file: %" PRIu64 " bytes", path, size);
    sotto_status status = check_header(path, h, size, err);
    if (!status && !options.ignore_hash) status = check_hash(path, bytes, h->front_size, err);
    if (!status) status = check_name(path, h, err);
    if (!status && h->precision != SO_INT8 && h->precision != SO_F32 && h->precision != SO_INT4)
        status = FAIL("%s: damaged: precision %" PRIu32, path, h->precision);
    if (!status) status = read_sizes(path, h, &sizes, err);
    if (status) return status;
    so_hparams_load(&hp, h->hparams);
    status = so_layout_create(&hp, (enum so_precision)h->precision, &sizes, layout, err);
    if (!status) status = so_vocab_layout(&vocab, hp.n_vocab, err);
    if (!status) status = check_tables(path, h, layout, err);
    if (!status) status = check_vocab(path, bytes, layout->sections, &vocab, err);
    if (!status) status = check_lists(path, bytes, layout, &hp, err);
    if (!status) status = check_bsums(path, bytes, layout, err);
    if (status) so_layout_free(layout);
    return status;
}
