/** From windows to turns, and from turns to words: with made-up windows and voices, no network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "diarize/attribute.h"
#include "diarize/people.h"
#include "diarize/turns.h"
#include "features/fbank.h"

enum { STEP = 16000, DIM = SO_EMBEDDING_SIZE };

/** Who really speaks in each frame of a recording: bits of speakers. Windows see it, each with local names of its own. */
struct scene {
    size_t frames;
    uint8_t *truth; /* [frames] */
    struct so_activity activity;
};

static void scene_begin(struct scene *s, size_t frames) {
    *s = (struct scene){.frames = frames, .truth = calloc(frames, 1)};
    assert_non_null(s->truth);
    so_activity_init(&s->activity, STEP);
}

static void scene_end(struct scene *s) {
    free(s->truth);
    so_activity_free(&s->activity);
}

static void speak(struct scene *s, size_t from, size_t to, unsigned speaker) {
    for (size_t t = from; t < to; t++) s->truth[t] |= (uint8_t)(1u << speaker);
}

/** Window w calls speaker k by the local name (k + w) % 3, so that nothing can rely on names. */
static void look(struct scene *s) {
    uint8_t codes[SO_SEGMENT_FRAMES];
    for (size_t w = 0; so_activity_start(&s->activity, w) < s->frames; w++) {
        size_t start = so_activity_start(&s->activity, w);
        for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++) {
            unsigned real = start + f < s->frames ? s->truth[start + f] : 0;
            codes[f] = 0;
            for (unsigned k = 0; k < 3; k++)
                if (real >> k & 1) codes[f] |= (uint8_t)(1u << (k + w) % 3);
        }
        assert_int_equal(so_activity_add(&s->activity, codes, 1, NULL), SOTTO_OK);
    }
}

static size_t cut_all(struct scene *s, struct so_piece *pieces) {
    struct so_cutter cutter = {0};
    size_t n = 0, more, limit = so_activity_frames(&s->activity);
    while ((more = so_cutter_next(&cutter, &s->activity, limit, true, pieces + n)) > 0) n += more;
    return n;
}

/** Each piece's voice is that of who speaks in it: an axis for each speaker, and a little of everybody. */
static void make_voices(const struct scene *s, const struct so_piece *pieces, size_t n, float *voices) {
    memset(voices, 0, n * DIM * sizeof *voices);
    for (size_t i = 0; i < n; i++) {
        unsigned real = s->truth[(pieces[i].first + pieces[i].last) / 2], k = real & 1 ? 0 : real & 2 ? 1 : 2;
        voices[i * DIM + k] = 0.96f;
        voices[i * DIM + 3 + i % 5] = 0.28f;
    }
}

static void windows_agree_on_how_many_speak(void **unused) {
    (void)unused;
    struct scene s;
    scene_begin(&s, 1200);
    speak(&s, 100, 400, 0);
    speak(&s, 350, 600, 1);
    look(&s);
    for (size_t t = 0; t < 1200; t++) {
        size_t wanted = (size_t)(t >= 100 && t < 400) + (size_t)(t >= 350 && t < 600);
        assert_int_equal(so_activity_frame(&s.activity, t).speakers, wanted);
    }
    size_t first, last;
    so_activity_over(&s.activity, 0, &first, &last);
    assert_int_equal(last - first, 1);
    so_activity_over(&s.activity, 700, &first, &last);
    for (size_t w = 0; w < s.activity.n_windows; w++) {
        size_t start = so_activity_start(&s.activity, w);
        assert_int_equal(start <= 700 && start + SO_SEGMENT_FRAMES > 700, w >= first && w < last);
    }
    scene_end(&s);
}

