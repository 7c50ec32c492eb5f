/**
 * vad_dump WEIGHTS RECORDING OUT
 *
 * The samples that the detector hears as OUT.samples (float [n]) and what it says as OUT.frames (float
 * [ceil(n/512)][2]: probability, power), for comparison with another engine; prints the detector's seconds
 * and the recording's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/audio.h"
#include "util/memory.h"
#include "vad/vad.h"

enum { BLOCK = 64 * SO_VAD_HOP };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static FILE *open_output(const char *out, const char *suffix) {
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s.%s", out, suffix);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "wb") : NULL;
    if (!file) {
        fprintf(stderr, "%s.%s cannot be written\n", out, suffix);
        exit(1);
    }
    return file;
}

static sotto_status dump(struct so_audio *audio, struct so_vad *vad, const char *out, sotto_error *err) {
    static float samples[BLOCK];
    static struct so_vad_frame frames[BLOCK / SO_VAD_HOP];
    FILE *heard = open_output(out, "samples"), *said = open_output(out, "frames");
    size_t n = 0, total = 0;
    double seconds = 0;
    sotto_status status;
    do {
        status = so_audio_read(audio, samples, BLOCK, &n, err);
        if (status) break;
        const double start = now();
        const size_t count = n ? so_vad_push(vad, samples, n, frames) : so_vad_finish(vad, frames);
        seconds += now() - start;
        total += n;
        fwrite(samples, sizeof *samples, n, heard);
        fwrite(frames, sizeof *frames, count, said);
    } while (n);
    fclose(heard);
    fclose(said);
    if (!status) printf("%.6f %.6f\n", seconds, (double)total / SOTTO_SAMPLE_RATE);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: vad_dump WEIGHTS RECORDING OUT\n");
        return 2;
    }
    sotto_error err;
    struct so_vad_weights *weights = NULL;
    struct so_vad *vad = NULL;
    struct so_audio *audio = NULL;
    const struct so_audio_options options = {.channel = -1, .stream = -1};
    sotto_status status = so_vad_weights_load(argv[1], &weights, &err);
    if (!status) status = so_vad_create(weights, &vad, &err);
    if (!status) status = so_audio_open(argv[2], &options, &audio, &err);
    if (!status) status = dump(audio, vad, argv[3], &err);
    if (status) fprintf(stderr, "%s\n", err.message);
    so_audio_close(audio);
    so_vad_free(vad);
    so_vad_weights_free(weights);
    return status ? 1 : 0;
}
