#include "decode/journal_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/vocab.h"
#include "util/error.h"
#include "util/memory.h"

/** Limits of what is believed: no window has more. */
enum { MAX_TOKENS = 4096, MAX_SEGMENTS = 65536 };

struct reader {
    FILE *file;
    char *line; /* of getline */
    size_t size;
    struct so_transcript *part; /* segments of a chunk that may not be whole */
    const char *model;
};

/** A field up to the next space, tab or end as a number; false if it is none. */
static bool take(char **at, int base, uint64_t most, uint64_t *value) {
    while (**at == ' ') ++*at;
    bool digit = (**at >= '0' && **at <= '9') || (base == 16 && **at >= 'a' && **at <= 'f');
    char *end;
    if (!digit) return false;
    unsigned long long parsed = strtoull(*at, &end, base);
    if (parsed > most || (*end != ' ' && *end != '\t' && *end != '\0')) return false;
    *value = parsed;
    *at = end;
    return true;
}

static bool take_double(char **at, double *value) {
    uint64_t bits;
    if (!take(at, 16, UINT64_MAX, &bits)) return false;
    memcpy(value, &bits, sizeof *value);
    return *value >= 0 && *value < 1e12;
}

static bool take_float(char **at, float *value) {
    uint64_t bits;
    if (!take(at, 16, UINT32_MAX, &bits)) return false;
    uint32_t low = (uint32_t)bits;
    memcpy(value, &low, sizeof *value);
    return true;
}

static bool take_speaker(char **at, int *speaker) {
    while (**at == ' ') ++*at;
    bool none = strncmp(*at, "-1", 2) == 0;
    uint64_t value = 0;
    if (none)
        *at += 2;
    else if (!take(at, 10, INT32_MAX, &value))
        return false;
    *speaker = none ? -1 : (int)value;
    return true;
}

/** A language as the table of languages has it, or NULL for "-". */
static bool take_language(char **at, const char **language) {
    while (**at == ' ') ++*at;
    size_t n = strcspn(*at, " \t");
    char code[16];
    if (n == 0 || n >= sizeof code) return false;
    memcpy(code, *at, n);
    code[n] = '\0';
    *at += n;
    int index = so_language_index(code);
    *language = index >= 0 ? so_language_code((size_t)index) : NULL;
    return index >= 0 || strcmp(code, "-") == 0;
}

