/**
 * vad_dump WEIGHTS RECORDING OUT
 *
 * The samples that the detector hears as OUT.samples (float [n]) and what it says as OUT.frames (float
 * [ceil(n/512)][2]: probability, power), for comparison with another engine. Prints "CHUNK START LENGTH" in
 * samples for each piece of a chunk, and last the detector's seconds of processor time and the recording's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audio/audio.h"
#include "util/memory.h"
#include "vad/segmenter.h"

enum { BLOCK = 64 * SO_VAD_HOP };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
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

static void print_chunks(struct so_segmenter *segmenter) {
    struct so_chunk chunk;
    while (so_segmenter_next(segmenter, &chunk))
        for (size_t i = 0; i < chunk.n_pieces; i++)
            printf("%llu %llu %u\n", (unsigned long long)chunk.index,
                   (unsigned long long)chunk.pieces[i].start, chunk.pieces[i].length);
}

static sotto_status dump(struct so_audio *audio, struct so_vad *vad, struct so_segmenter *segmenter,
                         const char *out, sotto_error *err) {
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
        for (size_t i = 0; i < count; i++) {
            so_segmenter_push(segmenter, frames[i]);
            print_chunks(segmenter);
        }
    } while (n);
    fclose(heard);
    fclose(said);
    if (status) return status;
    so_segmenter_finish(segmenter, total);
    print_chunks(segmenter);
    printf("%.6f %.6f\n", seconds, (double)total / SOTTO_SAMPLE_RATE);
    return SOTTO_OK;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: vad_dump WEIGHTS RECORDING OUT\n");
        return 2;
    }
    sotto_error err;
    struct so_vad_weights *weights = NULL;
    struct so_vad *vad = NULL;
    struct so_segmenter *segmenter = NULL;
    struct so_audio *audio = NULL;
    struct so_span_options spans;
    struct so_chunk_options chunks;
    const struct so_audio_options options = {.channel = -1, .stream = -1};
    so_span_options_init(&spans);
    so_chunk_options_init(&chunks);
    sotto_status status = so_vad_weights_load(argv[1], &weights, &err);
    if (!status) status = so_vad_create(weights, &vad, &err);
    if (!status) status = so_segmenter_create(&spans, &chunks, &segmenter, &err);
    if (!status) status = so_audio_open(argv[2], &options, &audio, &err);
    if (!status) status = dump(audio, vad, segmenter, argv[3], &err);
    if (status) fprintf(stderr, "%s\n", err.message);
    so_audio_close(audio);
    so_segmenter_free(segmenter);
    so_vad_free(vad);
    so_vad_weights_free(weights);
    return status ? 1 : 0;
}
