#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output/output.h"
#include "util/text.h"

static const int32_t tokens[] = {50364, 286, 50414};
static const float logprobs[] = {-0.1f, -1.5f, -1.0f / 3};
static const sotto_word words[] = {{" I", 0, 0.5, 0.75f, 1}};

static sotto_segment two_segments[] = {
    {.id = 0, .start = 0, .end = 59.9996, .text = " I came\n<here> & \"saw\" --> them ", .tokens = tokens, .n_tokens = 3,
     .token_logprobs = logprobs, .temperature = 0.2f, .avg_logprob = -0.25f, .compression_ratio = 1.5f, .no_speech_prob = 0.0625f,
     .words = words, .n_words = 1, .speaker = 1},
    {.id = 1, .start = 3599.9994, .end = 360000.5, .text = " Zo\xC3\xAB\tagain", .speaker = -1},
};

static const sotto_speaker speakers[] = {{"A", 1}, {"B", 2.0004}};

static sotto_result example(void) {
    return (sotto_result){.text = "I came",
                          .language = "en",
                          .language_probability = 0.5f,
                          .duration = 62.12345,
                          .segments = two_segments,
                          .n_segments = 2,
                          .speakers = speakers,
                          .n_speakers = 2,
                          .model = "base",
                          .device_path = "cpu",
                          .matmuls_cpu = 7, .npu_commands = -1,
                          .products = {.encoder = {5, 0}, .cross = {0, 2}, .logits = {0, 3}},
                          .timing = {.total = 1.25, .realtime_factor = 49.698765}};
}

static sotto_result without_speakers(void) {
    sotto_result result = example();
    result.n_speakers = 0;
    return result;
}

static void assert_text(struct so_buffer *out, const char *expected) {
    assert_false(out->failed);
    assert_string_equal(out->data, expected);
    so_buffer_free(out);
}

static void assert_clock(double seconds, bool hours, const char *expected) {
    struct so_buffer out = {0};
    so_output_clock(seconds, hours, ',', &out);
    assert_text(&out, expected);
}

static void times_round_to_the_nearest_millisecond_and_carry(void **state) {
    (void)state;
    assert_clock(59.9996, true, "00:01:00,000");
    assert_clock(59.9994, true, "00:00:59,999");
    assert_clock(3599.9996, true, "01:00:00,000");
    assert_clock(0.0004, true, "00:00:00,000");
    assert_clock(1.0015, true, "00:00:01,002");
    assert_clock(0.29, true, "00:00:00,290");
    assert_clock(360000, true, "100:00:00,000");
    assert_clock(59.9996, false, "01:00,000");
    assert_clock(3599.9996, false, "01:00:00,000");
    assert_clock(3599.9994, false, "59:59,999");
}

static void every_hundredth_of_a_second_is_written_exactly(void **state) {
    (void)state;
    for (int64_t frame = 0; frame < 400000; frame += 7) assert_int_equal(so_output_milliseconds((double)frame / 100), frame * 10);
}

static void impossible_times_are_zero_or_capped(void **state) {
    (void)state;
    assert_int_equal(so_output_milliseconds(-1), 0);
    assert_int_equal(so_output_milliseconds(NAN), 0);
    assert_true(so_output_milliseconds(INFINITY) > 0);
}

static void text_has_a_line_for_each_segment(void **state) {
    (void)state;
    sotto_result result = without_speakers();
    struct so_buffer out = {0};
    so_output_txt(&result, &out);
    assert_text(&out, "I came <here> & \"saw\" --> them\nZo\xC3\xAB again\n");
}

static void subrip_numbers_its_cues_and_has_no_arrow_in_the_text(void **state) {
    (void)state;
    sotto_result result = without_speakers();
    struct so_buffer out = {0};
    so_output_srt(&result, NULL, &out);
    assert_text(&out, "1\n00:00:00,000 --> 00:01:00,000\nI came <here> & \"saw\" -> them\n\n"
                      "2\n00:59:59,999 --> 100:00:00,500\nZo\xC3\xAB again\n\n");
}

