/** The speaker networks against their definitions, with made-up weights that go through the importer; and
 * what batches, threads and CPU levels may not change. */
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

#include "backend/backend.h"
#include "diarize/embedding.h"
#include "diarize/network.h"
#include "diarize/segmentation.h"
#include "speakers_support.h"

enum { SAMPLES = SO_SEGMENT_SAMPLES, VALUES = SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES, FRAMES = 217 };

static const char *program;
static char folder[] = "/tmp/speakers-XXXXXX";
static struct made_speakers *source;
static struct so_speakers *speakers[2]; /* by precision */
static struct so_pool *alone, *pair;
static float samples[2 * SAMPLES], fbank[2 * FRAMES * SO_FBANK_BANDS];

static void path_of(char path[64], const char *name) {
    snprintf(path, 64, "%s/%s", folder, name);
}

static int set_up(void **unused) {
    (void)unused;
    char from[64], to[64];
    sotto_error err;
    uint32_t state = 7;
    assert_non_null(mkdtemp(folder));
    source = make_speakers(1);
    path_of(from, "speakers.safetensors");
    write_speakers(source, from);
    for (int p = SO_INT8; p <= SO_F32; p++) {
        path_of(to, p == SO_F32 ? "f32.sotto" : "int8.sotto");
        if (so_speakers_import(from, to, (enum so_precision)p, &err) ||
            so_speakers_open(to, SO_INT8, &speakers[p], &err))
            fail_msg("%s", err.message);
        assert_int_equal(so_speakers_precision(speakers[p]), p);
    }
    assert_int_equal(so_pool_create(1, &alone, &err), SOTTO_OK);
    assert_int_equal(so_pool_create(2, &pair, &err), SOTTO_OK);
    for (size_t i = 0; i < 2 * SAMPLES; i++)
        samples[i] = 0.3f * made_float(&state) * sinf((float)i * 0.0007f) +
                     0.2f * sinf((float)i * (0.05f + 0.04f * sinf((float)i * 0.0002f)));
    for (size_t i = 0; i < 2 * FRAMES * SO_FBANK_BANDS; i++) fbank[i] = -8.0f + 4.0f * made_float(&state);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    static const char *const names[] = {"speakers.safetensors", "f32.sotto", "int8.sotto"};
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        path_of(path, names[i]);
        unlink(path);
    }
    rmdir(folder);
    for (int p = 0; p < 2; p++) so_speakers_close(speakers[p]);
    so_pool_free(alone);
    so_pool_free(pair);
    free_speakers(source);
    return 0;
}

static float *segment(enum so_precision precision, struct so_pool *pool, const float *x, size_t n,
                      size_t step, size_t windows) {
    struct so_segmentation *s;
    sotto_error err;
    float *out = calloc(windows * VALUES, sizeof *out);
    assert_non_null(out);
    assert_int_equal(so_segmentation_create(speakers[precision], pool, NULL, &s, &err), SOTTO_OK);
    assert_int_equal(so_segment_windows(s, x, n, step, windows, out, &err), SOTTO_OK);
    so_segmentation_free(s);
    return out;
}

static void embed_items(enum so_precision precision, struct so_pool *pool,
                        const struct so_embedding_item *items, size_t n) {
    struct so_embedding *e;
    sotto_error err;
    assert_int_equal(so_embedding_create(speakers[precision], pool, NULL, &e, &err), SOTTO_OK);
    assert_int_equal(so_embed(e, items, n, &err), SOTTO_OK);
    so_embedding_free(e);
}

static double cosine(size_t n, const float *a, const double *b) {
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < n; i++)
        ab += (double)a[i] * b[i], aa += (double)a[i] * (double)a[i], bb += b[i] * b[i];
    return ab / sqrt(aa * bb);
}

