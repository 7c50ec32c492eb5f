#include "server/live_turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/task.h"
#include "util/error.h"
#include "util/memory.h"

enum { LOUD_FRAMES = 2 /* one alone is a click */, BLOCK = 4096 };
#define HYSTERESIS 0.15 /* of the probability: speech ends lower than it begins */

bool so_live_turns_init(struct so_live_turns *t) {
    t->offer = -1;
    t->before = so_alloc(SO_LIVE_BEFORE, sizeof *t->before);
    t->feed = so_alloc(SO_LIVE_FEED, sizeof *t->feed);
    return t->before && t->feed;
}

static void forget_turn(struct so_live_turns *t) {
    sotto_live_close(t->live);
    t->live = NULL;
    free(t->text);
    t->text = NULL;
    t->n_text = 0;
    t->n_feed = 0;
    t->silent = 0;
}

static void forget_model(struct so_live_turns *t) {
    sotto_detector_close(t->detector);
    t->detector = NULL;
    so_models_release(t->use);
    t->use = NULL;
}

void so_live_turns_free(struct so_live_turns *t) {
    forget_turn(t);
    forget_model(t);
    sotto_resampler_close(t->resampler);
    so_free(t->before);
    so_free(t->feed);
}

static int milliseconds(uint64_t samples) {
    return (int)(samples * 1000 / SOTTO_SAMPLE_RATE);
}

static json_t *event(const char *type) {
    return json_pack("{s:s}", "type", type);
}

static json_t *item_event(const struct so_live_turns *t, const char *type) {
    return json_pack("{s:s,s:s,s:i}", "type", type, "item_id", t->item, "content_index", 0);
}

static void on_text(void *user, const sotto_live_text *text) {
    struct so_live_turns *t = user;
    const char *more = text->confirmed;
    if (t->n_text == 0) more += strspn(more, " ");
    size_t n = strlen(more);
    if (n == 0) return;
    char *grown = realloc(t->text, t->n_text + n + 1);
    if (!grown) {
        t->status = SOTTO_ERR_MEMORY;
        return;
    }
    memcpy(grown + t->n_text, more, n + 1);
    t->text = grown;
    t->n_text += n;
    json_t *delta = item_event(t, "conversation.item.input_audio_transcription.delta");
    if (delta) json_object_set_new(delta, "delta", json_string(more));
    t->emit(t->user, delta);
}

/** The model that the session wants, and what listens with it. */
static sotto_status find_model(struct so_live_turns *t, sotto_error *err) {
    if (t->use && (t->live || t->offer == t->config->offer)) return SOTTO_OK; /* a turn keeps its model */
    forget_model(t);
    t->offer = t->config->offer;
    t->use = so_models_use(t->models, t->offer);
    sotto_status status = sotto_detector_open(t->use->model, &t->detector, err);
    if (status) forget_model(t);
    return status;
}

static sotto_status find_rate(struct so_live_turns *t, sotto_error *err) {
    if (t->resampler && t->rate == t->config->rate) return SOTTO_OK;
    sotto_resampler_close(t->resampler);
    t->rate = t->config->rate;
    return sotto_resampler_open(t->rate, &t->resampler, err);
}

static sotto_status push(struct so_live_turns *t, sotto_error *err) {
    so_live_gate_enter(t->gate);
    sotto_status status = sotto_live_push(t->live, t->feed, t->n_feed, err);
    so_live_gate_leave(t->gate);
    t->n_feed = 0;
    return status ? status : t->status;
}

static sotto_status feed(struct so_live_turns *t, const float *samples, size_t n, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    while (n > 0 && !status) {
        size_t some = so_min(n, SO_LIVE_FEED - t->n_feed);
        memcpy(t->feed + t->n_feed, samples, some * sizeof *samples);
        t->n_feed += some;
        samples += some;
        n -= some;
        if (t->n_feed == SO_LIVE_FEED) status = push(t, err);
    }
    return status;
}

/** A turn begins with what was kept from before it. */
static sotto_status begin(struct so_live_turns *t, bool told, sotto_error *err) {
    const struct so_live_config *c = &t->own;
    sotto_options options;
    char id[33];
    t->own = *t->config;
    sotto_options_init(&options);
    options.language = c->language[0] ? c->language : NULL;
    options.initial_prompt = c->prompt[0] ? c->prompt : NULL;
    options.hotwords = c->keywords[0] ? c->keywords : NULL;
    options.threads = t->threads;
    options.cancel = t->cancel;
    options.cancel_at_once = true;
    options.user = t->user;
    so_random_id(id);
    snprintf(t->item, sizeof t->item, "item_%.20s", id);
    sotto_status status = sotto_live_open(t->use->model, NULL, &options, on_text, t, &t->live, err);
    if (status) return status;
    t->began = t->heard - t->n_before;
    if (told)
        t->emit(t->user, json_pack("{s:s,s:i,s:s}", "type", "input_audio_buffer.speech_started",
                                   "audio_start_ms", milliseconds(t->began), "item_id", t->item));
    status = feed(t, t->before, t->n_before, err);
    t->n_before = 0;
    return status;
}

static json_t *item(const struct so_live_turns *t, const char *type) {
    return json_pack("{s:s,s:s?,s:{s:s,s:s,s:s,s:s,s:s,s:[{s:s,s:n}]}}", "type", type, "previous_item_id",
                     t->previous[0] ? t->previous : NULL, "item", "id", t->item, "object", "realtime.item",
                     "type", "message", "status", "completed", "role", "user", "content", "type",
                     "input_audio", "transcript");
}