static void webvtt_escapes_markup(void **state) {
    (void)state;
    sotto_result result = without_speakers();
    struct so_buffer out = {0};
    so_output_vtt(&result, NULL, &out);
    assert_text(&out, "WEBVTT\n\n00:00.000 --> 01:00.000\nI came &lt;here&gt; &amp; \"saw\" --&gt; them\n\n"
                      "59:59.999 --> 100:00:00.500\nZo\xC3\xAB again\n\n");
}

static void tsv_has_milliseconds_and_no_tab_in_the_text(void **state) {
    (void)state;
    sotto_result result = without_speakers();
    struct so_buffer out = {0};
    so_output_tsv(&result, &out);
    assert_text(&out, "start\tend\ttext\n0\t60000\tI came <here> & \"saw\" --> them\n3599999\t360000500\tZo\xC3\xAB again\n");
}

static void rttm_has_a_line_for_each_turn_of_a_known_speaker(void **state) {
    (void)state;
    sotto_result result = example();
    struct so_buffer out = {0};
    so_output_rttm(&result, "a b\nc.wav", &out);
    assert_text(&out, "SPEAKER a_b_c.wav 1 0.000 60.000 <NA> <NA> B <NA> <NA>\n");
}

static void json_has_the_promised_fields_and_no_others(void **state) {
    (void)state;
    sotto_result result = example();
    struct so_buffer out = {0};
    so_output_json(&result, &out);
    assert_text(
        &out,
        "{\"text\":\"I "
        "came\",\"language\":\"en\",\"language_probability\":0.5,\"duration\":62.123,\"segments\":["
        "{\"id\":0,\"start\":0.0,\"end\":60.0,\"text\":\" I came\\n<here> & \\\"saw\\\" --> them "
        "\",\"tokens\":[50364,286,50414],"
        "\"temperature\":0.2,\"avg_logprob\":-0.25,\"compression_ratio\":1.5,\"no_speech_prob\":0.0625,"
        "\"token_logprobs\":[-0.1,-1.5,-0.33333334],\"speaker\":\"B\","
        "\"words\":[{\"word\":\" I\",\"start\":0.0,\"end\":0.5,\"probability\":0.75,\"speaker\":\"B\"}]},"
        "{\"id\":1,\"start\":3599.999,\"end\":360000.5,\"text\":\" "
        "Zo\xC3\xAB\\tagain\",\"tokens\":[],\"temperature\":0.0,"
        "\"avg_logprob\":0.0,\"compression_ratio\":0.0,\"no_speech_prob\":0.0,\"token_logprobs\":[]}],"
        "\"speakers\":[{\"id\":\"A\",\"seconds\":1.0},{\"id\":\"B\",\"seconds\":2.0}],\"model\":\"base\","
        "\"device\":{\"path\":\"cpu\",\"matmuls_cpu\":7,\"matmuls_npu\":0,\"fallbacks\":0,\"retries\":0,\"lossy\":false,\"commands_completed\":null,"
        "\"products\":{\"encoder\":{\"cpu\":5,\"npu\":0},\"cross\":{\"cpu\":0,\"npu\":2},\"decoder\":{"
        "\"cpu\":0,\"npu\":0},"
        "\"convolution\":{\"cpu\":0,\"npu\":0},\"qk\":{\"cpu\":0,\"npu\":0},\"pv\":{\"cpu\":0,\"npu\":0},"
        "\"decoder_qk\":{\"cpu\":0,\"npu\":0},\"decoder_pv\":{\"cpu\":0,\"npu\":0},\"logits\":{\"cpu\":0,"
        "\"npu\":3}}},"
        "\"timing\":{\"load\":0.0,\"audio\":0.0,\"vad\":0.0,\"features\":0.0,\"encode\":0.0,\"decode\":0.0,"
        "\"diarize\":0.0,"
        "\"total\":1.25,\"realtime_factor\":49.699}}\n");
}

static const sotto_segment conversation[] = {
    {.start = 0, .end = 1, .text = " Hello", .speaker = 1},
    {.start = 1, .end = 2, .text = " there.", .speaker = 1},
    {.start = 2, .end = 3, .text = " Hi!", .speaker = 0, .overlap = true},
    {.start = 3, .end = 4, .text = " Who?", .speaker = -1},
};
static const sotto_turn turns[] = {{0.5, 2.25, 1}, {2, 3, 0}};