static void segmentation_is_what_its_definition_says(void **unused) {
    (void)unused;
    static double expected[VALUES];
    plain_segmentation(source, samples, expected);
    float *exact = segment(SO_F32, alone, samples, SAMPLES, 0, 1),
          *rough = segment(SO_INT8, alone, samples, SAMPLES, 0, 1);
    double worst = 0.0, mean = 0.0, spread = 0.0;
    for (size_t i = 0; i < VALUES; i++) {
        assert_true(fabs((double)exact[i] - expected[i]) < 1e-4);
        worst = fmax(worst, fabs((double)rough[i] - expected[i]));
        mean += fabs((double)rough[i] - expected[i]) / VALUES;
        spread = fmax(spread, fabs(expected[i] - expected[i % SO_SEGMENT_CLASSES]));
    }
    assert_true(spread > 0.1);               /* the network says something */
    assert_true(worst < 0.4 && mean < 0.06); /* of log-probabilities that differ by 3.5 */
    free(exact);
    free(rough);
}

static void embeddings_are_what_their_definition_says(void **unused) {
    (void)unused;
    double expected[SO_EMBEDDING_SIZE];
    float exact[SO_EMBEDDING_SIZE], rough[SO_EMBEDDING_SIZE];
    bool below = false;
    plain_embedding(source, FRAMES, fbank, expected);
    embed_items(SO_F32, alone, &(struct so_embedding_item){fbank, NULL, FRAMES, exact}, 1);
    embed_items(SO_INT8, alone, &(struct so_embedding_item){fbank, NULL, FRAMES, rough}, 1);
    for (size_t i = 0; i < SO_EMBEDDING_SIZE; i++) {
        assert_true(fabs((double)exact[i] - expected[i]) < 1e-4 * (1.0 + fabs(expected[i])));
        below = below || expected[i] < 0.0;
    }
    assert_true(below); /* which a ReLU at the end would not leave */
    assert_true(cosine(SO_EMBEDDING_SIZE, exact, expected) > 0.999999);
    assert_true(cosine(SO_EMBEDDING_SIZE, rough, expected) > 0.995);
}

static void the_shortest_voice_has_an_embedding(void **unused) {
    (void)unused;
    double expected[SO_EMBEDDING_SIZE];
    float out[SO_EMBEDDING_SIZE];
    plain_embedding(source, SO_EMBEDDING_MIN_FRAMES, fbank, expected);
    embed_items(SO_F32, alone, &(struct so_embedding_item){fbank, NULL, SO_EMBEDDING_MIN_FRAMES, out}, 1);
    assert_true(cosine(SO_EMBEDDING_SIZE, out, expected) > 0.99999);
}

static void a_window_is_the_same_among_others_and_with_threads(void **unused) {
    (void)unused;
    enum { STEP = 8000, WINDOWS = 15 };
    const size_t given = SAMPLES + 5 * STEP - 1234;
    static float shifted[SAMPLES];
    for (int p = SO_INT8; p <= SO_F32; p++) {
        float *one = segment((enum so_precision)p, alone, samples, given, STEP, WINDOWS);
        float *two = segment((enum so_precision)p, pair, samples, given, STEP, WINDOWS);
        assert_memory_equal(one, two, WINDOWS * VALUES * sizeof *one);
        for (size_t w = 1; w < WINDOWS; w += 12) { /* the first and one of the last, which ends in zeros */
            const size_t start = w * STEP, n = given - start < SAMPLES ? given - start : SAMPLES;
            memset(shifted, 0, sizeof shifted);
            memcpy(shifted, samples + start, n * sizeof *shifted);
            float *single = segment((enum so_precision)p, alone, shifted, SAMPLES, 0, 1);
            assert_memory_equal(single, one + w * VALUES, VALUES * sizeof *single);
            free(single);
        }
        free(one);
        free(two);
    }
}

static void windows_far_apart_are_found(void **unused) {
    (void)unused;
    float *both = segment(SO_INT8, pair, samples, 2 * SAMPLES, SAMPLES, 3),
          *second = segment(SO_INT8, alone, samples + SAMPLES, SAMPLES, 0, 1);
    float *nothing = segment(SO_INT8, alone, samples, 0, 0, 1);
    assert_memory_equal(both + VALUES, second, VALUES * sizeof *both);
    assert_memory_equal(both + 2 * VALUES, nothing, VALUES * sizeof *both);
    for (size_t i = 0; i < VALUES; i++) assert_true(isfinite(nothing[i]));
    free(both);
    free(second);
    free(nothing);
}

