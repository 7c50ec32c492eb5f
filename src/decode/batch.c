/*
 * Chunks of speech decoded side by side. Each slot holds one chunk and its window; a step of the decoder serves the rows
 * of all slots, and of all transcriptions that share the machine (run.c), so that the weights are read once for all of them. Slots are
 * filled as they become free, a failed attempt is repeated at the next temperature in its own slot, and results come
 * out in the order of the chunks. A slot's computations see nothing of the others: the transcript does not depend on their number.
 */
#include <string.h>

#include "decode/context.h"
#include "decode/job.h"
#include "decode/listener.h"
#include "decode/turn.h"
#include "util/memory.h"

/** Chunks whose results wait for an earlier one, at most: then no new chunk is begun. */
#define MAX_WAITING 32

/**
 * A chunk is heard again from where its text ended if at least this much speech (seconds) lies after it: the model
 * sometimes ends a text early.
 */
#define MIN_UNHEARD 0.5

/** And so many times at most, should its texts end again and again. */
#define MAX_HEARINGS 16

struct slot {
    bool busy;
    struct so_chunk chunk;
    float *samples;     /* [SO_FEED_SAMPLES] */
    uint32_t from;      /* first frame of the chunk that the window hears */
    uint32_t frames;    /* of the window */
    size_t positions;   /* that the encoder was given of it */
    struct so_cross *cross;
    struct so_window *window;
    int language;
    uint32_t attempt;
    uint32_t hearings;  /* of the chunk so far */
    struct so_kept kept;
    struct so_run run; /* the attempt under way */
    struct so_transcript *part; /* the chunk's segments */
};

/** The finished chunks that wait for an earlier one, by index modulo MAX_WAITING. */
struct waiting {
    struct so_transcript *part;
    double end; /* second of the recording */
};

struct batch {
    struct so_job *job;
    struct so_listener *listener;
    struct slot *slots;
    size_t n_slots;  /* at least SO_LANGUAGE_VOTES */
    size_t most; /* slots in use at most: the batch size */
    struct waiting waiting[MAX_WAITING];
    uint64_t taken;    /* chunks begun so far */
    uint64_t next_out; /* index of the chunk whose result comes next */
    bool source_ended;
    bool speaking; /* the language is settled and decoding has begun */
    bool stopping; /* the caller wants to stop: what is in work is finished, nothing else begun */
};

static void release(struct batch *b) {
    so_engine_withdraw(&b->job->engine);
    for (size_t i = 0; b->slots && i < b->n_slots; i++) {
        struct slot *slot = &b->slots[i];
        so_transcript_free(slot->part);
        so_kept_free(&slot->kept);
        so_window_free(slot->window);
        so_cross_free(slot->cross);
        so_free(slot->samples);
    }
    for (size_t i = 0; i < MAX_WAITING; i++) so_transcript_free(b->waiting[i].part);
    so_free(b->slots);
    so_listener_free(b->listener);
}

/** A slot's memory is made when it is first used: a short recording needs one. First what listening takes. */
static sotto_status ensure_samples(struct slot *slot, sotto_error *err) {
    if (!slot->samples) slot->samples = so_alloc(SO_FEED_SAMPLES, sizeof *slot->samples);
    return slot->samples ? SOTTO_OK : so_fail_memory(err, SO_FEED_SAMPLES * sizeof *slot->samples, "samples");
}

/** Then, if there is a chunk, what decoding takes. */
static sotto_status ensure_window(struct batch *b, struct slot *slot, sotto_error *err) {
    if (slot->window) return SOTTO_OK;
    sotto_status status = so_cross_create(b->job->model, &slot->cross, err);
    if (!status) status = so_kept_create(b->job->model, &slot->kept, err);
    if (!status) status = so_window_create(b->job->model, &b->job->search, &slot->window, err);
    return status;
}

static sotto_status begin_attempt(struct batch *b, struct slot *slot, sotto_error *err) {
    sotto_status status = so_window_attempt(slot->window, b->job->options->temperatures[slot->attempt], slot->attempt, err);
    if (!status) so_engine_begin(&b->job->engine, &slot->run, slot->window);
    return status;
}

