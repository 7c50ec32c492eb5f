#include "window_fake.h"

#include "decode/engine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rules_toy.h"

fake_logits *fake_model = fake_random;
size_t fake_context = FAKE_CONTEXT;
size_t fake_rows;

sotto_status so_seq_create(const struct so_model *model, struct so_seq **out, sotto_error *err) {
    (void)model;
    (void)err;
    *out = calloc(1, sizeof **out);
    assert_non_null(*out);
    return SOTTO_OK;
}

void so_seq_free(struct so_seq *seq) { free(seq); }

void so_seq_reset(struct so_seq *seq, const struct so_cross *cross) {
    seq->n = 0;
    seq->cross = cross;
}

void so_seq_copy(struct so_seq *seq, const struct so_seq *from) { *seq = *from; }

size_t so_seq_length(const struct so_seq *seq) { return seq->n; }

void so_seq_truncate(struct so_seq *seq, size_t length) {
    assert_true(length <= seq->n);
    seq->n = length;
}

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void fake_random(const struct so_seq *seq, float *logits) {
    uint64_t hash = mix(seq->cross->seed + 0x9e3779b97f4a7c15u);
    for (size_t i = 0; i < seq->n; i++) hash = mix(hash * 31 + (uint64_t)seq->tokens[i] + 1);
    for (uint64_t i = 0; i < TOY_VOCAB; i++) {
        float value = (float)(mix(hash + i * 0xd1342543de82ef95u) >> 40) * 0x1p-24f;
        // Text is likelier than one timestamp, about as likely as all of them together.
        logits[i] = value * 6 - (i >= TOY_TIME ? 3.0f : 0.0f);
    }
}

void fake_step(const struct so_step_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct so_seq *seq = rows[i].seq;
        assert_non_null(seq->cross);
        assert_true(seq->n < fake_context);
        seq->tokens[seq->n++] = rows[i].token;
        if (rows[i].logits) fake_model(seq, rows[i].logits);
        fake_rows++;
    }
}

sotto_status fake_run(struct so_window *window, size_t capacity) {
    struct so_step_row rows[64];
    sotto_status status = SOTTO_OK;
    size_t n;
    while (!status && (n = so_window_next(window, rows, capacity)) > 0) {
        assert_true(n <= capacity);
        fake_step(rows, n);
        status = so_window_consume(window, NULL);
    }
    return status;
}

/* Word times are not asked for where windows are faked. */
sotto_status so_decoder_trace(struct so_decoder *decoder, struct so_seq *seq, const int32_t *tokens, size_t n, const struct so_trace *trace,
                              float *weights, sotto_error *err) {
    (void)decoder, (void)seq, (void)tokens, (void)n, (void)trace, (void)weights;
    return so_fail(err, SOTTO_ERR_UNSUPPORTED, "the fake has no decoder");
}

/* Nobody else wants the machine. */
void so_engine_take(struct so_engine *engine) { (void)engine; }
void so_engine_give(struct so_engine *engine) { (void)engine; }
