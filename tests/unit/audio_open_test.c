/**
 * so_audio_open on files of every sort of name and content, and on standard input, as either build reads
 * them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audio_support.h"
#include "util/compiler.h"

static const struct so_audio_options defaults = {.channel = -1, .stream = -1};
static uint8_t file[4 << 20];
static int16_t tone[1 << 20];
static float samples[1 << 20];

static void write_file(const char *path, const void *data, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
}

static size_t tone_wav(size_t n, unsigned rate, unsigned channels) {
    struct wav_shape shape = {.tag = 1, .channels = channels, .rate = rate, .bits = 16, .claim = CLAIM_TRUE};
    make_tone(tone, n * channels, rate);
    return make_wav(file, shape, tone, n * channels * 2);
}

static size_t length_of(const char *path) {
    struct so_audio *audio;
    sotto_error err = {0};
    size_t n;
    if (so_audio_open(path, &defaults, &audio, &err) != SOTTO_OK) fail_msg("%s", err.message);
    assert_int_equal(read_all(audio, samples, SO_COUNT(samples), &n, &err), SOTTO_OK);
    so_audio_close(audio);
    return n;
}

/** One line, which has `word` in it; no handle. */
static void refused(const char *path, sotto_status status, const char *word) {
    struct so_audio *audio = (void *)file;
    sotto_error err = {0};
    assert_int_equal(so_audio_open(path, &defaults, &audio, &err), status);
    assert_null(audio);
    if (!strstr(err.message, word)) fail_msg("no '%s' in '%s'", word, err.message);
    assert_null(strchr(err.message, '\n'));
}

static void what_is_no_recording_says_what_it_is(void **unused) {
    (void)unused;
    refused("", SOTTO_ERR_ARGUMENT, "empty");
    refused("missing.wav", SOTTO_ERR_IO, "'missing.wav': No such file");
    assert_int_equal(mkdir("folder", 0700), 0);
    refused("folder", SOTTO_ERR_IO, "'folder' is a folder");
    write_file("empty.wav", "", 0);
    refused("empty.wav", SOTTO_ERR_MEDIA, "'empty.wav' is empty");
    refused("/dev/null", SOTTO_ERR_MEDIA, "'/dev/null' is empty");
    write_file("text.wav", "It was the best of times, it was the worst of times.\n", 53);
    refused("text.wav", SOTTO_ERR_MEDIA, "'text.wav' is not a");
    memset(file, 0, 100000);
    write_file("zeros", file, 100000);
    refused("zeros", SOTTO_ERR_MEDIA, "'zeros' is not a");
    tone_wav(100, 16000, 1);
    write_file("cut.wav", file, 30);
    refused("cut.wav", SOTTO_ERR_MEDIA, "'cut.wav'");
}

static void a_name_is_only_a_name(void **unused) {
    (void)unused;
    size_t size = tone_wav(1600, 16000, 1);
    static const char *const names[] = {
        "with space.wav", "quote's \"two\".wav",
        "new\nline.wav",  "not\xff\xfeutf8.wav",
        "-dashes.wav",    "--help",
        "http:",          "concat:a|b",
        "pipe:0",         "file:x",
        "%03d.wav",       "\xe2\x82\xac.wav",
        "no ending",      "*",
        "$(touch x)",
    };
    for (size_t i = 0; i < SO_COUNT(names); i++) {
        refused(names[i], SOTTO_ERR_IO, "No such file");
        write_file(names[i], file, size);
        assert_int_equal(length_of(names[i]), 1600);
    }
    refused("x", SOTTO_ERR_IO, "No such file");
    refused("https://127.0.0.1/a.wav", SOTTO_ERR_IO, "No such file");
    refused("file:with space.wav", SOTTO_ERR_IO, "No such file");
}

static void of_a_long_name_the_end_is_shown(void **unused) {
    (void)unused;
    char name[1001];
    for (size_t i = 0; i < 500; i++) memcpy(name + 2 * i, "\xc3\xa9", 2);
    memcpy(name + 990, "/last.wav", 10);
    struct so_audio *audio;
    sotto_error err;
    assert_int_equal(so_audio_open(name, &defaults, &audio, &err), SOTTO_ERR_IO);
    assert_non_null(strstr(err.message, "'...\xc3\xa9"));
    assert_non_null(strstr(err.message, "/last.wav': "));
    assert_true(err.message[strlen(err.message) - 1] != ' ');
}

static void short_wide_and_fast_recordings_have_their_length(void **unused) {
    (void)unused;
    static const struct {
        size_t n;
        unsigned rate, channels;
    } cases[] = {{0, 16000, 1}, {1, 16000, 1},     {320, 16000, 1},    {882, 44100, 2},
                 {1, 48000, 8}, {48000, 48000, 8}, {96000, 192000, 2}, {1000, 47999, 1}};
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        write_file("length.wav", file, tone_wav(cases[i].n, cases[i].rate, cases[i].channels));
        size_t expected = (cases[i].n * 16000 + cases[i].rate - 1) / cases[i].rate;
        assert_int_equal(length_of("length.wav"), expected);
    }
}

