#include "decode/wording.h"

#include <math.h>

#include "util/memory.h"

/** A frame of 10 ms that takes longer (seconds) in the recording is one in which silence was left out of the window. */
#define MAX_LEFT_OUT 0.03

sotto_status so_wording_create(const struct so_model *model, const sotto_options *o, struct so_wording *wording, sotto_error *err) {
    *wording = (struct so_wording){0};
    if (!o->word_timestamps) return SOTTO_OK;
    wording->words = so_calloc(model->hp.n_text_ctx, sizeof *wording->words);
    if (!wording->words) return so_fail_memory(err, model->hp.n_text_ctx * sizeof *wording->words, "words");
    return so_aligner_create(model, o->task, !o->no_word_snapping, &wording->aligner, err);
}

void so_wording_free(struct so_wording *wording) {
    so_aligner_free(wording->aligner);
    so_free(wording->words);
    *wording = (struct so_wording){0};
}

sotto_status so_wording_find(struct so_wording *wording, struct so_engine *engine, const struct so_align_window *window,
                             const struct so_align_segment *segments, size_t n_segments, sotto_error *err) {
    size_t n = 0;
    wording->next = wording->end = NULL;
    if (!wording->aligner || n_segments == 0) return SOTTO_OK;
    so_engine_take(engine);
    sotto_status status = so_align(wording->aligner, engine->machine->decoder, engine->machine->pool, window, segments, n_segments, &wording->next, &n, err);
    so_engine_give(engine);
    if (!status) wording->end = wording->next + n;
    return status;
}

/**
 * A word's times in the recording, not before `earliest`. Where silence was left out of the window within the word, the longer part
 * of it counts: nobody says a word over seconds of silence.
 */
static void place(const struct so_align_word *word, so_frame_time *time, void *context, double earliest, sotto_word *placed) {
    uint32_t start = word->start, end = word->end;
    for (uint32_t f = start; f < end; f++) {
        if (!(time(context, f + 1, true) - time(context, f, false) > MAX_LEFT_OUT)) continue;
        if (f - start < end - f)
            start = f + 1;
        else
            end = f;
        break;
    }
    placed->start = fmax(time(context, start, false), earliest);
    placed->end = fmax(time(context, end, true), placed->start);
}

void so_wording_take(struct so_wording *wording, size_t index, so_frame_time *time, void *context, const struct so_transcript *transcript,
                     sotto_segment *segment) {
    if (!wording->aligner) return;
    size_t before = transcript->result.n_segments, n = 0;
    /* The window before may have taken its last word to end later than where this one begins. */
    double earliest = before && transcript->segments[before - 1].n_words ? transcript->segments[before - 1].end : 0;
    for (; wording->next < wording->end && wording->next->segment == index; wording->next++) {
        sotto_word *word = &wording->words[n++];
        *word = (sotto_word){.text = wording->next->text, .probability = wording->next->probability, .speaker = -1};
        place(wording->next, time, context, earliest, word);
        earliest = word->end;
    }
    segment->words = wording->words;
    segment->n_words = n;
    if (n == 0) return;
    segment->start = wording->words[0].start;
    segment->end = wording->words[n - 1].end;
}
