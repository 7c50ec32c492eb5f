/* Encoder and decoder against the naive double-precision model, for the shapes of every Whisper size. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "naive.h"
#include "util/memory.h"
#include "whisper/decoder.h"
#include "whisper/encoder.h"

#define FRAMES 46
#define POSITIONS (FRAMES / 2)
#define TOKENS 21 /* more than one panel of 16 positions */
#define VOCAB 83  /* no multiple of 16 */

/* Real widths of each size with two layers, so that the naive model stays quick. */
static const struct so_hparams tiny = {80, 1500, 384, 6, 2, 448, 384, 6, 2, VOCAB};
static const struct so_hparams base = {80, 1500, 512, 8, 2, 448, 512, 8, 2, VOCAB};
static const struct so_hparams small = {80, 1500, 768, 12, 2, 448, 768, 12, 2, VOCAB};
static const struct so_hparams medium = {80, 1500, 1024, 16, 1, 448, 1024, 16, 1, VOCAB};
static const struct so_hparams large_v3 = {128, 1500, 1280, 20, 1, 448, 1280, 20, 1, VOCAB};

struct run {
    struct so_pool *pool;
    struct so_encoder *encoder;
    struct so_decoder *decoder;
    struct so_cross *cross;
    struct so_seq *seq;
};

static void run_create(struct run *run, const struct so_model *model, size_t threads) {
    sotto_error err;
    assert_int_equal(so_pool_create(threads, &run->pool, &err), SOTTO_OK);
    assert_int_equal(so_encoder_create(model, run->pool, &run->encoder, &err), SOTTO_OK);
    assert_int_equal(so_decoder_create(model, run->pool, TOKENS, &run->decoder, &err), SOTTO_OK);
    assert_int_equal(so_cross_create(model, &run->cross, &err), SOTTO_OK);
    assert_int_equal(so_seq_create(model, &run->seq, &err), SOTTO_OK);
}

static void run_free(struct run *run) {
    so_seq_free(run->seq);
    so_cross_free(run->cross);
    so_decoder_free(run->decoder);
    so_encoder_free(run->encoder);
    so_pool_free(run->pool);
}

static float *make_mel(const struct so_hparams *hp) {
    float *mel = so_calloc(FRAMES * hp->n_mels, sizeof *mel);
    assert_non_null(mel);
    for (size_t i = 0; i < FRAMES * hp->n_mels; i++) mel[i] = toy_random(77, i);
    return mel;
}

static void make_tokens(int32_t *tokens) {
    for (size_t i = 0; i < TOKENS; i++) tokens[i] = (int32_t)((i * 37 + 11) % VOCAB);
}

/* Relative L2 error. */
static double distance(const float *got, size_t ld, const double *want, size_t rows, size_t cols) {
    double difference = 0, size = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            double d = got[r * ld + c] - want[r * cols + c];
            difference += d * d;
            size += want[r * cols + c] * want[r * cols + c];
        }
    return sqrt(difference / size);
}

static void decode_at_once(struct run *run, const int32_t *tokens, float *logits, size_t ld) {
    struct so_step_row rows[TOKENS];
    sotto_error err;
    for (size_t i = 0; i < TOKENS; i++) rows[i] = (struct so_step_row){run->seq, tokens[i], logits + i * ld};
    so_seq_reset(run->seq, run->cross);
    assert_int_equal(so_decoder_step(run->decoder, rows, TOKENS, &err), SOTTO_OK);
    assert_int_equal(so_seq_length(run->seq), TOKENS);
}

