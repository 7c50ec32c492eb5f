/* The path through a picture of tokens over time, the picture itself, and edges in the sound: each against something plainer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "align/dtw.h"
#include "align/picture.h"
#include "align/snap.h"
#include "align/times.h"
#include "synthetic.h"
#include "util/memory.h"

static float uniform(uint64_t stream, uint64_t i) { return (float)(so_synthetic_random(7, stream, i) >> 40) * 0x1p-24f; }

/* ---- the path ---- */

/** The best sum over all paths to the last cell, by trying them. */
static double best_by_trying(const float *score, size_t rows, size_t columns, size_t ld, size_t r, size_t c) {
    double here = (double)score[r * ld + c], best = -INFINITY;
    if (r + 1 == rows && c + 1 == columns) return here;
    if (r + 1 < rows) best = fmax(best, best_by_trying(score, rows, columns, ld, r + 1, c));
    if (c + 1 < columns) best = fmax(best, best_by_trying(score, rows, columns, ld, r, c + 1));
    if (r + 1 < rows && c + 1 < columns) best = fmax(best, best_by_trying(score, rows, columns, ld, r + 1, c + 1));
    return here + best;
}

/** The best sum over the paths that come to each row first where `first` says. */
static double best_through(const float *score, size_t rows, size_t columns, size_t ld, const size_t *first, size_t r, size_t c) {
    double here = (double)score[r * ld + c], best = -INFINITY;
    if (r + 1 == rows && c + 1 == columns) return here;
    if (r + 1 < rows && first[r + 1] == c) best = fmax(best, best_through(score, rows, columns, ld, first, r + 1, c));
    if (c + 1 < columns) best = fmax(best, best_through(score, rows, columns, ld, first, r, c + 1));
    if (r + 1 < rows && c + 1 < columns && first[r + 1] == c + 1) best = fmax(best, best_through(score, rows, columns, ld, first, r + 1, c + 1));
    return here + best;
}

static void the_path_is_as_good_as_the_best_of_all(void **state) {
    (void)state;
    float score[7 * 16];
    size_t first[7];
    for (uint64_t round = 0; round < 300; round++) {
        size_t rows = 1 + round % 6, columns = 1 + round / 6 % 7, ld = columns + round % 3;
        for (size_t i = 0; i < rows * ld; i++) score[i] = uniform(round, i) * 4 - 2;
        void *scratch = malloc(so_dtw_scratch(rows, columns));
        assert_non_null(scratch);
        so_dtw(score, rows, columns, ld, first, scratch);
        free(scratch);
        assert_int_equal(first[0], 0);
        for (size_t r = 1; r < rows; r++) assert_true(first[r] >= first[r - 1] && first[r] < columns);
        double best = best_by_trying(score, rows, columns, ld, 0, 0);
        assert_true(fabs(best_through(score, rows, columns, ld, first, 0, 0) - best) < 1e-5);
    }
}

static void the_path_follows_a_clear_diagonal(void **state) {
    (void)state;
    enum { ROWS = 5, COLUMNS = 50 };
    static float score[ROWS * COLUMNS];
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) score[r * COLUMNS + c] = c / 10 == r ? 3 : -1;
    size_t first[ROWS];
    void *scratch = malloc(so_dtw_scratch(ROWS, COLUMNS));
    so_dtw(score, ROWS, COLUMNS, COLUMNS, first, scratch);
    free(scratch);
    for (size_t r = 0; r < ROWS; r++) assert_int_equal(first[r], 10 * r);
}

/* ---- the picture ---- */

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

/** The median of `width` values around column c of a row, mirrored at both ends. */
static double plain_median(const double *row, size_t n, size_t c, size_t width) {
    double sorted[7];
    for (size_t i = 0; i < width; i++) {
        ptrdiff_t at = (ptrdiff_t)(c + i) - (ptrdiff_t)(width / 2);
        if (at < 0) at = -at;
        if (at >= (ptrdiff_t)n) at = 2 * ((ptrdiff_t)n - 1) - at;
        sorted[i] = row[at];
    }
    qsort(sorted, width, sizeof *sorted, by_value);
    return sorted[width / 2];
}

