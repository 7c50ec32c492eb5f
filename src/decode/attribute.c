/* Segments and words of a transcript meet its turns. */
#include <string.h>

#include "decode/speakers.h"
#include "diarize/attribute.h"
#include "util/memory.h"

/** Text though no turn was found: whoever spoke it is one speaker. */
static sotto_status invent_speaker(struct so_transcript *t, sotto_error *err) {
    sotto_result *r = &t->result;
    struct so_diarization one = {.turns = {.n_speakers = 1, .n = r->n_segments}};
    float voice[SO_EMBEDDING_SIZE] = {0};
    double seconds = 0;
    one.centroids = voice;
    one.turns.seconds = &seconds;
    one.turns.turns = so_arena_alloc(&t->arena, r->n_segments, sizeof *one.turns.turns);
    if (!one.turns.turns) return so_fail_memory(err, r->n_segments * sizeof *one.turns.turns, "turns");
    for (size_t i = 0; i < r->n_segments; i++) {
        one.turns.turns[i] = (struct so_turn){r->segments[i].start, r->segments[i].end, 0};
        seconds += r->segments[i].end - r->segments[i].start;
    }
    sotto_options none = {0};
    return so_speakers_enter(&one, &none, t, err);
}

static sotto_status create_index(const sotto_result *r, struct so_turn_index **index, sotto_error *err) {
    struct so_turn *turns = so_alloc(r->n_turns, sizeof *turns);
    if (!turns) return so_fail_memory(err, r->n_turns * sizeof *turns, "turns");
    for (size_t i = 0; i < r->n_turns; i++)
        turns[i] = (struct so_turn){r->turns[i].start, r->turns[i].end, (uint32_t)r->turns[i].speaker};
    struct so_turns all = {.turns = turns, .n = r->n_turns, .n_speakers = r->n_speakers};
    sotto_status status = so_turn_index_create(&all, index, err);
    so_free(turns);
    return status;
}

/** The words of all segments, or where a segment has none the segment itself, with their speakers. Free with
 * so_free. */
static sotto_status attribute_all(const sotto_result *r, struct so_utterance **out, sotto_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < r->n_segments; i++) n += so_max(1, r->segments[i].n_words);
    struct so_utterance *all = so_alloc(n, sizeof *all);
    if (!all) return so_fail_memory(err, n * sizeof *all, "words");
    n = 0;
    for (size_t i = 0; i < r->n_segments; i++) {
        const sotto_segment *s = &r->segments[i];
        if (!s->n_words) all[n++] = (struct so_utterance){.start = s->start, .end = s->end};
        for (size_t w = 0; w < s->n_words; w++)
            all[n++] = (struct so_utterance){.start = s->words[w].start, .end = s->words[w].end};
    }
    struct so_turn_index *index;
    sotto_status status = create_index(r, &index, err);
    if (status) {
        so_free(all);
        return status;
    }
    so_attribute(index, all, n);
    so_turn_index_free(index);
    *out = all;
    return SOTTO_OK;
}

/** Tokens whose text begins within the first `bytes` bytes of the segment's text. */
static size_t tokens_before(const struct so_vocab *vocab, const sotto_segment *s, size_t bytes) {
    size_t at = 0, i = 0;
    for (; i < s->n_tokens; i++) {
        size_t length;
        so_vocab_bytes(vocab, s->tokens[i], &length);
        if (length && at >= bytes) break;
        at += length;
    }
    return i;
}

/** Append words [from, to) of a segment as one of its own. */
static sotto_status add_part(const struct so_vocab *vocab, const sotto_segment *whole, sotto_word *words,
                             size_t from, size_t to, struct so_transcript *t, sotto_error *err) {
    sotto_segment part = *whole;
    size_t before = 0, length = 0, overlapped = 0;
    for (size_t i = 0; i < from; i++) before += strlen(words[i].text);
    for (size_t i = from; i < to; i++) {
        length += strlen(words[i].text);
        overlapped += words[i].overlap;
    }
    part.speaker = words[from].speaker;
    part.overlap = 2 * overlapped >= to - from && overlapped;
    part.words = words + from;
    part.n_words = to - from;
    if (to - from < whole->n_words) {
        size_t first = from ? tokens_before(vocab, whole, before) : 0;
        size_t last = to < whole->n_words ? tokens_before(vocab, whole, before + length) : whole->n_tokens;
        char *text = so_arena_alloc(&t->arena, length + 1, 1);
        if (!text) return so_fail_memory(err, length + 1, "a segment's text");
        part.text = text;
        for (size_t i = from; i < to; i++) {
            size_t n = strlen(words[i].text);
            memcpy(text, words[i].text, n);
            text += n;
        }
        *text = '\0';
        part.tokens += first;
        part.token_logprobs += first;
        part.n_tokens = last - first;
        if (from) part.start = words[from].start;
        if (to < whole->n_words) part.end = words[to - 1].end;
    }
    return so_transcript_add(t, &part, NULL, err);
}

sotto_status so_speakers_attribute(const struct so_vocab *vocab, struct so_transcript *t, sotto_error *err) {
    const sotto_segment *segments = t->segments; /* [n]: the old ones stay in the arena */
    size_t n = t->result.n_segments;
    sotto_status status = SOTTO_OK;
    if (n == 0) return SOTTO_OK;
    if (t->result.n_turns == 0) status = invent_speaker(t, err);
    struct so_utterance *all = NULL;
    if (!status) status = attribute_all(&t->result, &all, err);
    if (status) return status;

    t->segments = NULL;
    t->capacity = t->result.n_segments = 0;
    const struct so_utterance *next = all;
    for (size_t i = 0; !status && i < n; i++) {
        const sotto_segment *s = &segments[i];
        if (!s->n_words) {
            sotto_segment same = *s;
            same.speaker = next->speaker;
            same.overlap = next->overlap;
            status = so_transcript_add(t, &same, NULL, err);
            next++;
            continue;
        }
        sotto_word *words = so_arena_alloc(&t->arena, s->n_words, sizeof *words);
        if (!words) status = so_fail_memory(err, s->n_words * sizeof *words, "words");
        for (size_t w = 0; !status && w < s->n_words; w++) {
            words[w] = s->words[w];
            words[w].speaker = next[w].speaker;
            words[w].overlap = next[w].overlap;
        }
        for (size_t from = 0, to; !status && from < s->n_words; from = to) {
            for (to = from + 1; to < s->n_words && words[to].speaker == words[from].speaker;) to++;
            status = add_part(vocab, s, words, from, to, t, err);
        }
        next += s->n_words;
    }
    so_free(all);
    return status;
}