static sotto_result example_of_conversation(void) {
    static const sotto_speaker names[] = {{.id = "SPEAKER_00", .seconds = 1}, {.id = "Ann <b>", .seconds = 1.75, .known = true, .score = 0.625f}};
    return (sotto_result){.text = "", .language = "en", .model = "base", .device_path = "cpu", .segments = conversation, .n_segments = 4,
                          .speakers = names, .n_speakers = 2, .turns = turns, .n_turns = 2};
}

static void text_goes_by_turns_where_speakers_are_known(void **state) {
    (void)state;
    sotto_result result = example_of_conversation();
    struct so_buffer out = {0};
    so_output_txt(&result, &out);
    assert_text(&out, "Ann <b>: Hello there.\nSPEAKER_00: Hi!\nWho?\n");
    so_output_tsv(&result, &out);
    assert_text(&out, "start\tend\tspeaker\ttext\n0\t1000\tAnn <b>\tHello\n1000\t2000\tAnn <b>\tthere.\n"
                      "2000\t3000\tSPEAKER_00\tHi!\n3000\t4000\t\tWho?\n");
}

static void subtitles_name_their_speakers(void **state) {
    (void)state;
    sotto_result result = example_of_conversation();
    struct so_buffer out = {0};
    result.n_segments = 1;
    so_output_srt(&result, NULL, &out);
    assert_text(&out, "1\n00:00:00,000 --> 00:00:01,000\nAnn <b>: Hello\n\n");
    so_output_vtt(&result, NULL, &out);
    assert_text(&out, "WEBVTT\n\n00:00.000 --> 00:01.000\n<v Ann &lt;b&gt;>Hello\n\n");
}

static void rttm_has_the_turns_and_not_the_segments(void **state) {
    (void)state;
    sotto_result result = example_of_conversation();
    struct so_buffer out = {0};
    so_output_rttm(&result, "a b", &out);
    assert_text(&out, "SPEAKER a_b 1 0.500 1.750 <NA> <NA> Ann_<b> <NA> <NA>\n"
                      "SPEAKER a_b 1 2.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n");
}

static void json_of_speakers_alone_has_no_text(void **state) {
    (void)state;
    sotto_result result = example_of_conversation();
    struct so_buffer out = {0};
    result.text = NULL;
    so_output_json(&result, &out);
    assert_non_null(strstr(out.data, "{\"duration\":0.0,\"speakers\":[{\"id\":\"SPEAKER_00\",\"seconds\":1.0},{\"id\":\"Ann <b>\","
                                     "\"seconds\":1.75,\"known\":true,\"score\":0.625}],\"turns\":[{\"start\":0.5,\"end\":2.25,"
                                     "\"speaker\":\"Ann <b>\"},{\"start\":2.0,\"end\":3.0,\"speaker\":\"SPEAKER_00\"}],\"model\":"));
    so_buffer_free(&out);
    result.text = "";
    so_output_json(&result, &out);
    assert_non_null(strstr(out.data, "\"speaker\":\"SPEAKER_00\",\"overlap\":true}"));
    so_buffer_free(&out);
}

static void speakers_without_text_are_no_subtitles(void **state) {
    (void)state;
    sotto_result result = example_of_conversation();
    sotto_error err;
    char *text;
    result.text = NULL;
    result.n_segments = 0;
    assert_int_equal(sotto_result_format(&result, SOTTO_FORMAT_SRT, "x", &text, NULL, &err), SOTTO_ERR_UNSUPPORTED);
    assert_int_equal(sotto_result_format(&result, SOTTO_FORMAT_RTTM, "x", &text, NULL, &err), SOTTO_OK);
    free(text);
}