static void check_size(const struct so_hparams *hp, enum so_precision precision, double encoder_limit, double decoder_limit) {
    struct toy toy;
    struct run run;
    sotto_error err;
    size_t ld = so_round_up(VOCAB, 16), state = hp->n_audio_state;
    toy_create(&toy, hp, precision, 5);
    run_create(&run, &toy.model, 2);
    float *mel = make_mel(hp), *logits = so_calloc(TOKENS * ld, sizeof *logits);
    double *want = so_calloc(POSITIONS * state, sizeof *want), *want_logits = so_calloc(TOKENS * VOCAB, sizeof *want_logits);
    int32_t tokens[TOKENS];
    make_tokens(tokens);

    const float *states;
    assert_int_equal(so_encoder_run(run.encoder, mel, FRAMES, &states, &err), SOTTO_OK);
    naive_encode(&toy, mel, FRAMES, want);
    double encoder_error = distance(states, state, want, POSITIONS, state);

    /* The decoder is held to the encoder's own states, so that its error is its own. */
    for (size_t i = 0; i < POSITIONS * state; i++) want[i] = states[i];
    naive_decode(&toy, want, POSITIONS, tokens, TOKENS, want_logits, NULL);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, states, POSITIONS, &err), SOTTO_OK);
    decode_at_once(&run, tokens, logits, ld);
    double decoder_error = distance(logits, ld, want_logits, TOKENS, VOCAB);

    print_message("state %zu, %s: encoder %.2e, decoder %.2e\n", state, precision == SO_INT8 ? "int8" : "f32", encoder_error,
                  decoder_error);
    assert_true(encoder_error < encoder_limit);
    assert_true(decoder_error < decoder_limit);
    so_free(mel);
    so_free(logits);
    so_free(want);
    so_free(want_logits);
    run_free(&run);
    toy_free(&toy);
}

static void f32_equals_the_naive_model(void **unused) {
    (void)unused;
    check_size(&tiny, SO_F32, 3e-6, 3e-6);
    check_size(&base, SO_F32, 3e-6, 3e-6);
    check_size(&small, SO_F32, 3e-6, 3e-6);
    check_size(&medium, SO_F32, 3e-6, 3e-6);
    check_size(&large_v3, SO_F32, 3e-6, 3e-6);
}

static void int8_stays_near_the_naive_model(void **unused) {
    (void)unused;
    check_size(&tiny, SO_INT8, 0.04, 0.04);
    check_size(&base, SO_INT8, 0.04, 0.04);
    check_size(&large_v3, SO_INT8, 0.04, 0.04);
}

/* ---- where the decoder looks ---- */

