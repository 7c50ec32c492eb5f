#include "util/dmath.h"
#include "util/memory.h"
#include "whisper/fidelity.h"

#define RATE 16000
#define SYLLABLE 3200 /* samples: 200 ms, of which the last 40 ms die away */
#define FORMANTS 3

/** A two-pole resonator: y = x + a y1 + b y2. */
struct resonator {
    double a, b, y1, y2;
};

static void tune(struct resonator *r, double frequency, double width) {
    const double radius = so_exp(-3.14159265358979 * width / RATE);
    r->a = 2 * radius * so_cos_pi(2 * frequency / RATE);
    r->b = -radius * radius;
}

static double ring(struct resonator *r, double x) {
    const double y = x + r->a * r->y1 + r->b * r->y2;
    r->y2 = r->y1;
    r->y1 = y;
    return y;
}

/** Uniform in [-1, 1): a linear congruence (Knuth's MMIX). */
static double noise(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int32_t)(*state >> 32) / 2147483648.0;
}

/** Formants of vowels (Peterson & Barney 1952, men), Hz. */
static const double vowels[][FORMANTS] = {
    {730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {530, 1840, 2480}, {570, 840, 2410}};

void so_made_up_speech(float *samples, size_t n) {
    struct resonator voice[FORMANTS] = {{0}}, hiss = {0};
    uint64_t state = 1;
    double phase = 0;
    tune(&hiss, 4500, 1500);
    for (size_t i = 0; i < n; i++) {
        const size_t syllable = i / SYLLABLE, at = i % SYLLABLE;
        const double time = (double)at / SYLLABLE, rise = time < 0.1   ? time * 10
                                                          : time > 0.8 ? (1 - time) * 5
                                                                       : 1;
        const double pitch = 110 + 35 * so_sin_pi((double)i / 20000) + 20 * (1 - time);
        double x = 0;
        if (at == 0)
            for (size_t f = 0; f < FORMANTS; f++)
                tune(&voice[f], vowels[(syllable * 7 + syllable / 3) % SO_COUNT(vowels)][f],
                     60 + 40 * (double)f);
        phase += pitch / RATE;
        if (phase >= 1) phase -= 1, x = 1; /* a pulse of the glottis */
        double y = x + 0.02 * noise(&state);
        for (size_t f = 0; f < FORMANTS; f++) y = ring(&voice[f], y) * 0.35;
        const double breath = ring(&hiss, noise(&state)) * (syllable % 3 == 1 && time < 0.35 ? 0.02 : 0.0005);
        const bool pause = syllable % 9 >= 7;
        samples[i] = (float)((pause ? 0 : y * rise * 0.1) + breath);
    }
}
