#include "features/logmel.h"
#include "util/dmath.h"

/*
 * Slaney's mel scale (Auditory Toolbox, 1998): linear below 1 kHz with 200/3 Hz a mel, logarithmic above with
 * 27 steps for a factor of 6.4.
 */
#define LINEAR_STEP (200.0 / 3.0)
#define BREAK_HZ 1000.0
#define BREAK_MEL (BREAK_HZ / LINEAR_STEP)

static double log_step(void) {
    return so_log(6.4) / 27.0;
}

static double hz_to_mel(double hz) {
    return hz < BREAK_HZ ? hz / LINEAR_STEP : BREAK_MEL + so_log(hz / BREAK_HZ) / log_step();
}

static double mel_to_hz(double mel) {
    return mel < BREAK_MEL ? mel * LINEAR_STEP : BREAK_HZ * so_exp(log_step() * (mel - BREAK_MEL));
}

/** Triangles between edges at equal steps in mel from 0 to 8 kHz, each of unit area over Hz. */
void so_mel_filters(size_t n_mels, float *filters) {
    const double top = hz_to_mel(8000.0);
    for (size_t m = 0; m < n_mels; m++) {
        double edge[3];
        for (size_t i = 0; i < 3; i++) edge[i] = mel_to_hz(top * (double)(m + i) / (double)(n_mels + 1));
        double height = 2.0 / (edge[2] - edge[0]);
        for (size_t k = 0; k < SO_MEL_BINS; k++) {
            double hz = (double)k * 16000.0 / SO_MEL_WINDOW;
            double rise = (hz - edge[0]) / (edge[1] - edge[0]), fall = (edge[2] - hz) / (edge[2] - edge[1]);
            double value = rise < fall ? rise : fall;
            filters[m * SO_MEL_BINS + k] = value > 0 ? (float)(value * height) : 0.0f;
        }
    }
}
