/** The detector's weights as a file: what is refused, what happens without memory, and what the real ones
 * say. */
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

#include "audio/audio.h"
#include "model/model.h"
#include "util/compiler.h"
#include "vad/segmenter.h"
#include "vad_support.h"

/* The linker puts these in the place of the library's own (--wrap). */
void *__real_so_alloc(size_t count, size_t size);
void *__real_so_calloc(size_t count, size_t size);
void *__wrap_so_alloc(size_t count, size_t size);
void *__wrap_so_calloc(size_t count, size_t size);

static long until_failure = -1; /* allocations that still succeed; -1: all */

static bool fails(void) {
    if (until_failure > 0)
        until_failure--;
    else if (until_failure == 0)
        return true;
    return false;
}

void *__wrap_so_alloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_alloc(count, size);
}
void *__wrap_so_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_so_calloc(count, size);
}

static struct made_weights made;
static char path[] = "/tmp/vad-weights-XXXXXX";
static const char *recording; /* argv[1] */

/* The header of a file with these weights; a test changes it before it is written. */
static const char good_header[] =
    "{\"stft_conv.weight\":{\"dtype\":\"F32\",\"shape\":[258,1,256],\"data_offsets\":[0,264192]},"
    "\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[128,129,3],\"data_offsets\":[264192,462336]},"
    "\"conv1.bias\":{\"dtype\":\"F32\",\"shape\":[128],\"data_offsets\":[462336,462848]},"
    "\"conv2.weight\":{\"dtype\":\"F32\",\"shape\":[64,128,3],\"data_offsets\":[462848,561152]},"
    "\"conv2.bias\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[561152,561408]},"
    "\"conv3.weight\":{\"dtype\":\"F32\",\"shape\":[64,64,3],\"data_offsets\":[561408,610560]},"
    "\"conv3.bias\":{\"dtype\":\"F32\",\"shape\":[64],\"data_offsets\":[610560,610816]},"
    "\"conv4.weight\":{\"dtype\":\"F32\",\"shape\":[128,64,3],\"data_offsets\":[610816,709120]},"
    "\"conv4.bias\":{\"dtype\":\"F32\",\"shape\":[128],\"data_offsets\":[709120,709632]},"
    "\"lstm_cell.weight_ih\":{\"dtype\":\"F32\",\"shape\":[512,128],\"data_offsets\":[709632,971776]},"
    "\"lstm_cell.weight_hh\":{\"dtype\":\"F32\",\"shape\":[512,128],\"data_offsets\":[971776,1233920]},"
    "\"lstm_cell.bias_ih\":{\"dtype\":\"F32\",\"shape\":[512],\"data_offsets\":[1233920,1235968]},"
    "\"lstm_cell.bias_hh\":{\"dtype\":\"F32\",\"shape\":[512],\"data_offsets\":[1235968,1238016]},"
    "\"final_conv.weight\":{\"dtype\":\"F32\",\"shape\":[1,128,1],\"data_offsets\":[1238016,1238528]},"
    "\"final_conv.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1238528,1238532]}}";

static void write_file(const char *header, size_t data_size) {
    const uint64_t length = strlen(header);
    uint8_t size[8];
    for (int i = 0; i < 8; i++) size[i] = (uint8_t)(length >> 8 * i);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(size, 1, sizeof size, file);
    fwrite(header, 1, strlen(header), file);
    fwrite(&made, 1, data_size, file);
    assert_int_equal(fclose(file), 0);
}

/* `header` with the first `from` replaced by `to`. */
static const char *changed(const char *from, const char *to) {
    static char header[sizeof good_header + 200];
    const char *at = strstr(good_header, from);
    assert_non_null(at);
    snprintf(header, sizeof header, "%.*s%s%s", (int)(at - good_header), good_header, to, at + strlen(from));
    return header;
}

static void a_complete_file_is_read(void **unused) {
    (void)unused;
    static float sound[20 * SO_VAD_HOP];
    struct so_vad_frame from_file[20], from_memory[20];
    struct so_vad_weights *weights[2];
    make_sound(sound, SO_COUNT(sound), 3);
    write_file(good_header, sizeof made);
    assert_int_equal(so_vad_weights_load(path, &weights[0], NULL), SOTTO_OK);
    const struct so_vad_tensors tensors = made_tensors(&made);
    assert_int_equal(so_vad_weights_pack(&tensors, &weights[1], NULL), SOTTO_OK);
    for (int i = 0; i < 2; i++) {
        struct so_vad *vad;
        assert_int_equal(so_vad_create(weights[i], &vad, NULL), SOTTO_OK);
        assert_int_equal(so_vad_push(vad, sound, SO_COUNT(sound), i ? from_memory : from_file), 20);
        so_vad_free(vad);
        so_vad_weights_free(weights[i]);
    }
    assert_memory_equal(from_file, from_memory, sizeof from_file);
}