/** A turn is over: say so, recognise the rest, tell the whole text. */
static sotto_status end(struct so_live_turns *t, bool told, sotto_error *err) {
    double seconds = (double)(t->heard - t->began) / SOTTO_SAMPLE_RATE;
    if (told)
        t->emit(t->user, json_pack("{s:s,s:i,s:s}", "type", "input_audio_buffer.speech_stopped",
                                   "audio_end_ms", milliseconds(t->heard), "item_id", t->item));
    t->emit(t->user, json_pack("{s:s,s:s?,s:s}", "type", "input_audio_buffer.committed", "previous_item_id",
                               t->previous[0] ? t->previous : NULL, "item_id", t->item));
    t->emit(t->user, item(t, t->old ? "conversation.item.created" : "conversation.item.added"));
    if (!t->old) t->emit(t->user, item(t, "conversation.item.done"));
    sotto_status status = t->n_feed ? push(t, err) : SOTTO_OK;
    if (!status) {
        so_live_gate_enter(t->gate);
        status = sotto_live_finish(t->live, err);
        so_live_gate_leave(t->gate);
        if (!status) status = t->status;
    }
    if (status) return status;
    json_t *done = item_event(t, "conversation.item.input_audio_transcription.completed");
    if (done) {
        json_object_set_new(done, "transcript", json_string(t->text ? t->text : ""));
        json_object_set_new(done, "usage", json_pack("{s:s,s:f}", "type", "duration", "seconds", seconds));
    }
    t->emit(t->user, done);
    memcpy(t->previous, t->item, sizeof t->previous);
    forget_turn(t);
    return SOTTO_OK;
}

/** Before a turn: the last of the sound is kept. */
static void keep(struct so_live_turns *t) {
    size_t frames = (size_t)(t->config->prefix * SOTTO_SAMPLE_RATE) / SOTTO_DETECTOR_FRAME + LOUD_FRAMES,
           most = frames * SOTTO_DETECTOR_FRAME;
    if (t->n_before + SOTTO_DETECTOR_FRAME > most) {
        size_t gone = t->n_before + SOTTO_DETECTOR_FRAME - most;
        memmove(t->before, t->before + gone, (t->n_before - gone) * sizeof *t->before);
        t->n_before -= gone;
    }
    memcpy(t->before + t->n_before, t->frame, sizeof t->frame);
    t->n_before += SOTTO_DETECTOR_FRAME;
}

static sotto_status take_frame(struct so_live_turns *t, sotto_error *err) {
    const struct so_live_config *c = t->config;
    double probability = c->automatic ? (double)sotto_detector_frame(t->detector, t->frame) : 1;
    sotto_status status = SOTTO_OK;
    t->heard += SOTTO_DETECTOR_FRAME;
    if (!t->live) {
        keep(t);
        t->loud = probability >= c->threshold ? t->loud + 1 : 0;
        if (c->automatic && t->loud < LOUD_FRAMES) return SOTTO_OK;
        t->loud = 0;
        return begin(t, c->automatic, err);
    }
    t->silent = probability < c->threshold - HYSTERESIS
                    ? t->silent + (double)SOTTO_DETECTOR_FRAME / SOTTO_SAMPLE_RATE
                    : 0;
    status = feed(t, t->frame, SOTTO_DETECTOR_FRAME, err);
    bool over = (c->automatic && t->silent >= c->silence) ||
                (double)(t->heard - t->began) / SOTTO_SAMPLE_RATE >= SO_LIVE_TURN_SECONDS;
    return !status && over ? end(t, c->automatic, err) : status;
}

static sotto_status take(struct so_live_turns *t, const float *samples, size_t n, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    while (n > 0 && !status) {
        size_t some = so_min(n, SOTTO_DETECTOR_FRAME - t->n_frame);
        memcpy(t->frame + t->n_frame, samples, some * sizeof *samples);
        t->n_frame += some;
        samples += some;
        n -= some;
        if (t->n_frame < SOTTO_DETECTOR_FRAME) break;
        t->n_frame = 0;
        status = take_frame(t, err);
    }
    return status;
}

sotto_status so_live_turns_append(struct so_live_turns *t, const uint8_t *sound, size_t n, sotto_error *err) {
    float in[BLOCK], out[BLOCK];
    sotto_status status = find_model(t, err);
    if (!status) status = find_rate(t, err);
    for (size_t at = 0, left = n / 2; left > 0 && !status;) {
        size_t some = so_min(left, BLOCK), got;
        for (size_t i = 0; i < some; i++, at += 2)
            in[i] = (float)(int16_t)(sound[at] | sound[at + 1] << 8) / 32768.0f;
        left -= some;
        for (size_t given = some;; given = 0) {
            status = sotto_resampler_run(t->resampler, in, given, out, BLOCK, &got, err);
            if (status || got == 0) break;
            status = take(t, out, got, err);
            if (status) break;
        }
    }
    return status;
}

sotto_status so_live_turns_commit(struct so_live_turns *t, bool *empty, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    *empty = !t->live && t->n_before == 0 && t->n_frame == 0;
    if (*empty) return SOTTO_OK;
    if (!t->live) status = begin(t, false, err);
    if (!status) status = feed(t, t->frame, t->n_frame, err);
    t->heard += t->n_frame;
    t->n_frame = 0;
    return status ? status : end(t, false, err);
}

void so_live_turns_clear(struct so_live_turns *t) {
    forget_turn(t);
    t->n_before = t->n_frame = 0;
    t->loud = 0;
    t->emit(t->user, event("input_audio_buffer.cleared"));
}
