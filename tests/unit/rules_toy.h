/** A vocabulary small enough to write logits by hand. */
#ifndef SOTTO_TESTS_RULES_TOY_H
#define SOTTO_TESTS_RULES_TOY_H

#include "model/vocab.h"

/** Ids: text "a" to "j", then the special tokens in Whisper's order, two languages, timestamps from 0.00 to 2.00 s. */
enum {
    TOY_TEXT = 10, TOY_BLANK = 3, TOY_EOT = 10, TOY_SOT, TOY_LANGUAGE, TOY_TRANSLATE = TOY_LANGUAGE + 2, TOY_TRANSCRIBE,
    TOY_LM, TOY_PREV, TOY_NO_SPEECH, TOY_NO_TIMESTAMPS, TOY_TIME, TOY_TIMES = 101, TOY_VOCAB = TOY_TIME + TOY_TIMES,
    TOY_PADDED = (TOY_VOCAB + 15) / 16 * 16,
};

static const int32_t toy_suppress[] = {7, TOY_SOT, TOY_TRANSLATE, TOY_TRANSCRIBE, TOY_LM, TOY_PREV, TOY_NO_SPEECH};
static const uint32_t toy_offsets[TOY_TEXT + 1] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const uint32_t toy_sorted[TOY_TEXT] = {3, 0, 1, 2, 4, 5, 6, 7, 8, 9};

static const struct so_vocab toy_vocab = {
    .n_vocab = TOY_VOCAB, .n_text = TOY_TEXT, .bytes = "abc efghij", .offsets = toy_offsets, .sorted = toy_sorted,
    .multilingual = true, .n_languages = 2, .eot = TOY_EOT, .sot = TOY_SOT, .first_language = TOY_LANGUAGE,
    .translate = TOY_TRANSLATE, .transcribe = TOY_TRANSCRIBE, .start_of_lm = TOY_LM, .start_of_prev = TOY_PREV,
    .no_speech = TOY_NO_SPEECH, .no_timestamps = TOY_NO_TIMESTAMPS, .first_timestamp = TOY_TIME,
    .suppress = toy_suppress, .n_suppress = sizeof toy_suppress / sizeof *toy_suppress, .blank = TOY_BLANK,
};

/** The timestamp token of a number of steps of 0.02 s. */
static inline int32_t toy_time(int steps) { return TOY_TIME + steps; }

#endif