static void expect_refused(const char *header, size_t data_size) {
    struct so_vad_weights *weights = NULL;
    sotto_error err = {SOTTO_OK, ""};
    write_file(header, data_size);
    const sotto_status status = so_vad_weights_load(path, &weights, &err);
    assert_true(status == SOTTO_ERR_MODEL || status == SOTTO_ERR_UNSUPPORTED);
    assert_null(weights);
    assert_non_null(strstr(err.message, path));
}

static void damaged_files_are_refused(void **unused) {
    (void)unused;
    expect_refused(good_header, sizeof made - 1);
    expect_refused(good_header, 0);
    expect_refused("{}", sizeof made);
    expect_refused(changed("[128,129,3]", "[129,128,3]"), sizeof made);
    expect_refused(changed("[128,129,3]", "[128,387]"), sizeof made);
    expect_refused(changed("[1,128,1]", "[128,1,1]"), sizeof made);
    expect_refused(changed("[512]", "[512,1]"), sizeof made);
    expect_refused(changed("conv2.weight", "conv5.weight"), sizeof made);
    expect_refused(changed("conv2.weight", "conv0.weight"), sizeof made);
    expect_refused(changed("\"conv4.bias\"", "\"unknown\""), sizeof made);
    expect_refused(changed("\"F32\"", "\"I32\""), sizeof made);
    expect_refused(changed("\"F32\"", "\"F16\""), sizeof made);
    expect_refused(
        changed(",\"final_conv.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1238528,1238532]}",
                ""),
        sizeof made);
    expect_refused(
        changed("}}", "},\"conv5.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"),
        sizeof made);
    expect_refused(changed("[1238528,1238532]", "[1238532,1238536]"), sizeof made);
}