static void runs_are_cut_where_the_speaker_changes_and_into_pieces_of_three_seconds(void **unused) {
    (void)unused;
    struct scene s;
    struct so_piece pieces[64];
    scene_begin(&s, 2400);
    speak(&s, 50, 150, 0);
    speak(&s, 150, 250, 1);   /* at once after: only the change parts them */
    speak(&s, 300, 700, 2);   /* 400 frames: three pieces */
    speak(&s, 800, 900, 0);
    speak(&s, 850, 950, 1);   /* 50 frames of overlap are in no piece */
    speak(&s, 1000, 1800, 1); /* more than a run may have */
    look(&s);
    static const struct so_piece expected[] = {{50, 150},   {150, 250},   {300, 433},   {433, 566},   {566, 700},   {800, 850},  {900, 950},
                                               {1000, 1178}, {1178, 1356}, {1356, 1534}, {1534, 1712}, {1712, 1800}};
    assert_int_equal(cut_all(&s, pieces), sizeof expected / sizeof *expected);
    assert_memory_equal(pieces, expected, sizeof expected);
    scene_end(&s);
}

static void a_piece_looks_at_the_filter_banks_of_its_own_time(void **unused) {
    (void)unused;
    struct so_piece one = {100, 278}, next = {278, 300};
    size_t first, last, after, end;
    so_piece_fbank(&one, 100000, &first, &last);
    so_piece_fbank(&next, 100000, &after, &end);
    assert_int_equal(after, last);
    double middle_first = 160.0 * (double)first + 200, middle_last = 160.0 * (double)(last - 1) + 200;
    assert_true(middle_first >= 270 * 100 + 495.5 - 136 && middle_first < 270 * 100 + 495.5 - 136 + 160);
    assert_true(middle_last < 270 * 278 + 495.5 - 135 && middle_last >= 270 * 278 + 495.5 - 135 - 161);
    so_piece_fbank(&one, 200, &first, &last);
    assert_int_equal(last, 200);
}

static void turns_are_what_was_said_whatever_windows_call_the_speakers(void **unused) {
    (void)unused;
    struct scene s;
    struct so_piece pieces[64];
    static float voices[64 * DIM];
    scene_begin(&s, 3000);
    for (size_t i = 0; i < 6; i++) speak(&s, 100 + 400 * i, 300 + 400 * i, i % 3 == 0 ? 1 : i % 3 == 1 ? 0 : 2);
    speak(&s, 280, 400, 0); /* 20 frames over the first turn */
    look(&s);
    size_t n = cut_all(&s, pieces);
    make_voices(&s, pieces, n, voices);
    struct so_voices heard = {pieces, voices, n};
    struct so_identity id;
    struct so_turns turns;
    assert_int_equal(so_identify(&s.activity, &heard, 0, 0, &id, NULL), SOTTO_OK);
    assert_int_equal(id.n_speakers, 3);
    assert_int_equal(so_find_turns(&s.activity, &heard, &id, 1e9, &turns, NULL), SOTTO_OK);
    /* Speaker 1 speaks first and is number 0, speaker 0 comes second. */
    static const struct { size_t from, to; uint32_t who; } expected[] = {{100, 300, 0},   {280, 400, 1},   {500, 700, 1},  {900, 1100, 2},
                                                                        {1300, 1500, 0}, {1700, 1900, 1}, {2100, 2300, 2}};
    assert_int_equal(turns.n, sizeof expected / sizeof *expected);
    assert_int_equal(turns.n_speakers, 3);
    for (size_t i = 0; i < turns.n; i++) {
        assert_true(turns.turns[i].start == so_frame_seconds(expected[i].from));
        assert_true(turns.turns[i].end == so_frame_seconds(expected[i].to));
        assert_int_equal(turns.turns[i].speaker, expected[i].who);
    }
    assert_true(fabs(turns.seconds[0] - 400 * 270 / 16000.0) < 1e-9);
    so_turns_free(&turns);
    so_identity_free(&id);
    scene_end(&s);
}

static void the_number_of_speakers_can_be_given(void **unused) {
    (void)unused;
    struct scene s;
    struct so_piece pieces[64];
    static float voices[64 * DIM];
    scene_begin(&s, 3000);
    for (size_t i = 0; i < 6; i++) speak(&s, 100 + 400 * i, 300 + 400 * i, (unsigned)i % 3);
    look(&s);
    size_t n = cut_all(&s, pieces);
    make_voices(&s, pieces, n, voices);
    struct so_voices heard = {pieces, voices, n};
    for (uint32_t wanted = 1; wanted <= 5; wanted++) {
        struct so_identity id;
        assert_int_equal(so_identify(&s.activity, &heard, wanted, wanted, &id, NULL), SOTTO_OK);
        assert_int_equal(id.n_speakers, wanted);
        so_identity_free(&id);
    }
    scene_end(&s);
}