/** What stands behind the tab, in place. */
static bool take_text(char *at, const char **text) {
    if (*at++ != '\t') return false;
    char *to = at;
    *text = at;
    for (; *at; at++) {
        char c = *at;
        if (c == '\\') {
            c = *++at;
            if (c != '\\' && c != 'n' && c != 'r' && c != 't') return false;
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

/** The next whole line without its end; NULL if there is none. */
static char *next_line(struct reader *r) {
    ssize_t n = getline(&r->line, &r->size, r->file);
    if (n < 1 || r->line[n - 1] != '\n' || strlen(r->line) != (size_t)n) return NULL;
    r->line[n - 1] = '\0';
    return r->line;
}

/** The words behind a segment's line; their texts are copies. */
static bool read_words(struct reader *r, sotto_word *words, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char *at = next_line(r);
        const char *text;
        if (!at || strncmp(at, "word ", 5) != 0) return false;
        at += 5;
        if (!take_double(&at, &words[i].start) || !take_double(&at, &words[i].end) ||
            !take_float(&at, &words[i].probability) || !take_speaker(&at, &words[i].speaker) ||
            !take_text(at, &text))
            return false;
        words[i].text = strdup(text);
        if (!words[i].text) return false;
    }
    return true;
}

/** A segment and its words into r->part; false if the lines are not as they should be. */
static bool read_segment(struct reader *r, char *at) {
    sotto_segment s = {0};
    uint64_t n_tokens, n_words;
    if (!take_double(&at, &s.start) || !take_double(&at, &s.end) || !take_float(&at, &s.temperature) ||
        !take_float(&at, &s.avg_logprob) || !take_float(&at, &s.compression_ratio) ||
        !take_float(&at, &s.no_speech_prob) || !take_speaker(&at, &s.speaker) ||
        !take_language(&at, &s.language) || !take(&at, 10, MAX_TOKENS, &n_tokens) ||
        !take(&at, 10, MAX_TOKENS, &n_words))
        return false;
    int32_t *tokens = so_calloc(n_tokens + 1, sizeof *tokens);
    float *logprobs = so_calloc(n_tokens + 1, sizeof *logprobs);
    bool has_words = n_words > 0;
    n_words -= has_words;
    sotto_word *words = so_calloc(n_words + 1, sizeof *words);
    bool ok = tokens && logprobs && words;
    for (size_t i = 0; ok && i < n_tokens; i++) {
        uint64_t token = 0;
        ok = take(&at, 10, INT32_MAX, &token) && take_float(&at, &logprobs[i]);
        tokens[i] = (int32_t)token;
    }
    const char *text;
    char *copy = ok && take_text(at, &text) ? strdup(text) : NULL;
    ok = copy && read_words(r, words, n_words);
    if (ok) {
        s.text = copy;
        s.tokens = tokens;
        s.token_logprobs = logprobs;
        s.n_tokens = n_tokens;
        s.words = has_words ? words : NULL;
        s.n_words = n_words;
        ok = so_transcript_add(r->part, &s, NULL, NULL) == SOTTO_OK;
    }
    for (size_t i = 0; words && i < n_words; i++) free((char *)(uintptr_t)words[i].text);
    free(copy);
    so_free(tokens);
    so_free(logprobs);
    so_free(words);
    return ok;
}

/** A chunk is whole: its segments become the transcript's. */
static bool read_chunk(struct reader *r, char *at, struct so_transcript *transcript,
                       struct so_journal_state *state) {
    const char *language;
    uint64_t number;
    double end;
    float probability;
    if (!take(&at, 10, UINT64_MAX, &number) || number != state->chunks + 1 || !take_double(&at, &end) ||
        !take_language(&at, &language) || !take_float(&at, &probability) || *at)
        return false;
    for (size_t i = 0; i < r->part->result.n_segments; i++)
        if (so_transcript_add(transcript, &r->part->result.segments[i], NULL, NULL)) return false;
    transcript->result.language = language ? language : "";
    transcript->result.language_probability = probability;
    *state = (struct so_journal_state){number, end};
    return true;
}

static bool renew_part(struct reader *r) {
    so_transcript_free(r->part);
    return so_transcript_create(r->model, &r->part, NULL) == SOTTO_OK;
}

sotto_status so_journal_read(FILE *file, const char *fingerprint, struct so_transcript *transcript,
                             struct so_journal_state *state, long *kept, sotto_error *err) {
    static const char head[] = "sotto journal 1 ";
    struct reader r = {.file = file, .model = transcript->result.model};
    char *at = next_line(&r);
    *kept = 0;
    bool ours =
        at && strncmp(at, head, sizeof head - 1) == 0 && strcmp(at + sizeof head - 1, fingerprint) == 0;
    bool ok = renew_part(&r), memory = ok;
    if (ours) *kept = ftell(file);
    while (ours && ok && (at = next_line(&r))) {
        if (strncmp(at, "segment ", 8) == 0) {
            ok = r.part->result.n_segments < MAX_SEGMENTS && read_segment(&r, at + 8);
        } else {
            ok = strncmp(at, "chunk ", 6) == 0 && read_chunk(&r, at + 6, transcript, state) && renew_part(&r);
            if (ok) *kept = ftell(file);
        }
    }
    so_transcript_free(r.part);
    free(r.line);
    return memory ? SOTTO_OK : so_fail_memory(err, sizeof *r.part, "the journal");
}
