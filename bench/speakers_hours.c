/**
 * speakers_hours [HOURS] [SPEAKERS]   Ten hours of a meeting of twenty, made up: windows that see who speaks
 * under local names, and voices as alike as those of real pieces of two seconds (cosines of about 0.6 within
 * a speaker, 0.1 between two). Prints what finding the speakers and their turns takes in time and memory.
 * Exit status 1 if the number of speakers is wrong or a hundredth of their time goes to others.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "diarize/turns.h"
#include "util/clock.h"
#include "util/memory.h"

enum { DIM = SO_EMBEDDING_SIZE, STEP = 16000, NOBODY = 255, MOST_SPEAKERS = 200 };

static uint64_t state = 1;

static double uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static double normal(void) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum;
}

static void *room(size_t n, size_t size) {
    void *memory = calloc(n, size);
    if (!memory) {
        fprintf(stderr, "speakers_hours: out of memory\n");
        exit(1);
    }
    return memory;
}

/** A voice of unit length: chance around `near`, or around what all voices share. */
static void random_voice(const float *near, double spread, float *voice) {
    double length = 0, values[DIM];
    for (size_t i = 0; i < DIM; i++) {
        values[i] = (near ? (double)near[i] : 0.3 / sqrt(DIM)) + spread * normal() / sqrt(DIM);
        length += values[i] * values[i];
    }
    for (size_t i = 0; i < DIM; i++) voice[i] = (float)(values[i] / sqrt(length));
}

/** Turns of 0.5 to 12 s, pauses of up to a second, and one turn in ten cut in on for its last half second. */
static void speak(size_t frames, size_t speakers, uint8_t *first, uint8_t *second) {
    memset(first, NOBODY, frames);
    memset(second, NOBODY, frames);
    for (size_t t = 0, who = 0; t < frames;) {
        size_t length = 30 + (size_t)(680 * uniform() * uniform());
        size_t next = (who + 1 + (size_t)((double)(speakers - 1) * uniform())) % speakers;
        for (size_t i = 0; i < length && t + i < frames; i++) {
            first[t + i] = (uint8_t)who;
            if (i + 30 > length && next % 10 == 0) second[t + i] = (uint8_t)next;
        }
        t += length + (next % 10 ? (size_t)(60 * uniform()) : 0);
        who = next;
    }
}

/** A window's local speakers are the first three whom it hears, by names that differ from window to window.
 */
static void look(size_t w, size_t start, size_t frames, const uint8_t *first, const uint8_t *second,
                 uint8_t *codes) {
    unsigned local[3] = {NOBODY, NOBODY, NOBODY};
    for (size_t f = 0; f < SO_SEGMENT_FRAMES; f++) {
        codes[f] = 0;
        for (int which = 0; which < 2 && start + f < frames; which++) {
            unsigned who = which ? second[start + f] : first[start + f];
            for (unsigned i = 0; i < 3 && who != NOBODY; i++) {
                unsigned at = (unsigned)((i + w) % 3);
                if (local[at] == NOBODY) local[at] = who;
                if (local[at] != who) continue;
                codes[f] |= (uint8_t)(1u << at);
                break;
            }
        }
    }
}

int main(int argc, char **argv) {
    const double hours = argc > 1 ? atof(argv[1]) : 10;
    const size_t speakers = argc > 2 ? (size_t)atoi(argv[2]) : 20;
    if (!(hours > 0 && hours < 1000) || speakers < 2 || speakers > MOST_SPEAKERS) return 2;
    const size_t windows = (size_t)(hours * 3600), frames = windows * STEP / SO_SEGMENT_HOP;
    uint8_t *first = room(frames, 1), *second = room(frames, 1), codes[SO_SEGMENT_FRAMES];
    float *own = room(speakers * DIM, sizeof *own);
    struct so_activity activity;
    sotto_error err;
    speak(frames, speakers, first, second);
    for (size_t k = 0; k < speakers; k++) random_voice(NULL, 1, own + k * DIM);
    so_activity_init(&activity, STEP);
    for (size_t w = 0; w < windows; w++) {
        look(w, so_activity_start(&activity, w), frames, first, second, codes);
        if (so_activity_add(&activity, codes, 1, &err)) return 1;
    }
    struct so_piece *pieces = room(frames / 30 + 8, sizeof *pieces), some[SO_CUTTER_PIECES];
    struct so_cutter cutter = {0};
    size_t n = 0;
    for (size_t more;
         (more = so_cutter_next(&cutter, &activity, so_activity_frames(&activity), true, some)) > 0;
         n += more)
        memcpy(pieces + n, some, more * sizeof *some);
    float *voices = room(n * DIM, sizeof *voices);
    for (size_t i = 0; i < n; i++) {
        uint8_t who = first[(pieces[i].first + pieces[i].last) / 2 % frames];
        double seconds = (double)(pieces[i].last - pieces[i].first) * SO_SEGMENT_HOP / 16000;
        random_voice(own + (who == NOBODY ? 0 : who) * DIM, 1 / sqrt(fmin(seconds, 3) + 0.1),
                     voices + i * DIM);
    }

    struct so_voices heard = {pieces, voices, n};
    struct so_identity identity;
    struct so_turns turns;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double start = so_now();
    if (so_identify(&activity, &heard, 0, 0, &identity, &err)) return 1;
    double identified = so_now();
    if (so_find_turns(&activity, &heard, &identity, hours * 3600, &turns, &err)) return 1;
    double done = so_now();
    getrusage(RUSAGE_SELF, &after);

    /* Time of each speaker found by who really speaks; the largest share is who it is. */
    double(*shared)[MOST_SPEAKERS] = room(so_max(1, turns.n_speakers), sizeof *shared), all = 0, right = 0;
    for (size_t i = 0; i < turns.n; i++) {
        const struct so_turn *turn = &turns.turns[i];
        for (double t = turn->start; t < turn->end; t += 0.05) {
            size_t f = (size_t)(t * 16000 / SO_SEGMENT_HOP);
            if (f >= frames || first[f] == NOBODY || second[f] != NOBODY) continue;
            shared[turn->speaker][first[f]] += 0.05;
            all += 0.05;
        }
    }
    for (size_t k = 0; k < turns.n_speakers; k++) {
        double most = 0;
        for (size_t j = 0; j < speakers; j++) most = fmax(most, shared[k][j]);
        right += most;
    }
    printf("%g hours, %zu speakers: %zu windows, %zu voices, %zu turns\n", hours, speakers, windows, n,
           turns.n);
    printf("found %zu speakers, %.2f %% of the time where one speaks theirs\n", turns.n_speakers,
           100 * right / all);
    printf("%.2f s for who is who, %.2f s for the turns; %ld MiB at most, of them %ld for this\n",
           identified - start, done - identified, after.ru_maxrss / 1024,
           (after.ru_maxrss - before.ru_maxrss) / 1024);
    return turns.n_speakers == speakers && right >= 0.99 * all ? 0 : 1;
}
