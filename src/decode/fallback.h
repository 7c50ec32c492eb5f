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
};

/** Try again (as OpenAI's decode_with_fallback): repetitive or uncertain, but not uncertain because nobody speaks. */
bool so_needs_fallback(const struct so_thresholds *thresholds, const struct so_quality *quality);

/** Drop the window (as OpenAI's transcribe): probably no speech, and not a certain transcript either. */
bool so_is_silence(const struct so_thresholds *thresholds, const struct so_quality *quality);

#endif