static sotto_status begin_window(struct batch *b, struct slot *slot, sotto_error *err) {
    struct so_job *job = b->job;
    uint64_t start = so_chunk_to_recording(&slot->chunk, (uint64_t)slot->from * SO_MEL_HOP, SO_EDGE_START);
    if (slot->hearings == 0) {
        sotto_status status = so_job_window_language(job, slot->cross, &slot->language, err);
        if (status) return status;
    }
    so_window_start(slot->window, slot->cross, slot->language, job->history.tokens, job->history.n, (uint32_t)(start / SO_MEL_HOP));
    slot->attempt = 0;
    slot->hearings++;
    slot->kept.any = false;
    return begin_attempt(b, slot, err);
}

/** Samples of the chunk from slot->from on. */
static size_t unheard(const struct slot *slot) { return slot->chunk.length - (size_t)slot->from * SO_MEL_HOP; }

/** Encode the chunk from slot->from on; full: as a window of 30 s, however short it is. */
static sotto_status hear(struct batch *b, struct slot *slot, bool full, sotto_error *err) {
    size_t n = unheard(slot);
    slot->frames = (uint32_t)((n + SO_MEL_HOP - 1) / SO_MEL_HOP);
    slot->positions = so_context_positions(b->job->model, n, full || b->job->options->full_context);
    return so_engine_hear(&b->job->engine, slot->samples + (size_t)slot->from * SO_MEL_HOP, n, slot->positions, slot->cross, err);
}

static sotto_status fill_slot(struct batch *b, struct slot *slot, sotto_error *err) {
    sotto_status status = ensure_samples(slot, err);
    bool more = false;
    so_turn_away(&b->job->engine, true);
    if (!status) status = so_listener_next(b->listener, &slot->chunk, slot->samples, &more, err);
    so_turn_away(&b->job->engine, false);
    b->job->n_samples = so_listener_total(b->listener);
    b->job->ended = so_listener_ended(b->listener);
    so_turn_measure(&b->job->engine, b->job->n_samples);
    if (status) return status;
    if (!more) {
        b->source_ended = true;
        return SOTTO_OK;
    }
    slot->busy = true;
    slot->from = 0;
    slot->hearings = 0;
    b->taken++;
    status = so_transcript_create(b->job->model->name, &slot->part, err);
    if (!status) status = ensure_window(b, slot, err);
    if (!status) status = hear(b, slot, false, err);
    if (!status && b->speaking) status = begin_window(b, slot, err);
    return status;
}

/** Whether to go on: chunks in work are finished unless nothing of them has been decoded yet or the caller wants none of it. */
static sotto_status look_up(struct batch *b, sotto_error *err) {
    if (b->stopping) return SOTTO_OK;
    sotto_status status = so_job_cancelled(b->job, err);
    b->stopping = status == SOTTO_ERR_CANCELLED && b->speaking && !b->job->options->cancel_at_once;
    return b->stopping ? SOTTO_OK : status;
}

/** Slots to use now: fewer while others need the machine, but those that vote on the language are all there at once. */
static size_t room(struct batch *b) {
    size_t most = so_min(b->most, so_engine_share(&b->job->engine));
    return b->speaking || b->job->language >= 0 ? most : so_max(most, SO_LANGUAGE_VOTES);
}

static sotto_status fill(struct batch *b, sotto_error *err) {
    size_t busy = 0, most = room(b);
    for (size_t i = 0; i < b->n_slots; i++) busy += b->slots[i].busy;
    for (size_t i = 0; i < b->n_slots && !b->source_ended && busy < most; i++) {
        if (b->slots[i].busy) continue;
        busy++;
        if (b->taken - b->next_out >= MAX_WAITING) break;
        sotto_status status = look_up(b, err);
        if (!status && b->stopping) break;
        if (!status) status = fill_slot(b, &b->slots[i], err);
        if (status) return status;
    }
    return SOTTO_OK;
}

/** The language by a vote of the first chunks, which are in the slots; then all that are there begin to be decoded. */
static sotto_status begin_speaking(struct batch *b, sotto_error *err) {
    struct so_cross *windows[SO_LANGUAGE_VOTES];
    size_t n = 0;
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slots[i].busy && b->slots[i].chunk.index < SO_LANGUAGE_VOTES) windows[n++] = b->slots[i].cross;
    if (n == 0 && b->job->language < 0) return SOTTO_OK;
    sotto_status status = so_job_language(b->job, windows, n, err);
    for (size_t i = 0; i < b->n_slots && !status; i++)
        if (b->slots[i].busy) status = begin_window(b, &b->slots[i], err);
    b->speaking = true;
    return status;
}

