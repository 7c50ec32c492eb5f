/** The file of speaker models: what is refused, by the reader and by the importer, and what happens without
 * memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "diarize/embedding.h"
#include "diarize/network.h"
#include "diarize/segmentation.h"
#include "model/hash.h"
#include "speakers_support.h"

/* The linker puts these in the place of the library's own (--wrap). */
void *__real_so_alloc(size_t count, size_t size);
void *__real_so_calloc(size_t count, size_t size);
void *__wrap_so_alloc(size_t count, size_t size);
void *__wrap_so_calloc(size_t count, size_t size);

static long until_failure = -1; /* allocations that still succeed; -1: all */

static bool fails(void) {
    if (until_failure > 0) until_failure--;
    return until_failure == 0;
}
void *__wrap_so_alloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_alloc(count, size);
}
void *__wrap_so_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_calloc(count, size);
}

static char folder[] = "/tmp/speakers-file-XXXXXX", from[64], to[64];
static struct made_speakers *source;
static uint8_t *image; /* a good file, 64-byte aligned */
static size_t image_size;

static int set_up(void **unused) {
    (void)unused;
    sotto_error err;
    void *bytes;
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/speakers.safetensors", folder);
    snprintf(to, sizeof to, "%s/speakers.sotto", folder);
    source = make_speakers(2);
    write_speakers(source, from);
    assert_int_equal(so_speakers_import(folder, to, SO_INT8, &err), SOTTO_OK); /* the folder will do */
    FILE *file = fopen(to, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    image_size = (size_t)ftell(file);
    rewind(file);
    assert_int_equal(posix_memalign(&bytes, 64, image_size + 64), 0);
    image = bytes;
    assert_int_equal(fread(image, 1, image_size, file), image_size);
    fclose(file);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    unlink(from);
    unlink(to);
    rmdir(folder);
    free(image);
    free_speakers(source);
    return 0;
}

static sotto_status check(size_t size) {
    struct so_networks networks;
    sotto_error err;
    const sotto_status status = so_networks_check("file", image, size, &networks, &err);
    if (status) assert_true(strlen(err.message) > 10);
    return status;
}

/* With a hash that fits, so that it is the values that are looked at. */
static sotto_status check_rehashed(void) {
    struct so_speakers_header *h = (struct so_speakers_header *)image;
    struct so_hash *hash;
    assert_int_equal(so_hash_create(&hash, NULL), SOTTO_OK);
    so_hash_add(hash, h + 1, image_size - sizeof *h);
    so_hash_result(hash, h->hash);
    so_hash_free(hash);
    return check(image_size);
}

static void the_good_file_is_accepted(void **unused) {
    (void)unused;
    sotto_error err;
    assert_int_equal(check(image_size), SOTTO_OK);
    assert_int_equal(so_speakers_verify(to, &err), SOTTO_OK);
    assert_true(so_speakers_is_file(to));
    assert_false(so_speakers_is_file(from));
    assert_true(so_speakers_recognise(from) && so_speakers_recognise(folder));
    assert_false(so_speakers_recognise("/nowhere/speakers.safetensors"));
}

static void every_byte_of_the_header_counts(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof(struct so_speakers_header); i++) {
        image[i] ^= 1;
        assert_int_equal(check(image_size), SOTTO_ERR_MODEL);
        image[i] ^= 1;
    }
    assert_int_equal(check(image_size), SOTTO_OK);
}

static void a_file_of_another_length_is_refused(void **unused) {
    (void)unused;
    const size_t sizes[] = {0, 1, 8, 63, 64, 65, image_size / 2, image_size - 1, image_size + 64};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_int_equal(check(sizes[i]), SOTTO_ERR_MODEL);
}

static void a_changed_weight_is_noticed(void **unused) {
    (void)unused;
    for (size_t at = 64; at < image_size; at += image_size / 13) {
        image[at] ^= 0x40;
        assert_int_equal(check(image_size), SOTTO_ERR_MODEL);
        image[at] ^= 0x40;
    }
}

