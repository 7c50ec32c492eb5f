#include "model/vocab.h"

#include <string.h>

#define LANGUAGES_BEFORE_CANTONESE 99
#define TIMESTAMPS 1501 /* 0.00 to 30.00 s */
#define ENGLISH_TEXT 50256
#define MULTILINGUAL_TEXT 50257

/* The order of OpenAI's tokenizer: text, eot, sot, languages, translate, transcribe, start of lm, start of
 * prev, no speech, no timestamps, timestamps. English-only models have the ids of 99 languages but no use for
 * them. */
sotto_status so_vocab_layout(struct so_vocab *vocab, uint32_t n_vocab, sotto_error *err) {
    static const struct {
        uint32_t n_text, languages;
        bool multilingual;
    } kinds[] = {
        {ENGLISH_TEXT, LANGUAGES_BEFORE_CANTONESE, false},
        {MULTILINGUAL_TEXT, LANGUAGES_BEFORE_CANTONESE, true},
        {MULTILINGUAL_TEXT, LANGUAGES_BEFORE_CANTONESE + 1, true},
    };
    memset(vocab, 0, sizeof *vocab);
    for (size_t i = 0; i < SO_COUNT(kinds); i++) {
        int32_t next = (int32_t)kinds[i].n_text;
        vocab->eot = next++;
        vocab->sot = next++;
        vocab->first_language = next;
        next += (int32_t)kinds[i].languages;
        vocab->translate = next++;
        vocab->transcribe = next++;
        vocab->start_of_lm = next++;
        vocab->start_of_prev = next++;
        vocab->no_speech = next++;
        vocab->no_timestamps = next++;
        vocab->first_timestamp = next;
        if ((uint32_t)next + TIMESTAMPS != n_vocab) continue;
        vocab->n_vocab = n_vocab;
        vocab->n_text = kinds[i].n_text;
        vocab->multilingual = kinds[i].multilingual;
        vocab->n_languages = kinds[i].multilingual ? kinds[i].languages : 0;
        return SOTTO_OK;
    }
    memset(vocab, 0, sizeof *vocab);
    return so_fail(err, SOTTO_ERR_MODEL,
                   "vocabulary of %u tokens: not one of Whisper's (51864, 51865 or 51866)", n_vocab);
}

const char *so_vocab_bytes(const struct so_vocab *vocab, int32_t id, size_t *length) {
    if (id < 0 || (uint32_t)id >= vocab->n_text) {
        *length = 0;
        return "";
    }
    *length = vocab->offsets[id + 1] - vocab->offsets[id];
    return vocab->bytes + vocab->offsets[id];
}

/** Order of two byte strings: by bytes, a prefix before what it begins. */
static int compare(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (order) return order;
    return (a_length > b_length) - (a_length < b_length);
}

int32_t so_vocab_find(const struct so_vocab *vocab, const char *bytes, size_t length) {
    size_t low = 0, high = vocab->n_text;
    while (low < high) {
        size_t middle = low + (high - low) / 2, n;
        int32_t id = (int32_t)vocab->sorted[middle];
        const char *token = so_vocab_bytes(vocab, id, &n);
        int order = compare(bytes, length, token, n);
        if (!order) return id;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}
