/** Damaged model files: cut anywhere, or with any field of header and tables changed and the hash made right
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_support.h"
#include "synthetic.h"
#include "util/memory.h"

/** One good file in memory, changed and put right again by each test. */
struct sample {
    uint8_t *bytes;
    size_t size;
    struct so_file_header *header;
    struct so_file_section *sections;
    struct so_file_tensor *tensors;
};

static int make_sample(void **state) {
    const struct so_hparams hp = so_synthetic_hparams(64, 1, 1, 80, 51865);
    struct sample *s = calloc(1, sizeof *s);
    so_scratch_make();
    assert_int_equal(so_synthetic_write(so_scratch("good.sotto"), &hp, SO_INT8, 3, NULL), SOTTO_OK);
    s->bytes = so_load(so_scratch("good.sotto"), &s->size);
    s->header = (struct so_file_header *)s->bytes;
    s->sections = (struct so_file_section *)(s->bytes + s->header->sections_offset);
    s->tensors = (struct so_file_tensor *)(s->bytes + s->header->tensors_offset);
    *state = s;
    return 0;
}

static int free_sample(void **state) {
    struct sample *s = *state;
    free(s->bytes);
    free(s);
    so_scratch_remove();
    return 0;
}

static int ascending(const void *a, const void *b) {
    return (*(const size_t *)a > *(const size_t *)b) - (*(const size_t *)a < *(const size_t *)b);
}

/** Every offset at which something begins or ends, and its neighbours, below the whole size; `free` when
 * done. */
static size_t *borders(const struct sample *s, size_t *count) {
    const size_t most = 3 * (2 * (size_t)s->header->n_tensors + 2 * SO_FILE_SECTIONS + 64);
    size_t *out = calloc(most, sizeof *out), n = 0;
    const size_t fixed[] = {
        0,      8, 64, sizeof *s->header, (size_t)s->header->tensors_offset, (size_t)s->header->front_size,
        s->size};
    for (size_t i = 0; i < SO_COUNT(fixed); i++) out[n++] = fixed[i];
    out[n++] = (size_t)s->header->tensors_offset + s->header->n_tensors * sizeof *s->tensors;
    for (size_t i = 0; i < SO_FILE_SECTIONS; i++) {
        out[n++] = (size_t)s->sections[i].offset;
        out[n++] = (size_t)(s->sections[i].offset + s->sections[i].size);
    }
    for (size_t i = 0; i < s->header->n_tensors; i++) {
        out[n++] = (size_t)s->tensors[i].offset;
        out[n++] = (size_t)(s->tensors[i].offset + s->tensors[i].size);
    }
    const size_t exact = n;
    for (size_t i = 0; i < exact; i++) {
        if (out[i]) out[n++] = out[i] - 1;
        out[n++] = out[i] + 1;
    }
    qsort(out, n, sizeof *out, ascending);
    while (n && out[n - 1] >= s->size) n--;
    *count = n;
    return out;
}

static void a_file_cut_at_any_border_is_refused(void **state) {
    const struct sample *s = *state;
    size_t count, *cuts = borders(s, &count);
    struct so_model *model;
    so_store(so_scratch("cut.sotto"), s->bytes, s->size);
    assert_true(count > 300);
    for (size_t i = count; i-- > 0;) { /* from the longest on, in the same file */
        assert_int_equal(truncate(so_scratch("cut.sotto"), (off_t)cuts[i]), 0);
        assert_int_equal(so_model_map(so_scratch("cut.sotto"), &model, NULL), SOTTO_ERR_MODEL);
        assert_null(model);
    }
    free(cuts);
}

/** A liar: its header tells the size that it has, and the hash is right. */
static void a_cut_file_that_claims_to_be_whole_is_refused(void **state) {
    const struct sample *s = *state;
    size_t count, *cuts = borders(s, &count);
    for (size_t i = 0; i < count; i++) {
        uint8_t *cut = so_copy(s->bytes, cuts[i]);
        if (cuts[i] >= sizeof *s->header) {
            struct so_file_header *header = (struct so_file_header *)cut;
            header->file_size = cuts[i];
            if (header->front_size > cuts[i]) header->front_size = cuts[i];
            so_fix_hash(cut);
        }
        assert_int_equal(so_try(cut, cuts[i]), SOTTO_ERR_MODEL);
        free(cut);
    }
    free(cuts);
}

