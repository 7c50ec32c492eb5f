/**
 * The decoding of one window as a state machine that never runs the model itself: it says which rows it needs next
 * (so_window_next), its owner runs them, together with rows of other windows if he likes (so_decoder_step), and gives
 * it the logits back (so_window_consume). A window's tokens do not depend on how its rows were batched.
 */
#ifndef SO_DECODE_WINDOW_H
#define SO_DECODE_WINDOW_H

#include "decode/hypothesis.h"
#include "model/model.h"
#include "whisper/decoder.h"

struct so_window;

/** How to search; the same for all windows of a recording. */
struct so_search {
    sotto_task task;
    bool timestamps;
    bool stop_loops;    /**< end greedy and sampled text where it begins to repeat itself (loop.h) */
    uint32_t beam_size; /**< at temperature 0; 1: greedy */
    uint32_t best_of;   /**< sequences drawn above temperature 0 */
    float patience;
    float length_penalty; /**< negative: mean log-probability */
    uint64_t seed;
};

/** `model` and `search` are borrowed until so_window_free. */
sotto_status so_window_create(const struct so_model *model, const struct so_search *search, struct so_window **out,
                              sotto_error *err);
void so_window_free(struct so_window *window);

/**
 * Begin a window. cross: what its sequences listen to. language: index, ignored by English-only models.
 * previous: [n_previous] tokens of the text before it, of which the last n_text_ctx/2 - 1 count; copied.
 * index: first frame of the window in the recording (the random generator's coordinate).
 */
void so_window_start(struct so_window *window, const struct so_cross *cross, int language, const int32_t *previous,
                     size_t n_previous, uint32_t index);

/**
 * Begin an attempt at a temperature (0: the most probable tokens), after so_window_start or after an attempt is
 * done. The prompt is run through the model in the first attempt only. `attempt` is a coordinate of the generator.
 */
sotto_status so_window_attempt(struct so_window *window, float temperature, uint32_t attempt, sotto_error *err);

/** The rows to run next, at most `capacity` (at least 1); 0: the attempt is done. */
size_t so_window_next(struct so_window *window, struct so_step_row *rows, size_t capacity);

/** Take the logits of the rows of the last so_window_next. */
sotto_status so_window_consume(struct so_window *window, sotto_error *err);

struct so_window_result {
    const int32_t *tokens; /**< [n], owned by the window until its next attempt */
    const float *logprobs; /**< [n] */
    size_t n;
    float avg_logprob;    /**< sum / (n + 1), the end of text counts as one token */
    float no_speech_prob; /**< of <|nospeech|> after <|startoftranscript|> */
};

/** The best sequence of the attempt that is done. */
void so_window_result(struct so_window *window, struct so_window_result *result);

#endif