static void json_gives_log_probabilities_back_to_the_bit(void **state) {
    (void)state;
    static float many[2000];
    static int32_t ids[2000];
    for (int i = 0; i < 2000; i++) many[i] = -(float)i * 0.00731f / 3 - 1e-7f * (float)(i * i % 977);
    sotto_segment segment = {.text = "", .tokens = ids, .n_tokens = 2000, .token_logprobs = many, .speaker = -1};
    sotto_result result = example();
    result.segments = &segment;
    result.n_segments = 1;
    struct so_buffer out = {0};
    so_output_json(&result, &out);
    json_t *root = json_loads(out.data, 0, NULL);
    json_t *list = json_object_get(json_array_get(json_object_get(root, "segments"), 0), "token_logprobs");
    assert_int_equal(json_array_size(list), 2000);
    for (size_t i = 0; i < 2000; i++) assert_true((float)json_number_value(json_array_get(list, i)) == many[i]);
    json_decref(root);
    so_buffer_free(&out);
}

static void json_stays_valid_with_odd_names_and_numbers(void **state) {
    (void)state;
    sotto_result result = example();
    result.n_segments = 0;
    result.model = "b\xFF" "d";
    result.language_probability = NAN;
    result.timing.total = INFINITY;
    struct so_buffer out = {0};
    so_output_json(&result, &out);
    assert_false(out.failed);
    json_t *root = json_loads(out.data, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "model")), "b?d");
    assert_true(json_is_null(json_object_get(root, "language_probability")));
    json_decref(root);
    so_buffer_free(&out);
}

static void formatting_through_the_public_call_reports_what_it_cannot_do(void **state) {
    (void)state;
    sotto_result result = example();
    sotto_error err;
    char *text;
    size_t length;
    assert_int_equal(sotto_result_format(&result, SOTTO_FORMAT_RTTM, "x", &text, &length, &err), SOTTO_OK);
    assert_int_equal(length, strlen(text));
    free(text);
    result.n_speakers = 0;
    assert_int_equal(sotto_result_format(&result, SOTTO_FORMAT_RTTM, "x", &text, &length, &err), SOTTO_ERR_UNSUPPORTED);
    assert_null(text);
    assert_int_equal(sotto_result_format(&result, (sotto_format)99, "x", &text, &length, &err), SOTTO_ERR_ARGUMENT);
    result.n_segments = 0;
    assert_int_equal(sotto_result_format(&result, SOTTO_FORMAT_TXT, "x", &text, &length, &err), SOTTO_OK);
    assert_string_equal(text, "");
    free(text);
}

static void trimming_knows_the_white_space_of_unicode(void **state) {
    (void)state;
    static const char text[] = " \t\n\xC2\xA0\xE3\x80\x80" "a b\xE3\x80\x82\xE2\x80\x83\x1F ";
    struct so_text trimmed = so_text_trim(text, strlen(text));
    assert_int_equal(trimmed.length, 6);
    assert_memory_equal(trimmed.bytes, "a b\xE3\x80\x82", 6);
    assert_int_equal(so_text_trim(" \xE2\x80\x83 ", 5).length, 0);
    assert_int_equal(so_text_trim("\xE2\x80", 2).length, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_round_to_the_nearest_millisecond_and_carry),
        cmocka_unit_test(every_hundredth_of_a_second_is_written_exactly),
        cmocka_unit_test(impossible_times_are_zero_or_capped),
        cmocka_unit_test(text_has_a_line_for_each_segment),
        cmocka_unit_test(subrip_numbers_its_cues_and_has_no_arrow_in_the_text),
        cmocka_unit_test(webvtt_escapes_markup),
        cmocka_unit_test(tsv_has_milliseconds_and_no_tab_in_the_text),
        cmocka_unit_test(rttm_has_a_line_for_each_turn_of_a_known_speaker),
        cmocka_unit_test(json_has_the_promised_fields_and_no_others),
        cmocka_unit_test(text_goes_by_turns_where_speakers_are_known),
        cmocka_unit_test(subtitles_name_their_speakers),
        cmocka_unit_test(rttm_has_the_turns_and_not_the_segments),
        cmocka_unit_test(json_of_speakers_alone_has_no_text),
        cmocka_unit_test(speakers_without_text_are_no_subtitles),
        cmocka_unit_test(json_gives_log_probabilities_back_to_the_bit),
        cmocka_unit_test(json_stays_valid_with_odd_names_and_numbers),
        cmocka_unit_test(formatting_through_the_public_call_reports_what_it_cannot_do),
        cmocka_unit_test(trimming_knows_the_white_space_of_unicode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
