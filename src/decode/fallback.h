/** Whether a window's transcript is good enough, or must be tried again at a higher temperature, or is silence. */
#ifndef SO_DECODE_FALLBACK_H
#define SO_DECODE_FALLBACK_H

#include <stdbool.h>

/** Each may be NaN: this test is off. */
struct so_thresholds {
    float compression_ratio; /**< above: too repetitive */
    float logprob;           /**< mean log-probability below: too uncertain */
    float no_speech;         /**< probability of no speech above: silence, if it is uncertain too */
};

struct so_quality {
    float compression_ratio, avg_logprob, no_speech_prob;
    bool loop;    /**< it repeats itself (loop.h); a loop's probability says nothing, since it is sure of itself */
    bool outruns; /**< more text than anybody says in the time */
    bool doubted; /**< the speech detector was not sure that anybody speaks (SO_DOUBTFUL_SPEECH) */
};

/** Mean probability of speech, over what was taken for it, below which the detector is not sure. Real speech has 0.7 and more unless very faint. */
#define SO_DOUBTFUL_SPEECH 0.6

/** More text tokens than this in so many seconds of speech are not believed: the fastest speakers reach about half of it. */
static inline double so_most_tokens(double seconds) { return 12 + 20 * seconds; }

/**
 * Try again (as OpenAI's decode_with_fallback): repetitive or uncertain, but not uncertain because nobody speaks; and text that
 * loops or outruns its time in any case.
 */
bool so_needs_fallback(const struct so_thresholds *thresholds, const struct so_quality *quality);

/** Of two attempts that failed, whether `a` is to be preferred: no repetition before repetition, then the higher log-probability. */
bool so_is_better(const struct so_thresholds *thresholds, const struct so_quality *a, const struct so_quality *b);

/** Drop the window (as OpenAI's transcribe): probably no speech, and not a certain transcript either; or one that loops; or one
 * that the model doubts where the detector of speech does too. */
bool so_is_silence(const struct so_thresholds *thresholds, const struct so_quality *quality);

#endif
