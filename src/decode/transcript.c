#include "decode/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/memory.h"
#include "util/text.h"

sotto_status so_transcript_create(const char *model, struct so_transcript **out, sotto_error *err) {
    *out = NULL;
    struct so_transcript *t = calloc(1, sizeof *t);
    if (!t) return so_fail_memory(err, sizeof *t, "the result");
    t->result.text = t->result.language = "";
    t->result.device_path = "cpu";
    t->result.model = so_arena_text(&t->arena, model, strlen(model));
    if (!t->result.model) {
        so_transcript_free(t);
        return so_fail_memory(err, strlen(model), "the result");
    }
    *out = t;
    return SOTTO_OK;
}

void so_transcript_free(struct so_transcript *transcript) {
    if (!transcript) return;
    so_arena_free(&transcript->arena);
    free(transcript);
}

static bool grow(struct so_transcript *t) {
    if (t->result.n_segments < t->capacity) return true;
    // The outgrown array stays in the arena: all of them together are smaller than the last.
    size_t capacity = so_max(16, 2 * t->capacity);
    sotto_segment *segments = so_arena_alloc(&t->arena, capacity, sizeof *segments);
    if (!segments) return false;
    if (t->result.n_segments) memcpy(segments, t->segments, t->result.n_segments * sizeof *segments);
    t->segments = segments;
    t->result.segments = segments;
    t->capacity = capacity;
    return true;
}

/** Copies of a segment's words with their texts; NULL for want of memory. */
static const sotto_word *copy_words(struct so_arena *arena, const sotto_segment *segment) {
    sotto_word *words = so_arena_alloc(arena, segment->n_words, sizeof *words);
    for (size_t i = 0; words && i < segment->n_words; i++) {
        words[i] = segment->words[i];
        words[i].text = so_arena_text(arena, words[i].text, strlen(words[i].text));
        if (!words[i].text) return NULL;
    }
    return words;
}

sotto_status so_transcript_add(struct so_transcript *t, const sotto_segment *segment, const sotto_segment **added,
                               sotto_error *err) {
    size_t n = segment->n_tokens;
    int32_t *tokens = so_arena_alloc(&t->arena, n, sizeof *tokens);
    float *logprobs = so_arena_alloc(&t->arena, n, sizeof *logprobs);
    char *text = so_arena_text(&t->arena, segment->text, strlen(segment->text));
    const sotto_word *words = segment->words ? copy_words(&t->arena, segment) : NULL;
    if (!tokens || !logprobs || !text || (segment->words && !words) || !grow(t)) return so_fail_memory(err, n * sizeof *tokens, "a segment");
    if (n) memcpy(tokens, segment->tokens, n * sizeof *tokens);
    if (n) memcpy(logprobs, segment->token_logprobs, n * sizeof *logprobs);

    sotto_segment *copy = &t->segments[t->result.n_segments];
    *copy = *segment;
    copy->id = (int)t->result.n_segments++;
    copy->text = text;
    copy->tokens = tokens;
    copy->token_logprobs = logprobs;
    copy->words = words;
    if (added) *added = copy;
    return SOTTO_OK;
}

sotto_status so_transcript_finish(struct so_transcript *t, sotto_error *err) {
    size_t length = 0;
    for (size_t i = 0; i < t->result.n_segments; i++) length += strlen(t->segments[i].text);
    char *all = so_arena_alloc(&t->arena, length + 1, 1);
    if (!all) return so_fail_memory(err, length, "the text");
    size_t at = 0;
    for (size_t i = 0; i < t->result.n_segments; i++) {
        size_t n = strlen(t->segments[i].text);
        memcpy(all + at, t->segments[i].text, n);
        at += n;
    }
    struct so_text trimmed = so_text_trim(all, at);
    memmove(all, trimmed.bytes, trimmed.length);
    all[trimmed.length] = '\0';
    t->result.text = all;
    return SOTTO_OK;
}