static void check_picture(size_t heads, size_t rows, size_t positions, size_t threads) {
    size_t ld = so_round_up(positions, 16);
    float *weights = so_calloc(heads * rows * ld, sizeof *weights), *pictures = so_calloc(2 * rows * ld, sizeof *pictures);
    double *plain = calloc(2 * rows * positions, sizeof *plain), *want = calloc(2 * rows * positions, sizeof *want);
    for (size_t i = 0; i < heads * rows * ld; i++) weights[i] = uniform(11 + positions, i);
    struct so_pool *pool;
    assert_int_equal(so_pool_create(threads, &pool, NULL), SOTTO_OK);
    so_picture(pool, weights, heads, rows, positions, ld, pictures, pictures + rows * ld);
    so_pool_free(pool);
    double *sum = plain + rows * positions; /* of the heads */
    for (size_t h = 0; h < heads; h++) {
        const float *head = weights + h * rows * ld;
        for (size_t c = 0; c < positions; c++) {
            double mean = 0, variance = 0;
            for (size_t r = 0; r < rows; r++) mean += (double)head[r * ld + c] / (double)rows;
            for (size_t r = 0; r < rows; r++) variance += ((double)head[r * ld + c] - mean) * ((double)head[r * ld + c] - mean) / (double)rows;
            for (size_t r = 0; r < rows; r++) {
                plain[r * positions + c] = variance > 0 ? ((double)head[r * ld + c] - mean) / sqrt(variance) : 0;
                sum[r * positions + c] += (double)head[r * ld + c];
            }
        }
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < positions; c++)
                want[r * positions + c] += plain_median(plain + r * positions, positions, c, SO_PICTURE_FILTER) / (double)heads;
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < positions; c++) {
            assert_true(fabs((double)pictures[r * ld + c] - want[r * positions + c]) < 1e-4);
            double looked = plain_median(sum + r * positions, positions, c, 3) / (double)heads;
            assert_true(fabs((double)pictures[(rows + r) * ld + c] - looked) < 1e-5);
        }
    so_free(weights);
    so_free(pictures);
    free(plain);
    free(want);
}

static void the_picture_is_standardised_filtered_and_averaged(void **state) {
    (void)state;
    check_picture(1, 2, 7, 1);
    check_picture(3, 9, 64, 2);
    check_picture(2, 5, 65, 1);
    check_picture(8, 30, 333, 3);
}

static void the_shortest_windows_have_a_picture(void **state) {
    (void)state;
    float weights[2 * 16] = {0.5f, 0.25f, 0.25f}, pictures[4 * 16];
    struct so_pool *pool;
    assert_int_equal(so_pool_create(1, &pool, NULL), SOTTO_OK);
    for (size_t positions = 1; positions <= 4; positions++) {
        so_picture(pool, weights, 1, 2, positions, 16, pictures, pictures + 2 * 16);
        for (size_t i = 0; i < positions; i++) assert_true(isfinite(pictures[i]) && isfinite(pictures[32 + i]));
    }
    so_pool_free(pool);
}

/* ---- from the path to words ---- */

enum { LD = 112 };

/** Attention to a token from one position on, fading. */
static void look(float *attention, size_t token, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++) attention[token * LD + from + i] = 0.1f;
}

static void a_pause_belongs_to_no_word(void **state) {
    (void)state;
    /* " one" "." " two": said in [10, 20) and [60, 75); the path gives 20 to 60 to the full stop, 40 to 60 to " two". */
    const struct so_token_word words[] = {{0, 2, 0, 1}, {2, 1, 2, 1}};
    const size_t first[] = {2, 20, 40, 75};
    static float attention[4 * LD];
    memset(attention, 0, sizeof attention);
    look(attention, 0, 10, 8);
    look(attention, 1, 20, 4);
    look(attention, 2, 60, 10);
    attention[2 * LD + 41] = 0.06f; /* a stray look into the silence */
    look(attention, 3, 75, 4);
    struct so_word_time times[2] = {{0, 0, so_longest_word(" one.")}, {0, 0, so_longest_word(" two")}};
    so_word_times(words, 2, first, attention, LD, 100, times);
    assert_int_equal(times[0].start, 10);
    assert_in_range(times[0].end, 20, 23);
    assert_int_equal(times[1].start, 60);
    assert_in_range(times[1].end, 75, 79);
}

static void words_that_follow_each_other_stay_as_the_path_has_them(void **state) {
    (void)state;
    const struct so_token_word words[] = {{0, 1, 0, 1}, {1, 1, 1, 1}, {2, 1, 2, 1}};
    const size_t first[] = {0, 12, 25, 40};
    static float attention[4 * LD];
    memset(attention, 0, sizeof attention);
    for (size_t t = 0; t < 4; t++) look(attention, t, first[t], 10);
    struct so_word_time times[3] = {{0, 0, 40}, {0, 0, 40}, {0, 0, 40}};
    so_word_times(words, 3, first, attention, LD, 44, times);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(times[i].start, first[i]);
        assert_int_equal(times[i].end, first[i + 1]);
    }
}