/* All heads of both layers but one, over the first positions or over all; `rows` is what the decoder takes at a time. */
static void check_trace(enum so_precision precision, double limit) {
    enum { LD = 32, HEADS = 11 };
    static const uint16_t heads[HEADS][2] = {{0, 0}, {0, 2}, {0, 1}, {0, 3}, {0, 5}, {1, 5}, {1, 4}, {1, 0}, {1, 1}, {1, 2}, {1, 3}};
    struct toy toy;
    struct run run;
    sotto_error err;
    int32_t tokens[TOKENS];
    const float *states;
    make_tokens(tokens);
    toy_create(&toy, &tiny, precision, 5);
    run_create(&run, &toy.model, 2);
    float *mel = make_mel(&tiny), *weights = so_calloc(HEADS * TOKENS * LD, sizeof *weights), *again = so_calloc(HEADS * TOKENS * LD, sizeof *again);
    size_t state = tiny.n_audio_state, all = 2 * 6 * TOKENS * POSITIONS;
    double *want_states = so_calloc(POSITIONS * state, sizeof *want_states), *logits = so_calloc(TOKENS * VOCAB, sizeof *logits);
    double *looked = so_calloc(all, sizeof *looked);
    assert_int_equal(so_encoder_run(run.encoder, mel, FRAMES, &states, &err), SOTTO_OK);
    for (size_t i = 0; i < POSITIONS * state; i++) want_states[i] = states[i];
    naive_decode(&toy, want_states, POSITIONS, tokens, TOKENS, logits, looked);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, states, POSITIONS, &err), SOTTO_OK);
    struct so_trace trace = {heads[0], HEADS, POSITIONS, LD};
    so_seq_reset(run.seq, run.cross);
    assert_int_equal(so_decoder_trace(run.decoder, run.seq, tokens, TOKENS, &trace, weights, &err), SOTTO_OK);
    double worst = 0;
    for (size_t h = 0; h < HEADS; h++) {
        const double *want = looked + (heads[h][0] * 6 + heads[h][1]) * TOKENS * POSITIONS;
        worst = fmax(worst, distance(weights + h * TOKENS * LD, LD, want, TOKENS, POSITIONS));
    }
    print_message("attention weights, %s: %.2e\n", precision == SO_INT8 ? "int8" : "f32", worst);
    assert_true(worst < limit);

    /* A decoder of fewer rows, another number of threads: the same bits. */
    struct so_decoder *narrow;
    struct so_pool *pool;
    assert_int_equal(so_pool_create(3, &pool, &err), SOTTO_OK);
    assert_int_equal(so_decoder_create(&toy.model, pool, 4, &narrow, &err), SOTTO_OK);
    so_seq_reset(run.seq, run.cross);
    assert_int_equal(so_decoder_trace(narrow, run.seq, tokens, TOKENS, &trace, again, &err), SOTTO_OK);
    assert_memory_equal(weights, again, HEADS * TOKENS * LD * sizeof *weights);

    /* Fewer positions: what is left adds up to one. */
    trace.positions = POSITIONS - 5;
    so_seq_reset(run.seq, run.cross);
    assert_int_equal(so_decoder_trace(run.decoder, run.seq, tokens, TOKENS, &trace, weights, &err), SOTTO_OK);
    for (size_t r = 0; r < HEADS * TOKENS; r++) {
        double sum = 0;
        for (size_t j = 0; j < trace.positions; j++) sum += weights[r * LD + j];
        assert_true(fabs(sum - 1) < 1e-5);
        for (size_t j = trace.positions; j < LD; j++) assert_true(weights[r * LD + j] == 0);
    }
    trace.positions = POSITIONS + 1;
    assert_int_equal(so_decoder_trace(run.decoder, run.seq, tokens, TOKENS, &trace, weights, &err), SOTTO_ERR_ARGUMENT);
    so_decoder_free(narrow);
    so_pool_free(pool);
    so_free(mel);
    so_free(weights);
    so_free(again);
    so_free(want_states);
    so_free(logits);
    so_free(looked);
    run_free(&run);
    toy_free(&toy);
}

static void the_decoder_looks_where_the_naive_model_does(void **unused) {
    (void)unused;
    check_trace(SO_F32, 3e-6);
    check_trace(SO_INT8, 0.04);
}

/* ---- same bits ---- */

static void encode_and_decode(const struct toy *toy, size_t threads, float *states, float *logits, size_t ld) {
    struct run run;
    sotto_error err;
    int32_t tokens[TOKENS];
    const float *out;
    make_tokens(tokens);
    run_create(&run, &toy->model, threads);
    float *mel = make_mel(&toy->model.hp);
    assert_int_equal(so_encoder_run(run.encoder, mel, FRAMES, &out, &err), SOTTO_OK);
    memcpy(states, out, POSITIONS * toy->model.hp.n_audio_state * sizeof *out);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, states, POSITIONS, &err), SOTTO_OK);
    decode_at_once(&run, tokens, logits, ld);
    so_free(mel);
    run_free(&run);
}