static void silence_has_no_turns_and_speech_without_a_clean_piece_one_speaker(void **unused) {
    (void)unused;
    struct scene s;
    struct so_voices none = {0};
    struct so_identity id;
    struct so_turns turns;
    scene_begin(&s, 500);
    look(&s);
    assert_int_equal(so_identify(&s.activity, &none, 0, 0, &id, NULL), SOTTO_OK);
    assert_int_equal(so_find_turns(&s.activity, &none, &id, 10, &turns, NULL), SOTTO_OK);
    assert_int_equal(turns.n, 0);
    assert_int_equal(turns.n_speakers, 0);
    so_turns_free(&turns);
    so_identity_free(&id);
    scene_end(&s);

    scene_begin(&s, 500);
    speak(&s, 100, 104, 2);
    look(&s);
    assert_int_equal(so_identify(&s.activity, &none, 0, 0, &id, NULL), SOTTO_OK);
    assert_int_equal(so_find_turns(&s.activity, &none, &id, 10, &turns, NULL), SOTTO_OK);
    assert_int_equal(turns.n, 1);
    assert_int_equal(turns.n_speakers, 1);
    so_turns_free(&turns);
    so_identity_free(&id);
    scene_end(&s);
}

/* ---- words ---- */

static struct so_turn_index *index_of(struct so_turn *turns, size_t n, size_t speakers) {
    struct so_turn_index *index;
    struct so_turns all = {.turns = turns, .n = n, .n_speakers = speakers};
    assert_int_equal(so_turn_index_create(&all, &index, NULL), SOTTO_OK);
    return index;
}

static void a_word_goes_to_who_speaks_most_in_it_else_to_the_nearest(void **unused) {
    (void)unused;
    struct so_turn turns[] = {{1, 2, 0}, {1.5, 3, 1}, {5, 6, 0}, {8, 20, 2}, {9, 9.5, 0}};
    struct so_turn_index *index = index_of(turns, 5, 3);
    bool overlap;
    assert_int_equal(so_turn_index_speaker(index, 1, 1.4, -1, &overlap), 0);
    assert_false(overlap);
    assert_int_equal(so_turn_index_speaker(index, 1.6, 2.2, -1, &overlap), 1);
    assert_true(overlap); /* speaker 0 is there for two thirds of it */
    assert_int_equal(so_turn_index_speaker(index, 1.6, 1.9, 1, &overlap), 1); /* both all the time: the one before */
    assert_int_equal(so_turn_index_speaker(index, 1.6, 1.9, -1, &overlap), 0);
    assert_true(overlap);
    assert_int_equal(so_turn_index_speaker(index, 3.5, 3.9, -1, &overlap), 1);  /* 0.5 s behind one, 1.1 s before the other */
    assert_int_equal(so_turn_index_speaker(index, 4.2, 4.4, -1, &overlap), 0);
    assert_int_equal(so_turn_index_speaker(index, 0, 0, -1, &overlap), 0);
    assert_int_equal(so_turn_index_speaker(index, 100, 101, -1, &overlap), 2);
    assert_int_equal(so_turn_index_speaker(index, 5.5, 5.5, -1, &overlap), 0);
    assert_false(overlap);
    so_turn_index_free(index);
    index = index_of(turns, 0, 0);
    assert_int_equal(so_turn_index_speaker(index, 1, 2, -1, &overlap), -1);
    so_turn_index_free(index);
}

/** Sum over all turns: what the search must find. */
static double share(const struct so_turn *turns, size_t n, uint32_t speaker, double start, double end) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (turns[i].speaker == speaker) sum += fmax(0, fmin(end, turns[i].end) - fmax(start, turns[i].start));
    return sum;
}

