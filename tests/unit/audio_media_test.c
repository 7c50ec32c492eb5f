/**
 * Containers and codecs by FFmpeg's libraries. The files in media/ are tones of 440 Hz, made by the ffmpeg
 * program: a second each (tone.mp3 and cover.mp3 two).
 */
#include <fcntl.h>
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

#include "audio_support.h"
#include "util/compiler.h"

static const char *media = "media";
static char folder[] = "/tmp/sotto-media-XXXXXX";
static uint8_t bytes[1 << 16];
static float samples[1 << 20];

static const char *in_media(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", media, name);
    return path;
}

static const char *in_folder(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t load(const char *name) {
    FILE *f = fopen(in_media(name), "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(size > 0 && size < sizeof bytes);
    return size;
}

static const char *store(const char *name, const void *data, size_t size) {
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
    return in_folder(name);
}

/** Status of opening and reading to the end; a failure must have left a sentence. */
static sotto_status try_file(const char *path, int stream, size_t *n, sotto_error *err) {
    struct so_audio_options options = {.channel = -1, .stream = stream};
    struct so_audio *audio;
    *n = 0;
    err->message[0] = '\0';
    sotto_status status = so_audio_open(path, &options, &audio, err);
    if (status == SOTTO_OK) {
        status = read_all(audio, samples, SO_COUNT(samples), n, err);
        so_audio_close(audio);
    }
    assert_true(status == SOTTO_OK || (err->message[0] && strstr(err->message, "'")));
    return status;
}

/** Frequency by counting where samples [from, to) cross zero upwards. */
static double pitch_between(size_t from, size_t to) {
    size_t crossings = 0;
    for (size_t i = from; i < to; i++) crossings += samples[i] < 0 && samples[i + 1] >= 0;
    return (double)crossings * 16000 / (double)(to - from);
}

/** Of the middle half of n samples. */
static double pitch(size_t n) {
    return pitch_between(n / 4, n * 3 / 4);
}

static void is_tone(const char *path, int stream, double hz, double seconds) {
    size_t n;
    sotto_error err;
    if (try_file(path, stream, &n, &err) != SOTTO_OK) fail_msg("%s", err.message);
    if (fabs((double)n / 16000 - seconds) > 0.15) fail_msg("%s: %zu samples", path, n);
    if (fabs(pitch(n) - hz) > 6) fail_msg("%s: %.1f Hz", path, pitch(n));
    for (size_t i = 0; i < n; i++) assert_true(fabsf(samples[i]) < 1);
}

static const char *const tones[] = {"tone.m4a",        "tone.ogg", "tone.opus", "tone.flac",
                                    "tone.wav",        "tone.au",  "adpcm.wav", "film.webm",
                                    "two-streams.mka", "tone.mp3", "cover.mp3"};

static double seconds_of(const char *name) {
    return strstr(name, "mp3") ? 2.0 : 1.0;
}

static void every_container_and_codec_gives_its_tone(void **unused) {
    (void)unused;
    for (size_t i = 0; i < SO_COUNT(tones); i++) is_tone(in_media(tones[i]), -1, 440, seconds_of(tones[i]));
}

static void from_a_pipe_too_even_with_the_index_at_the_end(void **unused) {
    (void)unused;
    int kept = dup(STDIN_FILENO);
    for (size_t i = 0; i < SO_COUNT(tones); i++) {
        int fd[2];
        size_t size = load(tones[i]);
        assert_int_equal(pipe(fd), 0);
        assert_int_equal(write(fd[1], bytes, size), size); /* a pipe holds 64 KB without a reader */
        close(fd[1]);
        dup2(fd[0], STDIN_FILENO);
        close(fd[0]);
        is_tone("-", -1, 440, seconds_of(tones[i]));
    }
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void the_stream_asked_for_is_taken(void **unused) {
    (void)unused;
    is_tone(in_media("two-streams.mka"), 0, 440, 1);
    is_tone(in_media("two-streams.mka"), 1, 880, 1);
    size_t n;
    sotto_error err;
    assert_int_equal(try_file(in_media("two-streams.mka"), 2, &n, &err), SOTTO_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "no audio stream 2: it has 2"));
    /* streams are counted among those with sound: the picture of film.webm is none */
    is_tone(in_media("film.webm"), 0, 440, 1);
}

static void a_film_without_sound_says_so(void **unused) {
    (void)unused;
    size_t n;
    sotto_error err;
    assert_int_equal(try_file(in_media("silent-film.mp4"), -1, &n, &err), SOTTO_ERR_MEDIA);
    assert_non_null(strstr(err.message, "has no sound"));
}

static void rate_and_channels_may_change_on_the_way(void **unused) {
    (void)unused;
    size_t n; /* a second at 44.1 kHz mono, then one at 22.05 kHz stereo, a little silence around each */
    sotto_error err;
    assert_int_equal(try_file(in_media("changing.mp3"), -1, &n, &err), SOTTO_OK);
    assert_true(fabs((double)n / 16000 - 2.13) < 0.1);
    assert_true(fabs(pitch_between(3200, 14400) - 440) < 6);
    assert_true(fabs(pitch_between(19200, 30400) - 440) < 6);
}

static void playlists_are_never_followed(void **unused) {
    (void)unused;
    char text[9000];
    size_t n;
    sotto_error err;
    int length =
        snprintf(text, sizeof text, "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n",
                 in_media("tone.mp3"));
    assert_int_equal(try_file(store("list.m3u8", text, (size_t)length), -1, &n, &err), SOTTO_ERR_MEDIA);
    assert_non_null(strstr(err.message, "never followed"));
    length = snprintf(text, sizeof text, "ffconcat version 1.0\nfile '%s'\n", in_media("tone.mp3"));
    assert_int_equal(try_file(store("list.ffconcat", text, (size_t)length), -1, &n, &err), SOTTO_ERR_MEDIA);
    assert_non_null(strstr(err.message, "never followed"));
}

static void damage_in_the_middle_costs_only_the_middle(void **unused) {
    (void)unused;
    size_t size = load("tone.mp3"), n;
    sotto_error err;
    for (size_t i = size / 2; i < size / 2 + 600; i++) bytes[i] = (uint8_t)(i * 37);
    assert_int_equal(try_file(store("damaged.mp3", bytes, size), -1, &n, &err), SOTTO_OK);
    assert_true(n > 16000 * 3 / 2);
    assert_true(fabs(pitch(n / 2) - 440) < 6);
}

static void a_file_of_damage_alone_is_no_success(void **unused) {
    (void)unused;
    size_t size = load("tone.flac"), n;
    sotto_error err;
    memset(bytes + 200, 0x5a, size - 200);
    if (try_file(store("damaged.flac", bytes, size), -1, &n, &err) == SOTTO_OK) assert_int_equal(n, 0);
    size = load("tone.m4a");
    assert_int_equal(try_file(store("cut.m4a", bytes, size / 2), -1, &n, &err), SOTTO_ERR_MEDIA);
    assert_non_null(strstr(err.message, "cut short"));
}

static void no_cut_and_no_flipped_byte_breaks_the_reader(void **unused) {
    (void)unused;
    uint32_t state = 1;
    for (size_t i = 0; i < SO_COUNT(tones); i++) {
        size_t n, size;
        sotto_error err;
        for (size_t part = 1; part < 8; part++) {
            size = load(tones[i]);
            try_file(store("cut", bytes, size * part / 8), -1, &n, &err);
            assert_true(n <= 3 * 16000);
        }
        for (int round = 0; round < 12; round++) {
            size = load(tones[i]);
            for (int flip = 0; flip < 1 + round; flip++) {
                state = state * 1664525u + 1013904223u;
                bytes[(state >> 8) % (round % 2 ? size : 300)] = (uint8_t)(state >> 3);
            }
            try_file(store("flipped", bytes, size), -1, &n, &err);
            for (size_t k = 0; k < n && k < SO_COUNT(samples); k++) assert_true(isfinite(samples[k]));
        }
    }
}

static int make_folder(void **state) {
    (void)state;
    return !mkdtemp(folder);
}

static int remove_folder(void **state) {
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}

static sotto_status open_common(const char *name, bool common, sotto_error *err) {
    sotto_audio *audio;
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    sotto_status status = sotto_audio_open_fd(fd, "upload", common, &audio, err);
    size_t n = 0, total = 0;
    while (!status && !(status = sotto_audio_read(audio, samples, 4096, &n, err)) && n > 0) total += n;
    sotto_audio_close(audio);
    assert_int_equal(close(fd), 0); /* it stayed ours */
    if (!status) assert_true(total > 15000);
    return status;
}

static void usual_formats_are_common(void **state) {
    (void)state;
    const char *const names[] = {"tone.wav", "tone.mp3", "tone.flac", "tone.ogg", "tone.opus", "tone.m4a", "film.webm", "tone.au", "adpcm.wav"};
    sotto_error err;
    for (size_t i = 0; i < SO_COUNT(names); i++)
        if (open_common(in_media(names[i]), true, &err)) fail_msg("%s: %s", names[i], err.message);
}

static void a_format_that_is_not_common_is_refused_by_name(void **state) {
    (void)state;
    /* Sun's simpler cousin: .voc of Creative Labs, 8 bits at 16 kHz. */
    static const uint8_t head[] = {'C', 'r', 'e', 'a', 't', 'i', 'v', 'e', ' ', 'V', 'o', 'i', 'c', 'e', ' ', 'F', 'i', 'l', 'e',
                                   0x1a, 26, 0, 0x0a, 1, 0x29, 0x11, 1, 0x82, 0x3e, 0, 194, 0};
    memset(bytes, 0x80, 16032);
    memcpy(bytes, head, sizeof head);
    const char *path = store("old.voc", bytes, 16032);
    sotto_error err;
    assert_int_equal(open_common(path, true, &err), SOTTO_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "voc"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_formats_are_common),
        cmocka_unit_test(a_format_that_is_not_common_is_refused_by_name),
        cmocka_unit_test(every_container_and_codec_gives_its_tone),
        cmocka_unit_test(from_a_pipe_too_even_with_the_index_at_the_end),
        cmocka_unit_test(the_stream_asked_for_is_taken),
        cmocka_unit_test(a_film_without_sound_says_so),
        cmocka_unit_test(rate_and_channels_may_change_on_the_way),
        cmocka_unit_test(playlists_are_never_followed),
        cmocka_unit_test(damage_in_the_middle_costs_only_the_middle),
        cmocka_unit_test(a_file_of_damage_alone_is_no_success),
        cmocka_unit_test(no_cut_and_no_flipped_byte_breaks_the_reader),
    };
    if (argc > 1) media = argv[1];
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