static void values_that_could_do_harm_are_refused(void **unused) {
    (void)unused;
    struct so_networks n;
    so_networks_place(&n, SO_INT8, image);
    const float *floats[] = {n.segmentation.wave, n.segmentation.conv[0].bias, n.embedding.out.f,
                             n.embedding.head[0][0].conv[0].scale};
    for (size_t i = 0; i < 4; i++) {
        float *value = (float *)(uintptr_t)floats[i], kept = *value;
        *value = i % 2 ? NAN : INFINITY;
        assert_int_equal(check_rehashed(), SOTTO_ERR_MODEL);
        *value = kept;
    }
    int32_t *sum = (int32_t *)(uintptr_t)n.embedding.tdnn.bsum, kept = *sum;
    *sum = INT32_MIN;
    assert_int_equal(check_rehashed(), SOTTO_ERR_MODEL);
    *sum = kept;
    assert_int_equal(check_rehashed(), SOTTO_OK);
}

static sotto_status import_changed(const char *message) {
    sotto_error err = {0};
    write_speakers(source, from);
    const sotto_status status = so_speakers_import(from, to, SO_F32, &err);
    if (status) assert_non_null(strstr(err.message, message));
    return status;
}

static void tensors_of_another_network_are_not_imported(void **unused) {
    (void)unused;
    struct made_tensor *first = &source->tensors[0], kept = *first;
    snprintf(first->name, sizeof first->name, "s.sinc.low");
    assert_int_equal(import_changed("s.sinc.low_hz_"), SOTTO_ERR_MODEL);
    *first = kept;
    first->shape[0] = 20;
    first->shape[1] = 2;
    assert_int_equal(import_changed("shape"), SOTTO_ERR_MODEL);
    *first = kept;
    first->values[3] = NAN;
    assert_int_equal(import_changed("finite"), SOTTO_ERR_MODEL);
    first->values[3] = 100.0f;
    float *variance = (float *)(uintptr_t)made(source, "e.out_norm.var");
    variance[1] = -1.0f;
    assert_int_equal(import_changed("variance"), SOTTO_ERR_MODEL);
    variance[1] = 1.0f;
    source->tensors[source->n] = *first; /* one too many */
    snprintf(source->tensors[source->n++].name, sizeof first->name, "s.more");
    assert_int_equal(import_changed("tensors"), SOTTO_ERR_MODEL);
    source->n--;
    assert_int_equal(import_changed(""), SOTTO_OK);
}

static void without_memory_nothing_breaks(void **unused) {
    (void)unused;
    static float samples[SO_SEGMENT_SAMPLES], fbank[20 * SO_FBANK_BANDS],
        out[SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES];
    const struct so_embedding_item item = {fbank, NULL, 20, out};
    struct so_pool *pool;
    sotto_error err;
    sotto_status status = SOTTO_ERR_MEMORY;
    write_speakers(source, from);
    assert_int_equal(so_pool_create(1, &pool, &err), SOTTO_OK);
    for (long n = 1; status; n++) {
        struct so_speakers *speakers = NULL;
        struct so_segmentation *segmentation = NULL;
        struct so_embedding *embedding = NULL;
        struct so_fbank *features = NULL;
        assert_true(n < 200);
        until_failure = n;
        status = so_speakers_open(to, SO_INT8, &speakers, &err);
        if (!status) status = so_segmentation_create(speakers, pool, NULL, &segmentation, &err);
        if (!status) status = so_embedding_create(speakers, pool, NULL, &embedding, &err);
        if (!status) status = so_fbank_create(&features, &err);
        if (!status) status = so_fbank_compute(features, NULL, samples, 20, fbank, &err);
        if (!status) status = so_embed(embedding, &item, 1, &err);
        until_failure = -1;
        if (status) assert_int_equal(status, SOTTO_ERR_MEMORY);
        so_fbank_free(features);
        so_embedding_free(embedding);
        so_segmentation_free(segmentation);
        so_speakers_close(speakers);
    }
    so_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_file_is_accepted),
        cmocka_unit_test(every_byte_of_the_header_counts),
        cmocka_unit_test(a_file_of_another_length_is_refused),
        cmocka_unit_test(a_changed_weight_is_noticed),
        cmocka_unit_test(values_that_could_do_harm_are_refused),
        cmocka_unit_test(tensors_of_another_network_are_not_imported),
        cmocka_unit_test(without_memory_nothing_breaks),
    };
    return cmocka_run_group_tests_name("speakers_file", tests, set_up, tear_down);
}