static void embeddings_do_not_depend_on_their_neighbours(void **unused) {
    (void)unused;
    static const size_t lengths[] = {10, 217, 33, 200, 101};
    float together[5][SO_EMBEDDING_SIZE], single[SO_EMBEDDING_SIZE];
    struct so_embedding_item items[5];
    for (int p = SO_INT8; p <= SO_F32; p++) {
        for (size_t i = 0; i < 5; i++)
            items[i] = (struct so_embedding_item){fbank + i * SO_FBANK_BANDS, NULL, lengths[i], together[i]};
        embed_items((enum so_precision)p, pair, items, 5);
        for (size_t i = 0; i < 5; i++) {
            items[i].out = single;
            embed_items((enum so_precision)p, alone, &items[i], 1);
            assert_memory_equal(single, together[i], sizeof single);
        }
    }
}

static void chosen_frames_are_looked_at_alone(void **unused) {
    (void)unused;
    static float copied[100 * SO_FBANK_BANDS];
    uint32_t chosen[100];
    float a[SO_EMBEDDING_SIZE], b[SO_EMBEDDING_SIZE];
    for (size_t i = 0; i < 100; i++) {
        chosen[i] = (uint32_t)(i * 4 + i % 3);
        memcpy(copied + i * SO_FBANK_BANDS, fbank + chosen[i] * SO_FBANK_BANDS,
               SO_FBANK_BANDS * sizeof *copied);
    }
    embed_items(SO_INT8, alone, &(struct so_embedding_item){fbank, chosen, 100, a}, 1);
    embed_items(SO_INT8, alone, &(struct so_embedding_item){copied, NULL, 100, b}, 1);
    assert_memory_equal(a, b, sizeof a);
}

/* On a device, here the emulator of one, which takes every product that has its rows apart. */
static void a_device_says_the_same(void **unused) {
    (void)unused;
    const struct so_backend_options options = {.kind = SO_BACKEND_EMULATOR, .all = true};
    float here[SO_EMBEDDING_SIZE], there[SO_EMBEDDING_SIZE];
    const struct so_embedding_item item = {fbank, NULL, SO_EMBEDDING_MIN_FRAMES, there};
    struct so_backend *backend;
    struct so_backend_stats stats;
    struct so_embedding *e;
    sotto_error err;
    embed_items(SO_INT8, alone, &(struct so_embedding_item){fbank, NULL, SO_EMBEDDING_MIN_FRAMES, here}, 1);
    if (so_backend_open(&options, &backend, &err)) fail_msg("%s", err.message);
    assert_int_equal(so_embedding_create(speakers[SO_INT8], alone, backend, &e, &err), SOTTO_OK);
    assert_int_equal(so_embed(e, &item, 1, &err), SOTTO_OK);
    so_backend_statistics(backend, &stats);
    so_embedding_free(e);
    so_backend_close(backend);
    assert_memory_equal(here, there, sizeof here);
    assert_true(stats.products > 100);
}