static void check_same_bits(enum so_precision precision) {
    struct toy toy;
    size_t ld = so_round_up(VOCAB, 16), states_size = POSITIONS * base.n_audio_state, logits_size = TOKENS * ld;
    toy_create(&toy, &base, precision, 9);
    float *a = so_calloc(states_size + logits_size, sizeof *a), *b = so_calloc(states_size + logits_size, sizeof *b);
    encode_and_decode(&toy, 1, a, a + states_size, ld);
    for (size_t threads = 2; threads <= 5; threads++) {
        encode_and_decode(&toy, threads, b, b + states_size, ld);
        assert_memory_equal(a, b, (states_size + logits_size) * sizeof *a);
    }

    /* Token by token, among rows of another sequence, and from a copy of a sequence: the same logits. */
    struct run run;
    sotto_error err;
    struct so_seq *other, *copy;
    int32_t tokens[TOKENS];
    make_tokens(tokens);
    run_create(&run, &toy.model, 2);
    assert_int_equal(so_seq_create(&toy.model, &other, &err), SOTTO_OK);
    assert_int_equal(so_seq_create(&toy.model, &copy, &err), SOTTO_OK);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, a, POSITIONS, &err), SOTTO_OK);
    so_seq_reset(run.seq, run.cross);
    so_seq_reset(other, run.cross);
    struct so_seq *seq = run.seq;
    float *row = so_calloc(ld, sizeof *row);
    bool went_back = false;
    for (size_t i = 0; i < TOKENS; i++) {
        struct so_step_row rows[3] = {{other, 7, NULL}, {other, 3, NULL}, {seq, tokens[i], row}};
        bool crowded = i % 2;
        assert_int_equal(so_decoder_step(run.decoder, crowded ? rows : rows + 2, crowded ? 3 : 1, &err), SOTTO_OK);
        assert_memory_equal(row, a + states_size + i * ld, VOCAB * sizeof *row);
        if (i == 12 && !went_back) {
            went_back = true;
            so_seq_truncate(seq, 8);
            i = 7;
        } else if (i == 17) {
            so_seq_copy(copy, seq);
            seq = copy;
        }
    }
    so_free(row);
    so_seq_free(other);
    so_seq_free(copy);
    run_free(&run);
    so_free(a);
    so_free(b);
    toy_free(&toy);
}

static void bits_do_not_depend_on_threads_or_company_f32(void **unused) {
    (void)unused;
    check_same_bits(SO_F32);
}

static void bits_do_not_depend_on_threads_or_company_int8(void **unused) {
    (void)unused;
    check_same_bits(SO_INT8);
}

static void a_token_outside_the_vocabulary_is_refused(void **unused) {
    (void)unused;
    struct toy toy;
    struct run run;
    sotto_error err;
    toy_create(&toy, &tiny, SO_INT8, 1);
    run_create(&run, &toy.model, 1);
    float *mel = make_mel(&tiny);
    const float *states;
    assert_int_equal(so_encoder_run(run.encoder, mel, FRAMES + 1, &states, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_encoder_run(run.encoder, mel, FRAMES, &states, &err), SOTTO_OK);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, states, 1501, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_cross_fill(run.decoder, run.cross, states, POSITIONS, &err), SOTTO_OK);
    so_seq_reset(run.seq, run.cross);
    struct so_step_row rows[2] = {{run.seq, VOCAB, NULL}, {run.seq, -1, NULL}};
    assert_int_equal(so_decoder_step(run.decoder, &rows[0], 1, &err), SOTTO_ERR_ARGUMENT);
    assert_int_equal(so_decoder_step(run.decoder, &rows[1], 1, &err), SOTTO_ERR_ARGUMENT);
    rows[0].token = 0;
    for (size_t i = 0; i < tiny.n_text_ctx; i++) assert_int_equal(so_decoder_step(run.decoder, rows, 1, &err), SOTTO_OK);
    assert_int_equal(so_decoder_step(run.decoder, rows, 1, &err), SOTTO_ERR_ARGUMENT);
    so_free(mel);
    run_free(&run);
    toy_free(&toy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_equals_the_naive_model),
        cmocka_unit_test(int8_stays_near_the_naive_model),
        cmocka_unit_test(the_decoder_looks_where_the_naive_model_does),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_company_f32),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_company_int8),
        cmocka_unit_test(a_token_outside_the_vocabulary_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
