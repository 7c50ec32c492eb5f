#include "align/align.h"

#include <float.h>
#include <string.h>

#include "align/dtw.h"
#include "align/picture.h"
#include "align/snap.h"
#include "align/times.h"
#include "align/words.h"
#include "util/dmath.h"
#include "util/memory.h"

enum { FRAMES_PER_POSITION = 2, SHORTEST_WORD = 2 /* frames, where there is room */ };

/** Heads that are looked at in a model that names none: some of each layer of the upper half (OpenAI looks at
 * all of those). */
enum { MAX_UNNAMED_HEADS = 32 };

struct so_aligner {
    const struct so_model *model;
    sotto_task task;
    bool snap;
    struct so_seq *seq;
    uint16_t *heads; /* [n_heads][2] layer, head, in order of layers */
    size_t n_heads;

    /* of the window: */
    int32_t *tokens;  /* [n_text_ctx] prompt, text, end */
    float *logprobs;  /* [n_text_ctx] of the text */
    size_t *segments; /* [n_text_ctx] of each text token */
    size_t n_prompt, n_text, n_tokens;
    size_t positions, ld;
    struct so_token_word *groups; /* [n_text_ctx] */
    struct so_word_time *times;   /* [n_text_ctx] */
    struct so_edges *edges;       /* [n_text_ctx] */
    struct so_align_word *words;  /* [n_text_ctx] */
    size_t n_words;
    size_t *first; /* [n_text_ctx] */
    void *scratch; /* weights, pictures, steps */
    size_t scratch_size;
    char *text; /* of all words */
    size_t text_size;
};

void so_aligner_free(struct so_aligner *a) {
    if (!a) return;
    so_seq_free(a->seq);
    so_free(a->heads);
    so_free(a->tokens);
    so_free(a->logprobs);
    so_free(a->segments);
    so_free(a->groups);
    so_free(a->times);
    so_free(a->edges);
    so_free(a->words);
    so_free(a->first);
    so_free(a->scratch);
    so_free(a->text);
    so_free(a);
}

/** The model's alignment heads in order of layers, or some of its upper layers'. */
static bool choose_heads(struct so_aligner *a) {
    const struct so_hparams *hp = &a->model->hp;
    size_t lowest = hp->n_text_layer / 2, all = (size_t)(hp->n_text_layer - lowest) * hp->n_text_head;
    size_t stride = (all + MAX_UNNAMED_HEADS - 1) / MAX_UNNAMED_HEADS, named = a->model->n_alignment_heads;
    a->heads = so_alloc(2 * (named ? named : MAX_UNNAMED_HEADS), sizeof *a->heads);
    if (!a->heads) return false;
    for (size_t layer = 0; layer < hp->n_text_layer && named; layer++)
        for (size_t i = 0; i < named; i++)
            if (a->model->alignment_heads[2 * i] == layer)
                memcpy(a->heads + 2 * a->n_heads++, a->model->alignment_heads + 2 * i, 2 * sizeof *a->heads);
    for (size_t i = 0; i < all && !named; i += stride) {
        a->heads[2 * a->n_heads] = (uint16_t)(lowest + i / hp->n_text_head);
        a->heads[2 * a->n_heads++ + 1] = (uint16_t)(i % hp->n_text_head);
    }
    return true;
}

sotto_status so_aligner_create(const struct so_model *model, sotto_task task, bool snap,
                               struct so_aligner **out, sotto_error *err) {
    *out = NULL;
    size_t n = model->hp.n_text_ctx;
    struct so_aligner *a = so_calloc(1, sizeof *a);
    if (!a) return so_fail_memory(err, sizeof *a, "word times");
    a->model = model;
    a->task = task;
    a->snap = snap;
    a->tokens = so_alloc(n, sizeof *a->tokens);
    a->logprobs = so_alloc(n, sizeof *a->logprobs);
    a->segments = so_alloc(n, sizeof *a->segments);
    a->groups = so_alloc(n, sizeof *a->groups);
    a->times = so_alloc(n, sizeof *a->times);
    a->edges = so_alloc(n, sizeof *a->edges);
    a->words = so_alloc(n, sizeof *a->words);
    a->first = so_alloc(n, sizeof *a->first);
    sotto_status status = SOTTO_OK;
    if (!a->tokens || !a->logprobs || !a->segments || !a->groups || !a->times || !a->edges || !a->words ||
        !a->first || !choose_heads(a))
        status = so_fail_memory(err, n * sizeof *a->words, "word times");
    if (!status) status = so_seq_create(model, &a->seq, err);
    if (status) {
        so_aligner_free(a);
        return status;
    }
    *out = a;
    return SOTTO_OK;
}

