#include "decode/fallback.h"

// Each comparison is false for NaN, which is what "off" means.

static bool is_odd(const struct so_quality *quality) { return quality->loop || quality->outruns; }

static bool is_repetitive(const struct so_thresholds *thresholds, const struct so_quality *quality) {
    return is_odd(quality) || quality->compression_ratio > thresholds->compression_ratio;
}

bool so_needs_fallback(const struct so_thresholds *thresholds, const struct so_quality *quality) {
    if (is_odd(quality)) return true;
    bool uncertain = quality->avg_logprob < thresholds->logprob;
    if (uncertain && quality->no_speech_prob > thresholds->no_speech) return false;
    return uncertain || quality->compression_ratio > thresholds->compression_ratio;
}

bool so_is_better(const struct so_thresholds *thresholds, const struct so_quality *a, const struct so_quality *b) {
    bool a_repeats = is_repetitive(thresholds, a), b_repeats = is_repetitive(thresholds, b);
    return a_repeats != b_repeats ? b_repeats : a->avg_logprob > b->avg_logprob;
}

bool so_is_silence(const struct so_thresholds *thresholds, const struct so_quality *quality) {
    bool off = thresholds->no_speech != thresholds->no_speech;
    if (quality->doubted && !off && quality->avg_logprob < thresholds->logprob) return true;
    return quality->no_speech_prob > thresholds->no_speech && (is_odd(quality) || !(quality->avg_logprob > thresholds->logprob));
}