static void a_header_of_ten_hours_on_a_second_ends_after_a_second(void **unused) {
    (void)unused;
    struct wav_shape shape = {.tag = 1, .channels = 1, .rate = 16000, .bits = 16, .claim = 1152000000u};
    make_tone(tone, 16000, 16000);
    write_file("ten.wav", file, make_wav(file, shape, tone, 32000));
    assert_int_equal(length_of("ten.wav"), 16000);
    struct so_audio *audio;
    assert_int_equal(so_audio_open("ten.wav", &defaults, &audio, NULL), SOTTO_OK);
    assert_true(so_audio_duration_hint(audio) < 1.1);
    so_audio_close(audio);
}

static void channels_and_streams_that_are_not_there_are_refused(void **unused) {
    (void)unused;
    static const struct {
        struct so_audio_options options;
        const char *word;
    } cases[] = {{{2, -1}, "no channel 2: it has 2"},
                 {{-1, 1}, "no audio stream 1: it has 1"},
                 {{-2, -1}, "not -2"},
                 {{-1, -9}, "not -9"}};
    write_file("stereo.wav", file, tone_wav(1000, 16000, 2));
    for (size_t i = 0; i < SO_COUNT(cases); i++) {
        struct so_audio *audio;
        sotto_error err = {0};
        assert_int_equal(so_audio_open("stereo.wav", &cases[i].options, &audio, &err), SOTTO_ERR_ARGUMENT);
        if (!strstr(err.message, cases[i].word)) fail_msg("no '%s' in '%s'", cases[i].word, err.message);
    }
    for (int channel = 0; channel < 2; channel++) {
        struct so_audio *audio;
        struct so_audio_options options = {.channel = channel, .stream = 0};
        size_t n;
        assert_int_equal(so_audio_open("stereo.wav", &options, &audio, NULL), SOTTO_OK);
        assert_int_equal(read_all(audio, samples, 1000, &n, NULL), SOTTO_OK);
        assert_int_equal(n, 1000);
        for (size_t i = 0; i < n; i++)
            assert_true(samples[i] == (float)tone[2 * i + (size_t)channel] / 32768);
        so_audio_close(audio);
    }
}

static void samples_do_not_depend_on_how_many_are_asked_for(void **unused) {
    (void)unused;
    static float whole[32000], parts[32000];
    write_file("parts.wav", file, tone_wav(44100, 44100, 2));
    static const size_t capacities[] = {1, 100, 4096, 32000};
    for (size_t i = SO_COUNT(capacities); i-- > 0;) {
        struct so_audio *audio;
        size_t total = 0, n;
        assert_int_equal(so_audio_open("parts.wav", &defaults, &audio, NULL), SOTTO_OK);
        while (so_audio_read(audio, parts + total,
                             capacities[i] < 32000 - total ? capacities[i] : 32000 - total, &n,
                             NULL) == SOTTO_OK &&
               n)
            total += n;
        so_audio_close(audio);
        assert_int_equal(total, 16000);
        if (capacities[i] == 32000) memcpy(whole, parts, sizeof whole);
        assert_memory_equal(parts, whole, 16000 * sizeof(float));
    }
}

/** Run `check` with a file, or its content in a pipe, as standard input. */
static void with_standard_input(int from_pipe, const void *data, size_t size, void (*check)(void)) {
    int kept = dup(STDIN_FILENO), fd[2];
    write_file("stdin", data, size);
    if (from_pipe) {
        assert_true(size <= 65536); /* what a pipe holds without a reader */
        assert_int_equal(pipe(fd), 0);
        assert_int_equal(write(fd[1], data, size), size);
        close(fd[1]);
    } else {
        fd[0] = open("stdin", O_RDONLY);
    }
    assert_true(dup2(fd[0], STDIN_FILENO) == STDIN_FILENO);
    close(fd[0]);
    check();
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it is not ours to close */
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void check_tone(void) {
    assert_int_equal(length_of("-"), 16000);
}
static void check_empty(void) {
    refused("-", SOTTO_ERR_MEDIA, "'standard input' is empty");
}
static void check_text(void) {
    refused("-", SOTTO_ERR_MEDIA, "'standard input' is not a");
}

static void standard_input_is_read_from_a_pipe_and_from_a_file(void **unused) {
    (void)unused;
    for (int from_pipe = 0; from_pipe < 2; from_pipe++) {
        with_standard_input(from_pipe, file, tone_wav(16000, 16000, 1), check_tone);
        with_standard_input(from_pipe, "", 0, check_empty);
        with_standard_input(from_pipe, "Call me Ishmael. Some years ago, never mind how long", 52,
                            check_text);
    }
}

static int enter_folder(void **state) {
    static char folder[] = "/tmp/sotto-audio-XXXXXX";
    *state = folder;
    return !mkdtemp(folder) || chdir(folder) != 0;
}

static int leave_folder(void **state) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    return chdir("/") != 0 || system(command) != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_recording_says_what_it_is),
        cmocka_unit_test(a_name_is_only_a_name),
        cmocka_unit_test(of_a_long_name_the_end_is_shown),
        cmocka_unit_test(short_wide_and_fast_recordings_have_their_length),
        cmocka_unit_test(a_header_of_ten_hours_on_a_second_ends_after_a_second),
        cmocka_unit_test(channels_and_streams_that_are_not_there_are_refused),
        cmocka_unit_test(samples_do_not_depend_on_how_many_are_asked_for),
        cmocka_unit_test(standard_input_is_read_from_a_pipe_and_from_a_file),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
