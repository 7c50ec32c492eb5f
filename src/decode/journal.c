#include "decode/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/journal_read.h"
#include "util/error.h"

static sotto_status cannot_write(sotto_error *err) {
    return so_fail(err, SOTTO_ERR_IO, "the journal of unfinished work cannot be written: %s",
                   strerror(errno));
}

static uint64_t bits64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t bits32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/** A line's rest: the text with line ends and tabs, which lines are made of, escaped. */
static void put_text(FILE *file, const char *text) {
    putc('\t', file);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\\\", file);
        else if (*text == '\n')
            fputs("\\n", file);
        else if (*text == '\r')
            fputs("\\r", file);
        else if (*text == '\t')
            fputs("\\t", file);
        else
            putc(*text, file);
    }
    putc('\n', file);
}

static void put_segment(FILE *file, const sotto_segment *s) {
    fprintf(file,
            "segment %" PRIx64 " %" PRIx64 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %d %s %zu %zu",
            bits64(s->start), bits64(s->end), bits32(s->temperature), bits32(s->avg_logprob),
            bits32(s->compression_ratio), bits32(s->no_speech_prob), s->speaker,
            s->language ? s->language : "-", s->n_tokens, s->words ? s->n_words + 1 : 0);
    for (size_t i = 0; i < s->n_tokens; i++)
        fprintf(file, " %" PRId32 " %" PRIx32, s->tokens[i], bits32(s->token_logprobs[i]));
    put_text(file, s->text);
    for (size_t i = 0; s->words && i < s->n_words; i++) {
        const sotto_word *w = &s->words[i];
        fprintf(file, "word %" PRIx64 " %" PRIx64 " %" PRIx32 " %d", bits64(w->start), bits64(w->end),
                bits32(w->probability), w->speaker);
        put_text(file, w->text);
    }
}

sotto_status so_journal_chunk(struct so_journal *journal, const struct so_transcript *transcript,
                              size_t first, uint64_t number, double end, sotto_error *err) {
    FILE *file = journal->file;
    const sotto_result *result = &transcript->result;
    if (!file) return SOTTO_OK;
    for (size_t i = first; i < result->n_segments; i++) put_segment(file, &result->segments[i]);
    fprintf(file, "chunk %" PRIu64 " %" PRIx64 " %s %" PRIx32 "\n", number, bits64(end),
            result->language[0] ? result->language : "-", bits32(result->language_probability));
    return fflush(file) == 0 && !ferror(file) ? SOTTO_OK : cannot_write(err);
}

/** Take up what is there; *kept: bytes of the file that stand. */
static sotto_status take_up(const char *path, const char *fingerprint, struct so_transcript *transcript,
                            struct so_journal_state *state, long *kept, sotto_error *err) {
    *kept = 0;
    FILE *old = fopen(path, "rb");
    if (!old)
        return errno == ENOENT ? SOTTO_OK : so_fail(err, SOTTO_ERR_IO, "%.300s: %s", path, strerror(errno));
    sotto_status status = so_journal_read(old, fingerprint, transcript, state, kept, err);
    fclose(old);
    return status;
}

sotto_status so_journal_open(const char *path, const char *fingerprint, bool resume,
                             struct so_transcript *transcript, struct so_journal *journal,
                             struct so_journal_state *state, sotto_error *err) {
    long kept = 0;
    *journal = (struct so_journal){NULL};
    *state = (struct so_journal_state){0};
    sotto_status status =
        resume && fingerprint[0] ? take_up(path, fingerprint, transcript, state, &kept, err) : SOTTO_OK;
    if (status) return status;
    journal->file = fopen(path, kept ? "r+b" : "wb");
    if (!journal->file) return so_fail(err, SOTTO_ERR_IO, "%.300s: %s", path, strerror(errno));
    if (kept) {
        if (ftruncate(fileno(journal->file), kept) == 0 && fseek(journal->file, kept, SEEK_SET) == 0)
            return SOTTO_OK;
    } else {
        fprintf(journal->file, "sotto journal 1 %s\n", fingerprint[0] ? fingerprint : "-");
        if (fflush(journal->file) == 0) return SOTTO_OK;
    }
    status = cannot_write(err);
    so_journal_close(journal);
    return status;
}

void so_journal_close(struct so_journal *journal) {
    if (journal->file) fclose(journal->file);
    journal->file = NULL;
}