static void wrong_sizes_are_refused(void **unused) {
    (void)unused;
    struct so_segmentation *s;
    struct so_embedding *e;
    sotto_error err;
    float out[SO_EMBEDDING_SIZE];
    struct so_embedding_item item = {fbank, NULL, SO_EMBEDDING_MIN_FRAMES - 1, out};
    assert_int_equal(so_segmentation_create(speakers[0], alone, NULL, &s, &err), SOTTO_OK);
    assert_int_equal(so_segment_windows(s, samples, SAMPLES, 16001, 2, out, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_segment_windows(s, samples, SAMPLES, 0, 2, out, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_segment_windows(s, samples, SAMPLES, 16000, 0, out, &err), SOTTO_OK);
    so_segmentation_free(s);
    assert_int_equal(so_embedding_create(speakers[0], alone, NULL, &e, &err), SOTTO_OK);
    assert_int_equal(so_embed(e, &item, 1, &err), SOTTO_ERR_ARGUMENT);
    item.n_frames = SO_EMBEDDING_MAX_FRAMES + 1;
    assert_int_equal(so_embed(e, &item, 1, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_embed(e, NULL, 0, &err), SOTTO_OK);
    so_embedding_free(e);
}

static void the_likeliest_class_becomes_a_set(void **unused) {
    (void)unused;
    static const uint8_t expected[] = {0, 1, 2, 4, 3, 5, 6};
    float p[SO_SEGMENT_CLASSES][SO_SEGMENT_CLASSES];
    uint8_t active[SO_SEGMENT_CLASSES];
    for (size_t i = 0; i < SO_SEGMENT_CLASSES; i++)
        for (size_t j = 0; j < SO_SEGMENT_CLASSES; j++) p[i][j] = i == j ? -0.1f : -3.0f;
    so_segment_active(SO_SEGMENT_CLASSES, p[0], active);
    assert_memory_equal(active, expected, sizeof expected);
}

/* ---- CPU levels: this program again, with another level, says the sum of its bits ---- */

static uint64_t sum_bits(const float *x, size_t n) {
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        sum = (sum ^ bits) * 1099511628211u;
    }
    return sum;
}

static int print_sums(const char *int8_path) {
    struct so_fbank *features;
    sotto_error err;
    float out[SO_EMBEDDING_SIZE];
    static float bands[45 * SO_FBANK_BANDS];
    if (so_speakers_open(int8_path, SO_INT8, &speakers[SO_INT8], &err) || so_pool_create(1, &alone, &err))
        return 1;
    uint32_t state = 3;
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = 0.2f * made_float(&state);
    if (so_fbank_create(&features, &err) || so_fbank_compute(features, NULL, samples, 45, bands, &err))
        return 1;
    embed_items(SO_INT8, alone, &(struct so_embedding_item){bands, NULL, 45, out}, 1);
    float *window = segment(SO_INT8, alone, samples, SAMPLES, 0, 1);
    printf("%016llx %016llx %016llx\n", (unsigned long long)sum_bits(bands, 45 * SO_FBANK_BANDS),
           (unsigned long long)sum_bits(out, SO_EMBEDDING_SIZE),
           (unsigned long long)sum_bits(window, VALUES));
    free(window);
    so_fbank_free(features);
    so_pool_free(alone);
    so_speakers_close(speakers[SO_INT8]);
    return 0;
}

static void every_cpu_level_says_the_same(void **unused) {
    (void)unused;
    char first[128] = "", line[128], command[256], path[64];
    path_of(path, "int8.sotto");
    for (const char *const *level = so_kernels_levels(); *level; level++) {
        if (!so_kernels_level(*level)) continue;
        snprintf(command, sizeof command, "SOTTO_CPU=%s '%s' --sums %s", *level, program, path);
        FILE *answer = popen(command, "r");
        assert_non_null(answer);
        assert_non_null(fgets(line, sizeof line, answer));
        assert_int_equal(pclose(answer), 0);
        if (!*first) memcpy(first, line, sizeof first);
        assert_string_equal(line, first);
    }
}

int main(int argc, char **argv) {
    program = argv[0];
    if (argc == 3 && !strcmp(argv[1], "--sums")) return print_sums(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segmentation_is_what_its_definition_says),
        cmocka_unit_test(embeddings_are_what_their_definition_says),
        cmocka_unit_test(the_shortest_voice_has_an_embedding),
        cmocka_unit_test(a_window_is_the_same_among_others_and_with_threads),
        cmocka_unit_test(windows_far_apart_are_found),
        cmocka_unit_test(embeddings_do_not_depend_on_their_neighbours),
        cmocka_unit_test(chosen_frames_are_looked_at_alone),
        cmocka_unit_test(a_device_says_the_same),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(the_likeliest_class_becomes_a_set),
        cmocka_unit_test(every_cpu_level_says_the_same),
    };
    return cmocka_run_group_tests_name("speakers", tests, set_up, tear_down);
}