static double recording_time(void *context, uint32_t frame, bool end) {
    const struct slot *slot = context;
    uint64_t sample = ((uint64_t)slot->from + frame) * SO_MEL_HOP;
    if (sample > slot->chunk.length) sample = slot->chunk.length;
    return (double)so_chunk_to_recording(&slot->chunk, sample, end ? SO_EDGE_END : SO_EDGE_START) / SOTTO_SAMPLE_RATE;
}

/** Speech in the chunk after a frame of it. */
static struct so_speech speech_after(const struct so_chunk *chunk, uint32_t frame) {
    uint64_t from = so_chunk_to_recording(chunk, (uint64_t)frame * SO_MEL_HOP, SO_EDGE_START), samples = 0;
    double sum = 0;
    for (size_t i = 0; i < chunk->n_spans; i++) {
        uint64_t start = chunk->spans[i].speech_start > from ? chunk->spans[i].speech_start : from;
        if (chunk->spans[i].speech_end <= start) continue;
        samples += chunk->spans[i].speech_end - start;
        sum += (double)(chunk->spans[i].speech_end - start) * (double)chunk->spans[i].probability;
    }
    return (struct so_speech){(double)samples / SOTTO_SAMPLE_RATE, samples ? sum / (double)samples : 1};
}

/** The last frame of the window that the text accounts for. */
static uint32_t heard_until(const struct batch *b, const struct so_split *split) {
    return split->n_spans ? b->job->judge.cuts[split->n_spans - 1].end : split->advance;
}

static void put_aside(struct batch *b, struct slot *slot) {
    struct waiting *place = &b->waiting[slot->chunk.index % MAX_WAITING];
    const struct so_chunk_piece *last = &slot->chunk.pieces[slot->chunk.n_pieces - 1];
    place->part = slot->part;
    place->end = (double)(last->start + last->length) / SOTTO_SAMPLE_RATE;
    slot->part = NULL;
    slot->busy = false;
}

static sotto_status hear_again(struct batch *b, struct slot *slot, bool full, sotto_error *err) {
    sotto_status status = hear(b, slot, full, err);
    return status ? status : begin_window(b, slot, err);
}

/** An attempt is done: try again, hear the rest of the chunk, or be finished with it. */
static sotto_status conclude(struct batch *b, struct slot *slot, sotto_error *err) {
    struct so_job *job = b->job;
    struct so_outcome outcome = {.temperature = job->options->temperatures[slot->attempt]};
    sotto_status status = so_judge_attempt(&job->judge, slot->window, speech_after(&slot->chunk, slot->from), &outcome, err);
    if (status) return status;
    if (so_needs_fallback(&job->judge.thresholds, &outcome.quality) && slot->positions < job->model->hp.n_audio_ctx)
        return hear_again(b, slot, true, err); /* before anything else: with all of the window that the model was trained on */
    if (so_kept_offer(&slot->kept, &job->judge, &outcome, slot->attempt + 1 == job->options->n_temperatures)) {
        slot->attempt++;
        return begin_attempt(b, slot, err);
    }
    struct so_split split;
    job->judge.language = so_job_segment_language(job, slot->language);
    struct so_align_window heard = {slot->cross, slot->samples + (size_t)slot->from * SO_MEL_HOP, unheard(slot), slot->frames,
                                    slot->language};
    status = so_judge_segments(&job->judge, &slot->kept.outcome, &heard, &job->engine, recording_time, NULL, slot, slot->part, &split, err);
    if (status) return status;
    uint32_t until = heard_until(b, &split);
    if (until > 0 && until < slot->frames && slot->hearings < MAX_HEARINGS && speech_after(&slot->chunk, slot->from + until).seconds >= MIN_UNHEARD) {
        slot->from += until;
        return hear_again(b, slot, false, err);
    }
    put_aside(b, slot);
    return SOTTO_OK;
}