static void the_search_finds_what_going_through_all_turns_finds(void **unused) {
    (void)unused;
    struct so_turn turns[300];
    uint32_t state = 5;
    double at[3] = {0, 0.3, 0.7};
    for (size_t i = 0; i < 300; i++) {
        uint32_t k = (uint32_t)(i % 3);
        state = state * 1664525u + 1013904223u;
        double start = at[k] + (state >> 24) / 256.0, end = start + 0.1 + (state >> 16 & 255) / 200.0;
        turns[i] = (struct so_turn){start, end, k};
        at[k] = end;
    }
    struct so_turn_index *index = index_of(turns, 300, 3);
    for (size_t i = 0; i < 2000; i++) {
        state = state * 1664525u + 1013904223u;
        double start = (state >> 16) / 600.0, end = start + (state & 0xff) / 256.0 + 0.02;
        bool overlap;
        int who = so_turn_index_speaker(index, start, end, -1, &overlap);
        double own = share(turns, 300, (uint32_t)who, start, end), second = 0;
        for (uint32_t k = 0; k < 3; k++) {
            double here = share(turns, 300, k, start, end);
            assert_true(here <= own + 1e-9);
            if ((int)k != who) second = fmax(second, here);
        }
        if (fabs(second - 0.5 * (end - start)) > 1e-6) assert_int_equal(overlap, second > 0.5 * (end - start));
    }
    so_turn_index_free(index);
}

static void a_lone_short_word_goes_with_those_around_it(void **unused) {
    (void)unused;
    struct so_turn turns[] = {{0, 1, 0}, {1, 1.2, 1}, {1.2, 3, 0}, {3, 3.6, 1}, {3.6, 5, 0}, {5.5, 5.7, 1}, {6, 7, 0}};
    struct so_turn_index *index = index_of(turns, 7, 2);
    struct so_utterance words[] = {{.start = 0.5, .end = 0.9}, {.start = 1, .end = 1.2},    {.start = 1.2, .end = 2},  {.start = 3, .end = 3.6},
                                   {.start = 4, .end = 4.9},   {.start = 5.5, .end = 5.7}, {.start = 6, .end = 6.5}};
    so_attribute(index, words, 7);
    static const int expected[] = {0, 0, 0, 1, 0, 1, 0}; /* the long one and the one after a pause stay */
    for (size_t i = 0; i < 7; i++) assert_int_equal(words[i].speaker, expected[i]);
    so_turn_index_free(index);
}

/* ---- people ---- */

static void a_person_is_recognised_by_the_nearest_voice_and_only_once(void **unused) {
    (void)unused;
    sotto_people *people;
    float ann[DIM] = {2}, bob[DIM] = {0, 3}, voices[4 * DIM] = {0};
    assert_int_equal(sotto_people_open(NULL, &people, NULL), SOTTO_OK);
    assert_int_equal(so_people_add(people, "Bob", bob, 1, 5, NULL), SOTTO_OK);
    assert_int_equal(so_people_add(people, "Ann", ann, 1, 4, NULL), SOTTO_OK);
    assert_string_equal(sotto_people_get(people, 0).name, "Ann");
    assert_true(sotto_people_get(people, 0).voice[0] == 1);
    voices[0] = 0.6f, voices[1] = 0.8f;                  /* more like Bob */
    voices[DIM] = 0.3f, voices[DIM + 1] = 0.95f;         /* still more like Bob */
    voices[2 * DIM] = 0.2f, voices[2 * DIM + 5] = 0.98f; /* like nobody */
    int who[3];
    float score[3];
    assert_int_equal(so_people_match(people, voices, 3, 0.4f, who, score, NULL), SOTTO_OK);
    assert_int_equal(who[0], 0); /* Bob is taken by a better one */
    assert_true(score[0] == 0.6f);
    assert_int_equal(who[1], 1);
    assert_true(score[1] == 0.95f);
    assert_int_equal(who[2], -1);
    assert_true(score[2] == 0.2f);
    sotto_people_free(people);
    assert_int_equal(so_people_match(NULL, voices, 3, 0.4f, who, score, NULL), SOTTO_OK);
    assert_true(who[0] == -1 && isnan(score[0]));
}