static void a_file_with_bytes_behind_its_end_is_refused(void **state) {
    const struct sample *s = *state;
    static const size_t extra[] = {1, 64, 4096};
    for (size_t i = 0; i < SO_COUNT(extra); i++) {
        uint8_t *longer = calloc(1, s->size + extra[i] + 64),
                *at = longer + (64 - (uintptr_t)longer % 64) % 64;
        memcpy(at, s->bytes, s->size);
        assert_int_equal(so_try(at, s->size + extra[i]), SOTTO_ERR_MODEL);
        ((struct so_file_header *)at)->file_size += extra[i];
        so_fix_hash(at);
        assert_int_equal(so_try(at, s->size + extra[i]), SOTTO_ERR_MODEL);
        free(longer);
    }
}

static uint64_t get(const uint8_t *at, size_t width) {
    uint64_t value = 0;
    memcpy(&value, at, width);
    return value;
}

static void put(uint8_t *at, size_t width, uint64_t value) {
    memcpy(at, &value, width);
}

/** Set a field of 4 or 8 bytes to values that are wrong; each must be refused, with the hash wrong and with
 * it right. */
static void refuse_changes(struct sample *s, uint8_t *field, size_t width) {
    const uint64_t mask = width == 8 ? UINT64_MAX : UINT32_MAX, good = get(field, width);
    const uint64_t values[] = {0,         1,         mask,        mask >> 1, (mask >> 1) + 1,
                               good + 1,  good - 1,  good ^ 2,    good * 2,  good / 2,
                               good + 64, good - 64, good + 4096, 1u << 31,  mask - 63};
    const uint8_t *header_end = s->bytes + sizeof *s->header;
    for (size_t i = 0; i < SO_COUNT(values); i++) {
        if ((values[i] & mask) == good) continue;
        put(field, width, values[i]);
        assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
        if (field >= header_end ||
            (s->header->front_size >= sizeof *s->header && s->header->front_size <= s->size)) {
            uint8_t hash[16];
            memcpy(hash, s->header->front_hash, sizeof hash);
            so_fix_hash(s->bytes);
            assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
            memcpy(s->header->front_hash, hash, sizeof hash);
        }
        put(field, width, good);
    }
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static void each_changed_field_of_the_header_is_refused(void **state) {
    struct sample *s = *state;
#define FIELD(name) \
    { offsetof(struct so_file_header, name), sizeof s->header->name }
    static const struct {
        size_t offset, width;
    } fields[] = {FIELD(version),        FIELD(byte_order), FIELD(file_size), FIELD(front_size),
                  FIELD(precision),      FIELD(n_sections), FIELD(n_tensors), FIELD(sections_offset),
                  FIELD(tensors_offset), FIELD(reserved)};
    for (size_t i = 0; i < SO_COUNT(fields); i++)
        refuse_changes(s, s->bytes + fields[i].offset, fields[i].width);
    for (size_t i = 0; i < SO_FILE_HPARAMS; i++) refuse_changes(s, (uint8_t *)&s->header->hparams[i], 4);
    for (size_t i = 0; i < sizeof s->header->padding; i += 4) refuse_changes(s, s->header->padding + i, 4);
    refuse_changes(s, s->header->magic, 4);
    refuse_changes(s, s->header->magic + 4, 4);
}

/** Sizes that fit each other but not Whisper: the tables cannot be right, and nothing may be read past them.
 */
static void each_other_set_of_sizes_is_refused(void **state) {
    struct sample *s = *state;
    struct so_hparams *hp = (struct so_hparams *)s->header->hparams;
    const struct so_hparams good = *hp;
    static const uint32_t states[] = {128, 2048, 2112, 1u << 20, 96, 65472}, layers[] = {2, 64, 65, 1u << 30};
    for (size_t i = 0; i < SO_COUNT(states); i++)
        for (size_t j = 0; j < SO_COUNT(layers); j++) {
            *hp = so_synthetic_hparams(states[i], layers[j], layers[j], 80, 51865);
            so_fix_hash(s->bytes);
            assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
        }
    *hp = good;
    so_fix_hash(s->bytes);
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static void each_changed_field_of_the_section_table_is_refused(void **state) {
    struct sample *s = *state;
    for (size_t i = 0; i < SO_FILE_SECTIONS; i++) {
        refuse_changes(s, (uint8_t *)&s->sections[i].kind, 4);
        refuse_changes(s, (uint8_t *)&s->sections[i].reserved, 4);
        refuse_changes(s, (uint8_t *)&s->sections[i].offset, 8);
        refuse_changes(s, (uint8_t *)&s->sections[i].size, 8);
    }
}

static void each_changed_field_of_the_tensor_table_is_refused(void **state) {
    struct sample *s = *state;
    for (size_t i = 0; i < s->header->n_tensors; i += i < 12 ? 1 : 7) {
        struct so_file_tensor *t = &s->tensors[i];
        refuse_changes(s, (uint8_t *)t->name, 4);
        refuse_changes(s, (uint8_t *)t->name + sizeof t->name - 4, 4);
        refuse_changes(s, (uint8_t *)&t->dtype, 4);
        refuse_changes(s, (uint8_t *)&t->rank, 4);
        refuse_changes(s, (uint8_t *)&t->shape[0], 8);
        refuse_changes(s, (uint8_t *)&t->shape[1], 8);
        refuse_changes(s, (uint8_t *)&t->offset, 8);
        refuse_changes(s, (uint8_t *)&t->size, 8);
    }
}

static void tensors_in_another_order_are_refused(void **state) {
    struct sample *s = *state;
    for (size_t i = 0; i + 1 < s->header->n_tensors; i += 5) {
        struct so_file_tensor t = s->tensors[i];
        s->tensors[i] = s->tensors[i + 1];
        s->tensors[i + 1] = t;
        so_fix_hash(s->bytes);
        assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
        s->tensors[i + 1] = s->tensors[i];
        s->tensors[i] = t;
    }
    so_fix_hash(s->bytes);
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static void a_name_must_end_and_hold_nothing_else(void **state) {
    struct sample *s = *state;
    char good[sizeof s->header->name];
    static const char *const bad[] = {"", "a/b", "a\nb", "\x7f"};
    memcpy(good, s->header->name, sizeof good);
    for (size_t i = 0; i < SO_COUNT(bad) + 2; i++) {
        memset(s->header->name, 0, sizeof good);
        if (i < SO_COUNT(bad))
            memcpy(s->header->name, bad[i], strlen(bad[i]));
        else if (i == SO_COUNT(bad))
            memset(s->header->name, 'x', sizeof good); /* no NUL */
        else
            memcpy(s->header->name, "a\0b", 3); /* something behind the NUL */
        so_fix_hash(s->bytes);
        assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
    }
    memcpy(s->header->name, good, sizeof good);
    so_fix_hash(s->bytes);
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

/** Set a 32-bit value of a section and see it refused. */
static void refuse_value(struct sample *s, enum so_section_kind kind, size_t index, uint32_t value) {
    uint32_t *values = (uint32_t *)(s->bytes + s->sections[kind - 1].offset), good = values[index];
    values[index] = value;
    so_fix_hash(s->bytes);
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
    values[index] = good;
    so_fix_hash(s->bytes);
}

static void a_vocabulary_that_points_outside_itself_is_refused(void **state) {
    struct sample *s = *state;
    const uint32_t n = 50257, all = (uint32_t)s->sections[SO_SECTION_VOCAB_BYTES - 1].size;
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, 0, 1);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, 1000, 0);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, 1000, all + 1);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, 1000, UINT32_MAX);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, n, all - 1);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, n, all + 1);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, n - 1, all + 1);
    refuse_value(s, SO_SECTION_VOCAB_OFFSETS, 2, 5000); /* a token longer than any */
    refuse_value(s, SO_SECTION_VOCAB_SORTED, 0, n);
    refuse_value(s, SO_SECTION_VOCAB_SORTED, n - 1, UINT32_MAX);
    refuse_value(s, SO_SECTION_SUPPRESS, 0, 51865);
    refuse_value(s, SO_SECTION_SUPPRESS, 3, UINT32_MAX);
    refuse_value(s, SO_SECTION_SUPPRESS, 3, INT32_MAX);
    refuse_value(s, SO_SECTION_ALIGNMENT_HEADS, 0, 1);       /* layer 1 of 1 */
    refuse_value(s, SO_SECTION_ALIGNMENT_HEADS, 0, 1 << 16); /* head 1 of 1 */
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static void sums_that_could_overflow_a_product_are_refused(void **state) {
    struct sample *s = *state;
    static const int32_t values[] = {INT32_MAX, INT32_MIN, 128 * 128 * 8192 + 1, -128 * 128 * 8192 - 1};
    for (size_t i = 0; i < s->header->n_tensors; i++) {
        if (s->tensors[i].dtype != SO_DTYPE_S32) continue;
        int32_t *sum = (int32_t *)(s->bytes + s->tensors[i].offset) + s->tensors[i].shape[0] - 1, good = *sum;
        for (size_t j = 0; j < SO_COUNT(values); j++) {
            *sum = values[j];
            so_fix_hash(s->bytes);
            assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
        }
        *sum = good;
    }
    so_fix_hash(s->bytes);
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static void a_changed_bit_of_the_front_is_found_when_it_is_opened(void **state) {
    struct sample *s = *state;
    for (uint64_t at = 0; at < s->header->front_size; at += 4099) {
        s->bytes[at] ^= 16;
        assert_int_equal(so_try(s->bytes, s->size), SOTTO_ERR_MODEL);
        s->bytes[at] ^= 16;
    }
    assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK);
}

