#include "diarize/attribute.h"

#include <math.h>
#include <string.h>

#include "util/memory.h"

#define LONE_WORD 0.4 /* seconds: a word this long is a turn of its own */
#define PAUSE 0.25    /* seconds: a word after such a pause may be somebody else's */
#define INSTANT 0.01  /* seconds: a word that takes no time is looked up in this much */

struct so_turn_index {
    size_t n_speakers;
    size_t *first;         /* [n_speakers + 1]: where a speaker's turns begin */
    struct so_turn *turns; /* by speaker, then by time */
};

sotto_status so_turn_index_create(const struct so_turns *turns, struct so_turn_index **out,
                                  sotto_error *err) {
    *out = NULL;
    struct so_turn_index *index = so_calloc(1, sizeof *index);
    if (!index) return so_fail_memory(err, sizeof *index, "turns");
    index->n_speakers = turns->n_speakers;
    index->first = so_calloc(turns->n_speakers + 2, sizeof *index->first);
    index->turns = so_alloc(turns->n + 1, sizeof *index->turns);
    if (!index->first || !index->turns) {
        so_turn_index_free(index);
        return so_fail_memory(err, (turns->n + 1) * sizeof *index->turns, "turns");
    }
    /* Counted two places up, so that after filling first[k] is where k's turns begin. */
    for (size_t i = 0; i < turns->n; i++) index->first[turns->turns[i].speaker + 2]++;
    for (size_t k = 1; k < turns->n_speakers + 2; k++) index->first[k] += index->first[k - 1];
    for (size_t i = 0; i < turns->n; i++)
        index->turns[index->first[turns->turns[i].speaker + 1]++] = turns->turns[i];
    *out = index;
    return SOTTO_OK;
}

void so_turn_index_free(struct so_turn_index *index) {
    if (!index) return;
    so_free(index->first);
    so_free(index->turns);
    so_free(index);
}

/** Seconds that a speaker speaks in [start, end]; where it is 0, minus the distance to the nearest turn. */
static double presence(const struct so_turn_index *index, size_t speaker, double start, double end) {
    size_t low = index->first[speaker], high = index->first[speaker + 1], from = low;
    size_t stop = high;
    while (low < high) { /* the first turn that ends behind start */
        size_t middle = low + (high - low) / 2;
        if (index->turns[middle].end > start)
            high = middle;
        else
            low = middle + 1;
    }
    double sum = 0, distance = INFINITY;
    if (low > from) distance = fmin(distance, start - index->turns[low - 1].end);
    if (low < stop) distance = fmin(distance, fmax(0, index->turns[low].start - end));
    for (size_t i = low; i < stop && index->turns[i].start < end; i++)
        sum += fmin(end, index->turns[i].end) - fmax(start, index->turns[i].start);
    return sum > 0 ? sum : -distance;
}

int so_turn_index_speaker(const struct so_turn_index *index, double start, double end, int before,
                          bool *overlap) {
    int best = -1;
    double most = 0, second = 0;
    end = fmax(end, start + INSTANT);
    for (size_t k = 0; k < index->n_speakers; k++) {
        double here = presence(index, k, start, end);
        if (best < 0 || here > most || (here == most && (int)k == before)) {
            second = best < 0 ? 0 : most;
            most = here;
            best = (int)k;
        } else {
            second = fmax(second, here);
        }
    }
    *overlap = best >= 0 && second >= 0.5 * (end - start);
    return best;
}

void so_attribute(const struct so_turn_index *index, struct so_utterance *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        words[i].speaker = so_turn_index_speaker(index, words[i].start, words[i].end,
                                                 i ? words[i - 1].speaker : -1, &words[i].overlap);
    for (size_t i = 1; i + 1 < n; i++) {
        const struct so_utterance *left = &words[i - 1], *right = &words[i + 1];
        if (left->speaker != right->speaker || words[i].speaker == left->speaker) continue;
        if (words[i].end - words[i].start >= LONE_WORD) continue;
        if (words[i].start - left->end >= PAUSE || right->start - words[i].end >= PAUSE) continue;
        words[i].speaker = left->speaker;
    }
}
