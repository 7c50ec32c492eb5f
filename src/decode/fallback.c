#include "decode/fallback.h"

// Each comparison is false for NaN, which is what "off" means.

bool so_needs_fallback(const struct so_thresholds *thresholds, const struct so_quality *quality) {
    bool uncertain = quality->avg_logprob < thresholds->logprob;
    if (uncertain && quality->no_speech_prob > thresholds->no_speech) return false;
    return uncertain || quality->compression_ratio > thresholds->compression_ratio;
}

bool so_is_silence(const struct so_thresholds *thresholds, const struct so_quality *quality) {
    return quality->no_speech_prob > thresholds->no_speech && !(quality->avg_logprob > thresholds->logprob);
}