static void a_word_too_long_to_be_said_is_cut_to_where_it_is_looked_for(void **state) {
    (void)state;
    const struct so_token_word words[] = {{0, 1, 0, 1}, {1, 1, 1, 1}};
    const size_t first[] = {0, 90, 95};
    static float attention[3 * LD];
    memset(attention, 0, sizeof attention);
    look(attention, 0, 3, 10);
    look(attention, 0, 20, 1);
    struct so_word_time times[2] = {{0, 0, so_longest_word(" a")}, {0, 0, so_longest_word(" b")}};
    so_word_times(words, 2, first, attention, LD, 95, times);
    assert_true(times[0].end - times[0].start <= so_longest_word(" a"));
    assert_true(times[0].start <= 3 && times[0].end >= 13);
    assert_true(so_longest_word("1984") > so_longest_word("word"));
    assert_true(so_longest_word("\xe4\xb8\x96") > so_longest_word("x"));
}

/* ---- the sound ---- */

enum { FRAMES = 300, SAMPLES = FRAMES * 160 };
static float sound[SAMPLES];

static void make_noise(uint32_t from, uint32_t to, float volume) {
    for (size_t i = (size_t)from * 160; i < (size_t)to * 160; i++) sound[i] = volume * (uniform(99, i) * 2 - 1);
}

static void edges_move_to_the_sound_but_not_far(void **state) {
    (void)state;
    make_noise(0, FRAMES, 1e-4f);
    make_noise(50, 100, 0.3f);
    make_noise(150, 200, 0.2f);
    struct so_edges words[] = {{44, 91}, {158, 205}, {240, 290}};
    assert_int_equal(so_snap(sound, SAMPLES, FRAMES, words, 3, NULL), SOTTO_OK);
    assert_int_equal(words[0].start, 50);
    assert_int_equal(words[0].end, 100);
    assert_int_equal(words[1].start, 150);
    assert_int_equal(words[1].end, 200);
    /* No sound within reach: nothing to move to. */
    assert_int_equal(words[2].start, 240);
    assert_int_equal(words[2].end, 290);
}

static void words_that_meet_in_a_silence_part(void **state) {
    (void)state;
    make_noise(0, FRAMES, 1e-4f);
    make_noise(50, 100, 0.3f);
    make_noise(120, 170, 0.3f);
    make_noise(175, 220, 0.3f);
    struct so_edges words[] = {{50, 110}, {110, 172}, {172, 220}};
    assert_int_equal(so_snap(sound, SAMPLES, FRAMES, words, 3, NULL), SOTTO_OK);
    assert_int_equal(words[0].end, 100);
    assert_int_equal(words[1].start, 120);
    /* A closed mouth of 50 ms is part of speech. */
    assert_int_equal(words[1].end, 172);
    assert_int_equal(words[2].start, 172);
}

static void snapping_keeps_words_in_order(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        for (uint32_t f = 0; f < FRAMES; f++) make_noise(f, f + 1, uniform(round, f) < 0.4f ? 0.3f : 1e-5f);
        struct so_edges words[20];
        uint32_t at = 0;
        for (size_t i = 0; i < 20; i++) {
            uint32_t start = at + (uint32_t)(uniform(round, 1000 + i) * 3) * 3, end = start + (uint32_t)(uniform(round, 2000 + i) * 9);
            words[i] = (struct so_edges){start, end};
            at = end;
        }
        size_t n_samples = round % 3 ? SAMPLES : SAMPLES / 2;
        assert_int_equal(so_snap(sound, n_samples, FRAMES, words, 20, NULL), SOTTO_OK);
        at = 0;
        for (size_t i = 0; i < 20; i++) {
            assert_true(words[i].start >= at && words[i].end >= words[i].start && words[i].end <= FRAMES);
            at = words[i].end;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_is_as_good_as_the_best_of_all),
        cmocka_unit_test(the_path_follows_a_clear_diagonal),
        cmocka_unit_test(the_picture_is_standardised_filtered_and_averaged),
        cmocka_unit_test(the_shortest_windows_have_a_picture),
        cmocka_unit_test(a_pause_belongs_to_no_word),
        cmocka_unit_test(words_that_follow_each_other_stay_as_the_path_has_them),
        cmocka_unit_test(a_word_too_long_to_be_said_is_cut_to_where_it_is_looked_for),
        cmocka_unit_test(edges_move_to_the_sound_but_not_far),
        cmocka_unit_test(words_that_meet_in_a_silence_part),
        cmocka_unit_test(snapping_keeps_words_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
