#include "decode/speakers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "diarize/people.h"
#include "util/memory.h"

enum { DIM = SO_EMBEDDING_SIZE };

/** Speakers without voices: "SPEAKER_00".. */
static sotto_speaker *name_speakers(struct so_arena *arena, size_t n) {
    sotto_speaker *speakers = so_arena_alloc(arena, n, sizeof *speakers);
    for (size_t i = 0; speakers && i < n; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "SPEAKER_%02zu", i);
        speakers[i] = (sotto_speaker){.id = so_arena_text(arena, name, (size_t)length)};
        if (!speakers[i].id) return NULL;
    }
    return speakers;
}

static sotto_status recognise(const struct so_diarization *d, const sotto_options *options,
                              struct so_arena *arena, sotto_speaker *speakers, sotto_error *err) {
    size_t n = d->turns.n_speakers;
    int *who = so_alloc(n, sizeof *who);
    float *score = so_alloc(n, sizeof *score);
    sotto_status status = who && score ? SOTTO_OK : so_fail_memory(err, n * sizeof *who, "speakers");
    if (!status)
        status =
            so_people_match(options->people, d->centroids, n, options->people_threshold, who, score, err);
    for (size_t i = 0; !status && i < n; i++) {
        speakers[i].seconds = d->turns.seconds[i];
        speakers[i].score = isnan(score[i]) ? 0 : score[i];
        if (who[i] >= 0) {
            const char *name = options->people->people[who[i]].name;
            speakers[i].known = true;
            speakers[i].id = so_arena_text(arena, name, strlen(name));
        }
        if (options->voices) {
            float *voice = so_arena_alloc(arena, DIM, sizeof *voice);
            if (voice) memcpy(voice, d->centroids + i * DIM, DIM * sizeof *voice);
            speakers[i].voice = voice;
        }
        if (!speakers[i].id || (options->voices && !speakers[i].voice))
            status = so_fail_memory(err, DIM * sizeof(float), "speakers");
    }
    so_free(who);
    so_free(score);
    return status;
}

sotto_status so_speakers_enter(const struct so_diarization *d, const sotto_options *options,
                               struct so_transcript *t, sotto_error *err) {
    size_t n = d->turns.n_speakers;
    sotto_speaker *speakers = name_speakers(&t->arena, n);
    sotto_turn *turns = so_arena_alloc(&t->arena, d->turns.n, sizeof *turns);
    if (!speakers || !turns) return so_fail_memory(err, d->turns.n * sizeof *turns, "turns");
    if (n) {
        sotto_status status = recognise(d, options, &t->arena, speakers, err);
        if (status) return status;
    }
    for (size_t i = 0; i < d->turns.n; i++)
        turns[i] =
            (sotto_turn){d->turns.turns[i].start, d->turns.turns[i].end, (int)d->turns.turns[i].speaker};
    t->result.speakers = speakers;
    t->result.n_speakers = n;
    t->result.turns = turns;
    t->result.n_turns = d->turns.n;
    return SOTTO_OK;
}