static void put_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void known_people_survive_in_a_file(void **unused) {
    (void)unused;
    char folder[] = "/tmp/sotto-people-XXXXXX", path[64], nested[64];
    assert_non_null(mkdtemp(folder));
    snprintf(nested, sizeof nested, "%s/a", folder);
    snprintf(path, sizeof path, "%s/a/people.json", folder);
    sotto_people *people, *again;
    sotto_error err;
    float voice[DIM];
    for (size_t i = 0; i < DIM; i++) voice[i] = sinf((float)i) + 0.1f;
    assert_int_equal(sotto_people_open(path, &people, &err), SOTTO_OK); /* not there: empty */
    assert_int_equal(sotto_people_count(people), 0);
    assert_int_equal(so_people_add(people, "Zo\xC3\xAB", voice, 2, 12.5, NULL), SOTTO_OK);
    assert_int_equal(sotto_people_save(people, path, &err), SOTTO_OK);
    assert_int_equal(sotto_people_open(path, &again, &err), SOTTO_OK);
    assert_int_equal(sotto_people_count(again), 1);
    sotto_person a = sotto_people_get(people, 0), b = sotto_people_get(again, 0);
    assert_string_equal(b.name, "Zo\xC3\xAB");
    assert_int_equal(b.recordings, 2);
    assert_true(b.seconds == 12.5);
    for (size_t i = 0; i < DIM; i++) assert_true(fabsf(a.voice[i] - b.voice[i]) < 1e-7f);
    assert_int_equal(sotto_people_remove(again, "Nobody", &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(sotto_people_remove(again, "Zo\xC3\xAB", &err), SOTTO_OK);
    assert_int_equal(sotto_people_count(again), 0);
    sotto_people_free(again);
    sotto_people_free(people);

    static const char *const damaged[] = {
        "", "[]", "{\"version\":1}", "{\"version\":2,\"model\":\"campplus_cn_en_common\",\"speakers\":[]}",
        "{\"version\":1,\"model\":\"other\",\"speakers\":[]}",
        "{\"version\":1,\"model\":\"campplus_cn_en_common\",\"speakers\":[{\"name\":\"A\",\"recordings\":1,\"seconds\":1,\"voice\":[1,2]}]}",
        "{\"version\":1,\"model\":\"campplus_cn_en_common\",\"speakers\":[{\"name\":\"\",\"recordings\":1,\"seconds\":1}]}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        put_file(path, damaged[i]);
        assert_int_equal(sotto_people_open(path, &again, &err), SOTTO_ERR_MODEL);
        assert_null(again);
        assert_non_null(strstr(err.message, "people.json"));
    }
    unlink(path);
    rmdir(nested);
    rmdir(folder);
}

static void names_are_short_lines_of_text(void **unused) {
    (void)unused;
    char longest[258];
    memset(longest, 'x', sizeof longest);
    longest[255] = '\0';
    assert_int_equal(so_people_check_name(longest, NULL), SOTTO_OK);
    longest[255] = 'x';
    longest[256] = '\0';
    assert_int_equal(so_people_check_name(longest, NULL), SOTTO_ERR_ARGUMENT);
    static const char *const wrong[] = {"", "a\nb", "\xFF", "\x7F", "\xC2\x85", NULL};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_int_equal(so_people_check_name(wrong[i], NULL), SOTTO_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_agree_on_how_many_speak),
        cmocka_unit_test(runs_are_cut_where_the_speaker_changes_and_into_pieces_of_three_seconds),
        cmocka_unit_test(a_piece_looks_at_the_filter_banks_of_its_own_time),
        cmocka_unit_test(turns_are_what_was_said_whatever_windows_call_the_speakers),
        cmocka_unit_test(the_number_of_speakers_can_be_given),
        cmocka_unit_test(silence_has_no_turns_and_speech_without_a_clean_piece_one_speaker),
        cmocka_unit_test(a_word_goes_to_who_speaks_most_in_it_else_to_the_nearest),
        cmocka_unit_test(the_search_finds_what_going_through_all_turns_finds),
        cmocka_unit_test(a_lone_short_word_goes_with_those_around_it),
        cmocka_unit_test(a_person_is_recognised_by_the_nearest_voice_and_only_once),
        cmocka_unit_test(known_people_survive_in_a_file),
        cmocka_unit_test(names_are_short_lines_of_text),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