static sotto_status conclude_all(struct batch *b, sotto_error *err) {
    for (size_t i = 0; i < b->n_slots; i++) {
        struct slot *slot = &b->slots[i];
        if (!slot->busy || !so_engine_is_done(&b->job->engine, &slot->run)) continue;
        if (slot->run.status) {
            if (err) *err = slot->run.error;
            return slot->run.status;
        }
        sotto_status status = conclude(b, slot, err);
        if (status) return status;
    }
    return SOTTO_OK;
}

/** Results in the order of the chunks. */
static sotto_status emit_ready(struct batch *b, sotto_error *err) {
    struct so_job *job = b->job;
    struct waiting *place;
    while ((place = &b->waiting[b->next_out % MAX_WAITING])->part) {
        const sotto_result *part = &place->part->result;
        size_t first = job->transcript->result.n_segments;
        for (size_t i = 0; i < part->n_segments; i++) {
            const sotto_segment *added;
            sotto_status status = so_transcript_add(job->transcript, &part->segments[i], &added, err);
            if (status) return status;
            if (job->options->on_segment) job->options->on_segment(job->options->user, added);
        }
        so_transcript_free(place->part);
        place->part = NULL;
        b->next_out++;
        sotto_status status = so_journal_chunk(&job->journal, job->transcript, first, b->next_out, place->end, err);
        if (status) return status;
        so_job_progress(job, place->end);
    }
    return SOTTO_OK;
}

static sotto_status emit(struct batch *b, sotto_error *err) {
    if (!b->waiting[b->next_out % MAX_WAITING].part) return SOTTO_OK;
    so_turn_away(&b->job->engine, true); /* the caller's functions may take their time */
    sotto_status status = emit_ready(b, err);
    so_turn_away(&b->job->engine, false);
    return status;
}

static bool is_busy(const struct batch *b) {
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slots[i].busy) return true;
    return false;
}

/** Pass over the chunks that an earlier call finished: they are found again, which is quick, and not decoded. */
static sotto_status pass_over(struct batch *b, sotto_error *err) {
    struct slot *slot = &b->slots[0];
    sotto_status status = b->job->resumed.chunks ? ensure_samples(slot, err) : SOTTO_OK;
    while (!status && b->taken < b->job->resumed.chunks && !b->source_ended) {
        bool more = false;
        status = so_job_cancelled(b->job, err);
        if (!status) status = so_listener_next(b->listener, &slot->chunk, slot->samples, &more, err);
        b->source_ended = !more;
        b->taken += more;
    }
    b->next_out = b->taken;
    return status;
}

static sotto_status run(struct batch *b, sotto_error *err) {
    bool more = true;
    sotto_status passed = pass_over(b, err);
    if (passed) return passed;
    while (more) {
        sotto_status status = look_up(b, err);
        if (!status && !b->stopping) status = fill(b, err);
        if (!status && !b->speaking) status = begin_speaking(b, err);
        more = is_busy(b);
        if (!status && b->speaking) so_engine_advance(&b->job->engine);
        if (!status && b->speaking) status = conclude_all(b, err);
        if (!status) status = emit(b, err);
        if (status) return status;
        if (!b->speaking) break; /* there was no speech at all */
    }
    if (b->stopping) return so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
    so_turn_away(&b->job->engine, true);
    so_job_progress(b->job, (double)b->job->n_samples / SOTTO_SAMPLE_RATE);
    return SOTTO_OK;
}

sotto_status so_run_batch(struct so_job *job, sotto_error *err) {
    struct batch *b = so_calloc(1, sizeof *b);
    if (!b) return so_fail_memory(err, sizeof *b, "decoding");
    b->job = job;
    b->most = job->options->batch_size;
    b->n_slots = so_max(b->most, SO_LANGUAGE_VOTES);
    b->slots = so_calloc(b->n_slots, sizeof *b->slots);
    sotto_status status = b->slots ? SOTTO_OK : so_fail_memory(err, b->n_slots * sizeof *b->slots, "decoding");
    if (!status) status = so_listener_create(job->source, job->vad, job->options, so_pool_threads(job->engine.machine->pool) > 1, &b->listener, err);
    if (!status) status = run(b, err);
    so_turn_away(&job->engine, true);
    if (b->listener) so_listener_timing(b->listener, &job->engine.timing.audio, &job->engine.timing.vad);
    release(b);
    so_free(b);
    return status;
}