/** The prompt without times, the text of all segments, the end: what the decoder is told. */
static void gather_tokens(struct so_aligner *a, const struct so_align_window *window,
                          const struct so_align_segment *segments, size_t n_segments) {
    const struct so_vocab *vocab = &a->model->vocab;
    size_t capacity = a->model->hp.n_text_ctx, n = 0;
    a->tokens[n++] = vocab->sot;
    if (vocab->multilingual) {
        a->tokens[n++] = vocab->first_language + window->language;
        a->tokens[n++] = a->task == SOTTO_TRANSLATE ? vocab->translate : vocab->transcribe;
    }
    a->tokens[n++] = vocab->no_timestamps;
    a->n_prompt = n;
    a->n_text = 0;
    for (size_t s = 0; s < n_segments; s++)
        for (size_t i = 0; i < segments[s].n && n < capacity; i++) {
            if (segments[s].tokens[i] >= vocab->eot) continue;
            a->logprobs[a->n_text] = segments[s].logprobs[i];
            a->segments[a->n_text++] = s;
            a->tokens[n++] = segments[s].tokens[i];
        }
    if (n < capacity) a->tokens[n++] = vocab->eot;
    a->n_tokens = n;
}

/** Words do not go over the end of a segment. */
static void group_tokens(struct so_aligner *a, int language) {
    a->n_words = 0;
    for (size_t from = 0, to; from < a->n_text; from = to) {
        for (to = from; to < a->n_text && a->segments[to] == a->segments[from]; to++) continue;
        struct so_token_word *groups = a->groups + a->n_words;
        size_t n = so_token_words(&a->model->vocab, a->tokens + a->n_prompt + from, to - from,
                                  so_language_without_spaces(language), groups);
        for (size_t i = 0; i < n; i++) {
            groups[i].first += from;
            groups[i].spoken += from;
        }
        a->n_words += n;
    }
}

static float probability(const struct so_aligner *a, const struct so_token_word *group) {
    double sum = 0;
    for (size_t i = 0; i < group->n; i++) sum += (double)a->logprobs[group->first + i];
    double mean = so_exp(sum / (double)group->n);
    return mean > (double)FLT_MIN ? mean < 1 ? (float)mean : 1 : FLT_MIN;
}

/** Texts, probabilities and segments of the words. */
static sotto_status fill_words(struct so_aligner *a, sotto_error *err) {
    const struct so_vocab *vocab = &a->model->vocab;
    const int32_t *text = a->tokens + a->n_prompt;
    size_t needed = 0;
    for (size_t i = 0; i < a->n_words; i++)
        needed += so_vocab_decode(vocab, text + a->groups[i].first, a->groups[i].n, NULL, 0) + 1;
    if (needed > a->text_size) {
        so_free(a->text);
        a->text_size = 0;
        a->text = so_alloc(needed, 1);
        if (!a->text) return so_fail_memory(err, needed, "word times");
        a->text_size = needed;
    }
    char *at = a->text;
    for (size_t i = 0; i < a->n_words; i++) {
        const struct so_token_word *group = &a->groups[i];
        a->words[i] = (struct so_align_word){
            .segment = a->segments[group->first], .text = at, .probability = probability(a, group)};
        at +=
            so_vocab_decode(vocab, text + group->first, group->n, at, a->text_size - (size_t)(at - a->text)) +
            1;
    }
    return SOTTO_OK;
}