static void what_is_no_file_of_weights_is_refused(void **unused) {
    (void)unused;
    struct so_vad_weights *weights;
    sotto_error err;
    assert_int_not_equal(so_vad_weights_load("/nowhere/silero-vad.safetensors", &weights, &err), SOTTO_OK);
    assert_int_not_equal(so_vad_weights_load("/", &weights, &err), SOTTO_OK);
    assert_int_not_equal(so_vad_weights_load("/dev/null", &weights, &err), SOTTO_OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("these are no weights", file);
    fclose(file);
    assert_int_equal(so_vad_weights_load(path, &weights, &err), SOTTO_ERR_MODEL);
    assert_null(weights);
}

static void infinite_weights_are_refused_with_the_files_name(void **unused) {
    (void)unused;
    const float kept = made.conv3_bias[3];
    made.conv3_bias[3] = INFINITY;
    expect_refused(good_header, sizeof made);
    made.conv3_bias[3] = kept;
}

static sotto_status make_everything(void) {
    struct so_vad_weights *weights = NULL;
    struct so_vad *vad = NULL;
    struct so_segmenter *segmenter = NULL;
    struct so_span_options spans;
    struct so_chunk_options chunks;
    so_span_options_init(&spans);
    so_chunk_options_init(&chunks);
    sotto_error err;
    sotto_status status = so_vad_weights_load(path, &weights, &err);
    if (!status) status = so_vad_create(weights, &vad, &err);
    if (!status) status = so_segmenter_create(&spans, &chunks, &segmenter, &err);
    so_segmenter_free(segmenter);
    so_vad_free(vad);
    so_vad_weights_free(weights);
    return status;
}

static void want_of_memory_is_an_error_wherever_it_comes(void **unused) {
    (void)unused;
    write_file(good_header, sizeof made);
    long failures = 0;
    for (;; failures++) {
        until_failure = failures;
        const sotto_status status = make_everything();
        until_failure = -1;
        if (!status) break;
        assert_int_equal(status, SOTTO_ERR_MEMORY);
    }
    assert_true(failures >= 8);
}

/* ---- the real weights ---- */

/* What ONNX Runtime 1.31 says of the recording in assets/, for frames where it is of two minds, and some
 * others. */
static const struct {
    size_t frame;
    float probability;
} said[] = {{0, 0.011547f},   {40, 0.003446f},  {74, 0.164278f},  {75, 0.174428f},  {76, 0.119087f},
            {77, 0.106742f},  {78, 0.075938f},  {79, 0.048985f},  {80, 0.054563f},  {81, 0.062016f},
            {82, 0.071624f},  {83, 0.052871f},  {84, 0.078584f},  {85, 0.066057f},  {86, 0.040755f},
            {120, 0.005805f}, {160, 0.000755f}, {200, 0.000884f}, {211, 0.237526f}, {212, 0.836106f},
            {213, 0.932052f}, {214, 0.959983f}, {215, 0.939758f}, {216, 0.884856f}, {217, 0.792748f},
            {218, 0.803653f}, {219, 0.781424f}, {220, 0.823736f}, {221, 0.882908f}, {222, 0.848740f},
            {223, 0.657629f}, {224, 0.357768f}, {225, 0.154375f}, {226, 0.088931f}, {227, 0.051573f},
            {228, 0.031039f}, {237, 0.058568f}, {238, 0.046922f}, {239, 0.773518f}, {240, 0.990383f},
            {250, 0.963890f}, {251, 0.948485f}, {252, 0.942255f}, {253, 0.937317f}, {254, 0.941065f},
            {255, 0.937093f}, {256, 0.952245f}, {257, 0.958751f}, {258, 0.928663f}, {259, 0.810981f},
            {260, 0.592328f}, {261, 0.918522f}, {262, 0.942723f}, {263, 0.919904f}, {264, 0.942269f},
            {270, 0.945998f}, {271, 0.967703f}, {280, 0.990032f}, {310, 0.933887f}, {320, 0.999641f},
            {356, 0.956068f}, {360, 0.996518f}, {364, 0.821930f}, {365, 0.411711f}, {366, 0.714166f},
            {400, 0.999606f}, {440, 0.999506f}, {480, 0.997879f}, {497, 0.947954f}, {498, 0.735621f},
            {499, 0.495021f}, {500, 0.939895f}, {509, 0.962202f}, {510, 0.570209f}, {520, 0.999907f},
            {558, 0.908535f}, {559, 0.308080f}, {560, 0.087466f}, {561, 0.042314f}, {562, 0.054127f},
            {563, 0.122131f}, {564, 0.123633f}, {565, 0.699260f}, {566, 0.877642f}, {567, 0.896438f},
            {571, 0.965277f}, {577, 0.962492f}, {578, 0.961459f}, {583, 0.966827f}, {584, 0.963261f},
            {600, 0.999726f}, {640, 0.999916f}, {672, 0.885455f}, {673, 0.498457f}, {674, 0.249892f},
            {675, 0.138914f}, {676, 0.091960f}, {677, 0.070298f}, {678, 0.052051f}, {679, 0.046835f},
            {680, 0.043249f}, {681, 0.375141f}, {720, 0.999964f}, {729, 0.809621f}, {730, 0.878046f},
            {747, 0.954072f}, {760, 0.998975f}, {762, 0.948874f}, {763, 0.670298f}, {764, 0.633491f},
            {765, 0.884271f}, {800, 0.999519f}, {832, 0.914076f}, {840, 0.999954f}, {858, 0.864504f},
            {880, 0.971177f}, {881, 0.938713f}, {882, 0.859700f}, {920, 0.999403f}, {936, 0.954517f},
            {937, 0.908352f}};

static void the_real_weights_say_what_onnx_runtime_says(void **unused) {
    (void)unused;
    char folder[4096];
    if (so_model_folder(folder, sizeof folder - sizeof SO_VAD_FILE - 1, NULL)) skip();
    strcat(strcat(folder, "/"), SO_VAD_FILE);
    if (!recording || access(folder, R_OK)) skip();

    static float samples[480000];
    static struct so_vad_frame frames[SO_COUNT(samples) / SO_VAD_HOP + 1];
    const struct so_audio_options options = {-1, -1};
    struct so_audio *audio;
    struct so_vad_weights *weights;
    struct so_vad *vad;
    assert_int_equal(so_audio_open(recording, &options, &audio, NULL), SOTTO_OK);
    size_t total = 0, n = 0, done = 0;
    do {
        assert_int_equal(so_audio_read(audio, samples + total, SO_COUNT(samples) - total, &n, NULL),
                         SOTTO_OK);
        total += n;
    } while (n);
    so_audio_close(audio);
    assert_int_equal(total, SO_COUNT(samples));
    assert_int_equal(so_vad_weights_load(NULL, &weights, NULL), SOTTO_OK);
    assert_int_equal(so_vad_create(weights, &vad, NULL), SOTTO_OK);
    done = so_vad_push(vad, samples, total, frames);
    done += so_vad_finish(vad, frames + done);
    assert_int_equal(done, SO_COUNT(frames));
    for (size_t i = 0; i < SO_COUNT(said); i++)
        assert_true(fabsf(frames[said[i].frame].probability - said[i].probability) < 1e-4f);
    so_vad_free(vad);
    so_vad_weights_free(weights);
}

static int set_up(void **unused) {
    (void)unused;
    make_weights(&made, 5);
    const int fd = mkstemp(path);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static int tear_down(void **unused) {
    (void)unused;
    return unlink(path);
}

int main(int argc, char **argv) {
    recording = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_file_is_read),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(what_is_no_file_of_weights_is_refused),
        cmocka_unit_test(infinite_weights_are_refused_with_the_files_name),
        cmocka_unit_test(want_of_memory_is_an_error_wherever_it_comes),
        cmocka_unit_test(the_real_weights_say_what_onnx_runtime_says),
    };
    return cmocka_run_group_tests_name("vad_file", tests, set_up, tear_down);
}