static sotto_status verify_bytes(const struct sample *s) {
    so_store(so_scratch("changed.sotto"), s->bytes, s->size);
    return so_model_verify(so_scratch("changed.sotto"), NULL);
}

static void a_changed_bit_of_the_weights_is_found_by_verify(void **state) {
    struct sample *s = *state;
    const size_t front = (size_t)s->header->front_size,
                 places[] = {front, front + 12345, (front + s->size) / 2, s->size - 1};
    for (size_t i = 0; i < SO_COUNT(places); i++) {
        s->bytes[places[i]] ^= 1;
        assert_int_equal(so_try(s->bytes, s->size), SOTTO_OK); /* opening does not read the weights */
        assert_int_equal(verify_bytes(s), SOTTO_ERR_MODEL);
        s->bytes[places[i]] ^= 1;
    }
    assert_int_equal(verify_bytes(s), SOTTO_OK);
}

static void what_a_hash_cannot_tell_is_found_by_verify(void **state) {
    struct sample *s = *state;
    uint32_t *sorted = (uint32_t *)(s->bytes + s->sections[SO_SECTION_VOCAB_SORTED - 1].offset),
             first = sorted[0];
    for (size_t i = 0; i < s->header->n_tensors; i += 3) { /* floats of the front that are none */
        if (s->tensors[i].dtype != SO_DTYPE_F32 || s->tensors[i].offset >= s->header->front_size) continue;
        float *value = (float *)(s->bytes + s->tensors[i].offset), good = *value;
        *value = i % 2 ? NAN : INFINITY;
        so_fix_hash(s->bytes);
        assert_int_equal(verify_bytes(s), SOTTO_ERR_MODEL);
        *value = good;
    }
    sorted[0] = sorted[1];
    sorted[1] = first;
    so_fix_hash(s->bytes);
    assert_int_equal(verify_bytes(s), SOTTO_ERR_MODEL);
    sorted[1] = sorted[0];
    sorted[0] = first;
    so_fix_hash(s->bytes);
    assert_int_equal(verify_bytes(s), SOTTO_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_at_any_border_is_refused),
        cmocka_unit_test(a_cut_file_that_claims_to_be_whole_is_refused),
        cmocka_unit_test(a_file_with_bytes_behind_its_end_is_refused),
        cmocka_unit_test(each_changed_field_of_the_header_is_refused),
        cmocka_unit_test(each_other_set_of_sizes_is_refused),
        cmocka_unit_test(each_changed_field_of_the_section_table_is_refused),
        cmocka_unit_test(each_changed_field_of_the_tensor_table_is_refused),
        cmocka_unit_test(tensors_in_another_order_are_refused),
        cmocka_unit_test(a_name_must_end_and_hold_nothing_else),
        cmocka_unit_test(a_vocabulary_that_points_outside_itself_is_refused),
        cmocka_unit_test(sums_that_could_overflow_a_product_are_refused),
        cmocka_unit_test(a_changed_bit_of_the_front_is_found_when_it_is_opened),
        cmocka_unit_test(a_changed_bit_of_the_weights_is_found_by_verify),
        cmocka_unit_test(what_a_hash_cannot_tell_is_found_by_verify),
    };
    return cmocka_run_group_tests_name("damaged models", tests, make_sample, free_sample);
}
