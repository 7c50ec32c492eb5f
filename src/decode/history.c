#include "decode/history.h"

#include <string.h>

#include "util/memory.h"
#include "util/text.h"

/** Encode " " and the text without outer white space; *ids is to be freed. Blank text gives no tokens. */
static sotto_status encode(const struct so_vocab *vocab, const char *text, size_t length, int32_t **ids, size_t *n,
                           sotto_error *err) {
    *ids = NULL;
    *n = 0;
    struct so_text trimmed = so_text_trim(text, length);
    if (trimmed.length == 0) return SOTTO_OK;
    char *spaced = so_alloc(trimmed.length + 1, 1);
    if (!spaced) return so_fail_memory(err, trimmed.length, "the prompt");
    spaced[0] = ' ';
    memcpy(spaced + 1, trimmed.bytes, trimmed.length);
    *n = so_vocab_encode(vocab, spaced, trimmed.length + 1, NULL, 0);
    *ids = so_alloc(*n, sizeof **ids);
    if (*ids) so_vocab_encode(vocab, spaced, trimmed.length + 1, *ids, *n);
    so_free(spaced);
    return *ids ? SOTTO_OK : so_fail_memory(err, *n * sizeof **ids, "the prompt");
}

/** One hot word as it stands in running text: " word", after others ", word"; false if the budget has no room for all of it. */
static sotto_status add_hotword(struct so_history *history, const struct so_vocab *vocab, struct so_text word, bool *fits, sotto_error *err) {
    bool first = history->n_hot == 0;
    size_t length = word.length + (first ? 1 : 2);
    char *spaced = so_alloc(length, 1);
    if (!spaced) return so_fail_memory(err, length, "hot words");
    memcpy(spaced, first ? " " : ", ", length - word.length);
    memcpy(spaced + length - word.length, word.bytes, word.length);
    /* The comma is a token of its own, so that a word's tokens do not depend on its neighbours. */
    size_t n = so_vocab_encode(vocab, spaced, length, NULL, 0);
    *fits = n <= history->limit / 2 - history->n_hot;
    if (*fits) {
        so_vocab_encode(vocab, spaced, length, history->tokens + history->n_hot, n);
        history->n_hot += n;
        history->n = history->n_hot;
    }
    so_free(spaced);
    return SOTTO_OK;
}

/** "a,b ,c" as "a, b, c", up to the first word that the budget has no room for. */
static sotto_status add_hotwords(struct so_history *history, const struct so_vocab *vocab, const char *words, sotto_error *err) {
    bool fits = true;
    for (const char *word = words, *end = words + strlen(words); word <= end;) {
        size_t n = strcspn(word, ",");
        struct so_text trimmed = so_text_trim(word, n);
        word += n + 1;
        if (trimmed.length == 0) continue;
        if (fits) {
            sotto_status status = add_hotword(history, vocab, trimmed, &fits, err);
            if (status) return status;
        }
        history->left_out += !fits;
    }
    return SOTTO_OK;
}

sotto_status so_history_create(const struct so_vocab *vocab, size_t limit, const char *prompt, const char *hotwords,
                               struct so_history *history, sotto_error *err) {
    *history = (struct so_history){.limit = limit};
    history->tokens = so_calloc(limit, sizeof *history->tokens);
    if (!history->tokens) return so_fail_memory(err, limit * sizeof *history->tokens, "the prompt");
    sotto_status status = hotwords ? add_hotwords(history, vocab, hotwords, err) : SOTTO_OK;
    if (!status && prompt) {
        int32_t *ids;
        size_t n;
        status = encode(vocab, prompt, strlen(prompt), &ids, &n, err);
        if (!status) so_history_add(history, ids, n);
        history->cut_prompt = n > history->limit - history->n_hot;
        so_free(ids);
    }
    if (status) so_history_free(history);
    return status;
}

void so_history_free(struct so_history *history) {
    so_free(history->tokens);
    *history = (struct so_history){0};
}

void so_history_add(struct so_history *history, const int32_t *tokens, size_t n) {
    if (n == 0) return;
    size_t room = history->limit - history->n_hot;
    if (n > room) {
        tokens += n - room;
        n = room;
    }
    size_t kept = so_min(history->n - history->n_hot, room - n);
    int32_t *text = history->tokens + history->n_hot;
    memmove(text, history->tokens + history->n - kept, kept * sizeof *text);
    memcpy(text + kept, tokens, n * sizeof *text);
    history->n = history->n_hot + kept + n;
}

void so_history_reset(struct so_history *history) { history->n = history->n_hot; }