/** Tell the decoder the text and find the path: a->first, and *attention of the text tokens and the end. */
static sotto_status find_path(struct so_aligner *a, struct so_decoder *decoder, struct so_pool *pool,
                              const struct so_cross *cross, const float **attention, sotto_error *err) {
    /* The row of the token before the first one of the text is where the first one is expected; the row
     * before that takes the silence before it. The last token of the text expects the end. */
    size_t before = a->n_prompt > 1 ? a->n_prompt - 2 : 0, rows = a->n_prompt + a->n_text - before;
    size_t picture = a->n_tokens * a->ld,
           bytes = ((a->n_heads + 2) * picture) * sizeof(float) + so_dtw_scratch(rows, a->positions);
    if (bytes > a->scratch_size) {
        so_free(a->scratch);
        a->scratch_size = 0;
        a->scratch = so_alloc(bytes, 1);
        if (!a->scratch) return so_fail_memory(err, bytes, "word times");
        a->scratch_size = bytes;
    }
    float *weights = a->scratch;                      /* [n_heads][n_tokens][ld] */
    float *contrast = weights + a->n_heads * picture; /* [n_tokens][ld] */
    float *looked = contrast + picture;               /* [n_tokens][ld] */
    struct so_trace trace = {a->heads, a->n_heads, a->positions, a->ld};
    so_seq_reset(a->seq, cross);
    sotto_status status = so_decoder_trace(decoder, a->seq, a->tokens, a->n_tokens, &trace, weights, err);
    if (status) return status;
    so_picture(pool, weights, a->n_heads, a->n_tokens, a->positions, a->ld, contrast, looked);
    so_dtw(contrast + before * a->ld, rows, a->positions, a->ld, a->first, looked + picture);
    memmove(a->first, a->first + (a->n_prompt - 1 - before), (a->n_text + 1) * sizeof *a->first);
    *attention = looked + (a->n_prompt - 1) * a->ld;
    return SOTTO_OK;
}

/** No word overlaps the one before, and none is without length where there is room. */
static void settle(struct so_edges *edges, size_t n, uint32_t frames) {
    uint32_t before = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t next = i + 1 < n ? edges[i + 1].start : frames;
        uint32_t start = edges[i].start > before ? edges[i].start : before,
                 end = edges[i].end > start ? edges[i].end : start;
        start = start < frames ? start : frames;
        end = end < frames ? end : frames;
        if (end < start + SHORTEST_WORD && next > end)
            end = next < start + SHORTEST_WORD ? next : start + SHORTEST_WORD;
        edges[i] = (struct so_edges){start, end};
        before = end;
    }
}

sotto_status so_align(struct so_aligner *a, struct so_decoder *decoder, struct so_pool *pool,
                      const struct so_align_window *window, const struct so_align_segment *segments,
                      size_t n_segments, const struct so_align_word **words, size_t *n_words,
                      sotto_error *err) {
    *words = a->words;
    *n_words = 0;
    gather_tokens(a, window, segments, n_segments);
    if (a->n_text == 0) return SOTTO_OK;
    a->positions =
        so_min((window->frames + FRAMES_PER_POSITION - 1) / FRAMES_PER_POSITION, a->model->hp.n_audio_ctx);
    a->ld = so_round_up(a->positions, 16);
    group_tokens(a, window->language);
    sotto_status status = fill_words(a, err);
    const float *attention = NULL;
    if (!status) status = find_path(a, decoder, pool, window->cross, &attention, err);
    if (status) return status;
    for (size_t i = 0; i < a->n_words; i++) a->times[i].longest = so_longest_word(a->words[i].text);
    so_word_times(a->groups, a->n_words, a->first, attention, a->ld, a->positions, a->times);
    for (size_t i = 0; i < a->n_words; i++)
        a->edges[i] = (struct so_edges){(uint32_t)(a->times[i].start * FRAMES_PER_POSITION),
                                        (uint32_t)(a->times[i].end * FRAMES_PER_POSITION)};
    settle(a->edges, a->n_words, window->frames);
    if (a->snap)
        status = so_snap(window->samples, window->n_samples, window->frames, a->edges, a->n_words, err);
    for (size_t i = 0; i < a->n_words; i++) {
        a->words[i].start = a->edges[i].start;
        a->words[i].end = a->edges[i].end;
    }
    *n_words = status ? 0 : a->n_words;
    return status;
}
