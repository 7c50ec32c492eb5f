/* The weights' file: safetensors with the names of the Silero VAD package. */
#include <string.h>

#include "model/model.h"
#include "model/names.h"
#include "model/safetensors.h"
#include "util/memory.h"
#include "vad/weights.h"

static const struct so_suffix module_parts[] = {
    {".weight", SO_PART_WEIGHT}, {".bias", SO_PART_BIAS}, {NULL, 0}};
static const struct so_suffix input_parts[] = {
    {".weight_ih", SO_PART_WEIGHT}, {".bias_ih", SO_PART_BIAS}, {NULL, 0}};
static const struct so_suffix state_parts[] = {
    {".weight_hh", SO_PART_WEIGHT}, {".bias_hh", SO_PART_BIAS}, {NULL, 0}};
static const struct so_name_rule rules[] = {
    {"stft_conv", "stft_conv", module_parts, 0},   {"conv#", "conv#", module_parts, 0},
    {"lstm_cell", "lstm_cell.ih", input_parts, 0}, {"lstm_cell", "lstm_cell.hh", state_parts, 0},
    {"final_conv", "final_conv", module_parts, 0}, {NULL, NULL, NULL, 0},
};

/* What the file must hold, and the member of struct so_vad_tensors that it fills. */
static const struct expected {
    const char *item;
    enum so_part part;
    uint32_t rank;
    uint64_t shape[3];
    size_t member;
} expected[] = {
    {"stft_conv",
     SO_PART_WEIGHT,
     3,
     {2 * SO_VAD_BINS, 1, SO_VAD_WINDOW},
     offsetof(struct so_vad_tensors, stft)},
    {"conv1", SO_PART_WEIGHT, 3, {128, SO_VAD_BINS, 3}, offsetof(struct so_vad_tensors, conv1_weight)},
    {"conv1", SO_PART_BIAS, 1, {128}, offsetof(struct so_vad_tensors, conv1_bias)},
    {"conv2", SO_PART_WEIGHT, 3, {64, 128, 3}, offsetof(struct so_vad_tensors, conv2_weight)},
    {"conv2", SO_PART_BIAS, 1, {64}, offsetof(struct so_vad_tensors, conv2_bias)},
    {"conv3", SO_PART_WEIGHT, 3, {64, 64, 3}, offsetof(struct so_vad_tensors, conv3_weight)},
    {"conv3", SO_PART_BIAS, 1, {64}, offsetof(struct so_vad_tensors, conv3_bias)},
    {"conv4", SO_PART_WEIGHT, 3, {128, 64, 3}, offsetof(struct so_vad_tensors, conv4_weight)},
    {"conv4", SO_PART_BIAS, 1, {128}, offsetof(struct so_vad_tensors, conv4_bias)},
    {"lstm_cell.ih", SO_PART_WEIGHT, 2, {SO_VAD_GATES, 128}, offsetof(struct so_vad_tensors, weight_ih)},
    {"lstm_cell.hh",
     SO_PART_WEIGHT,
     2,
     {SO_VAD_GATES, SO_VAD_STATE},
     offsetof(struct so_vad_tensors, weight_hh)},
    {"lstm_cell.ih", SO_PART_BIAS, 1, {SO_VAD_GATES}, offsetof(struct so_vad_tensors, bias_ih)},
    {"lstm_cell.hh", SO_PART_BIAS, 1, {SO_VAD_GATES}, offsetof(struct so_vad_tensors, bias_hh)},
    {"final_conv", SO_PART_WEIGHT, 3, {1, SO_VAD_STATE, 1}, offsetof(struct so_vad_tensors, final_weight)},
    {"final_conv", SO_PART_BIAS, 1, {1}, offsetof(struct so_vad_tensors, final_bias)},
};

#define N_EXPECTED (sizeof expected / sizeof *expected)

static size_t count_of(const struct expected *e) {
    size_t count = 1;
    for (uint32_t i = 0; i < e->rank; i++) count *= (size_t)e->shape[i];
    return count;
}

static const struct so_piece *find_piece(const struct so_foreign *source, const struct expected *e) {
    for (size_t i = 0; i < source->n_pieces; i++) {
        const struct so_piece *piece = &source->pieces[i];
        if (!strcmp(piece->item, e->item) && piece->part == e->part) return piece;
    }
    return NULL;
}

/* As many tensors as are expected, each of them there: so none is there twice. */
static sotto_status check_shapes(const char *path, const struct so_foreign *source, sotto_error *err) {
    if (source->n_pieces != N_EXPECTED)
        return so_fail(err, SOTTO_ERR_MODEL, "%s: %zu tensors where speech detection has %zu", path,
                       source->n_pieces, N_EXPECTED);
    for (size_t i = 0; i < N_EXPECTED; i++) {
        const struct expected *e = &expected[i];
        const char *part = e->part == SO_PART_WEIGHT ? "weight" : "bias";
        const struct so_piece *piece = find_piece(source, e);
        if (!piece) return so_fail(err, SOTTO_ERR_MODEL, "%s: no %s of %s", path, part, e->item);
        if (piece->rank != e->rank || memcmp(piece->shape, e->shape, e->rank * sizeof *e->shape) != 0)
            return so_fail(err, SOTTO_ERR_MODEL, "%s: the %s of %s has not the shape of this network", path,
                           part, e->item);
    }
    return SOTTO_OK;
}

/* values: room for all tensors, one behind the other. */
static sotto_status read_tensors(struct so_foreign *source, float *values, struct so_vad_tensors *tensors,
                                 sotto_error *err) {
    sotto_status status = SOTTO_OK;
    for (size_t i = 0; !status && i < N_EXPECTED; i++) {
        const struct expected *e = &expected[i];
        const float *at = values;
        status = source->format->rows(source, find_piece(source, e), 0, e->shape[0], values, err);
        memcpy((char *)tensors + e->member, &at, sizeof at);
        values += count_of(e);
    }
    return status;
}

static sotto_status load_source(const char *path, struct so_foreign *source, struct so_vad_weights **out,
                                sotto_error *err) {
    sotto_status status = check_shapes(path, source, err);
    if (status) return status;
    size_t total = 0;
    for (size_t i = 0; i < N_EXPECTED; i++) total += count_of(&expected[i]);
    float *values = so_alloc(total, sizeof *values);
    if (!values) return so_fail_memory(err, total * sizeof *values, "speech detection");
    struct so_vad_tensors tensors;
    status = read_tensors(source, values, &tensors, err);
    sotto_error reason;
    if (!status && (status = so_vad_weights_pack(&tensors, out, &reason)))
        so_fail(err, status, "%s: %s", path, reason.message);
    so_free(values);
    return status;
}

static sotto_status default_path(char *path, size_t size, sotto_error *err) {
    const size_t name = strlen("/" SO_VAD_FILE);
    sotto_status status = so_model_folder(path, size - name, err);
    if (!status) memcpy(path + strlen(path), "/" SO_VAD_FILE, name + 1);
    return status;
}

sotto_status so_vad_weights_load(const char *path, struct so_vad_weights **out, sotto_error *err) {
    char own_path[4096];
    struct so_foreign *source;
    *out = NULL;
    if (!path) {
        sotto_status status = default_path(own_path, sizeof own_path, err);
        if (status) return status;
        path = own_path;
    }
    sotto_status status = so_safetensors_open(path, rules, &source, err);
    if (status) return status;
    status = load_source(path, source, out, err);
    so_foreign_close(source);
    return status;
}
