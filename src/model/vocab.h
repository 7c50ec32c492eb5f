/**
 * Whisper's vocabulary: text tokens with their bytes, special tokens by role, and the byte-pair encoder.
 * Token ids depend on the kind of model; nothing outside this header may assume one.
 */
#ifndef SO_MODEL_VOCAB_H
#define SO_MODEL_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define SO_MAX_LANGUAGES 100
#define SO_TIMESTAMP_STEP 0.02 /**< seconds between two timestamp tokens */

struct so_vocab {
    uint32_t n_vocab; /**< all tokens, special ones included */
    uint32_t n_text;  /**< text tokens: ids [0, n_text), in order of their merge rank */
    const char *bytes;       /**< the bytes of all text tokens, one after another */
    const uint32_t *offsets; /**< [n_text + 1] into `bytes` */
    const uint32_t *sorted;  /**< [n_text] ids in order of their bytes, for so_vocab_find */

    bool multilingual;
    uint32_t n_languages; /**< 99 or 100; 0 for English-only models */
    int32_t eot, sot, first_language, translate, transcribe, start_of_lm, start_of_prev, no_speech, no_timestamps;
    int32_t first_timestamp; /**< <|0.00|>; ids from here to n_vocab are times in steps of 0.02 s */

    const int32_t *suppress; /**< tokens never sampled: what is not speech (OpenAI's rule) and the task tokens */
    size_t n_suppress;
    int32_t blank; /**< the token of " ", not allowed first, as is eot */
};

/**
 * Derive the special ids from n_vocab, as OpenAI's tokenizer lays them out; an error if n_vocab fits no known kind.
 */
sotto_status so_vocab_layout(struct so_vocab *vocab, uint32_t n_vocab, sotto_error *err);

/** The bytes of a text token; *length 0 for special tokens and timestamps. Not NUL-terminated, maybe not valid UTF-8 alone. */
const char *so_vocab_bytes(const struct so_vocab *vocab, int32_t id, size_t *length);

/** The id of a text token by its bytes, -1 if there is none. */
int32_t so_vocab_find(const struct so_vocab *vocab, const char *bytes, size_t length);

/** Whether an id is a timestamp, and its time in seconds. */
static inline bool so_vocab_is_timestamp(const struct so_vocab *vocab, int32_t id) { return id >= vocab->first_timestamp; }
static inline double so_vocab_time(const struct so_vocab *vocab, int32_t id) {
    return (id - vocab->first_timestamp) * SO_TIMESTAMP_STEP;
}

/** Index of a language code ("en") or English name ("english", any case), -1 if unknown. */
int so_language_index(const char *code_or_name);
const char *so_language_code(size_t index); /**< NULL past SO_MAX_LANGUAGES */
const char *so_language_name(size_t index);

/**
 * Encode text by GPT-2's byte-pair rules (its pattern splits by Unicode letters, numbers and spaces; merges by rank).
 * Writes at most `capacity` ids and returns the number that the text needs.
 */
size_t so_vocab_encode(const struct so_vocab *vocab, const char *text, size_t length, int32_t *ids, size_t capacity);

/**
 * Decode text tokens (special ones are skipped) into `text`, at most `capacity` bytes with the NUL; returns the bytes
 * needed without it. Bytes that are not valid UTF-8 become U+FFFD, and so do zero bytes.
 */
size_t so_vocab_decode(const struct so_vocab *vocab, const int32_t *ids, size_t n, char *text, size_t capacity);

/** Whether a text can be divided after these tokens: no character is begun and not ended. Their texts then add up to the whole. */
bool so_vocab_ends_whole(const struct so_vocab *vocab, const int32_t *ids, size_t n);

#endif
