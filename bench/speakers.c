/**
 * speakers MODEL.sotto SAMPLES THREADS: the speaker networks on demand, for bench/speakers.py. SAMPLES: raw
 * float, 16 kHz. Each line of standard input is a job, each line of standard output its
 * seconds of processor time (so that other programs on the machine disturb less): windows STEP
 * COUNT    the log-probabilities of COUNT windows every STEP samples from the start embed START FRAMES COUNT
 * COUNT embeddings of FRAMES frames, each 100 frames after the one before fbank                 filter banks
 * of all samples
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diarize/embedding.h"
#include "diarize/segmentation.h"

#define MAX_ITEMS 64

struct bench {
    struct so_pool *pool;
    struct so_speakers *speakers;
    struct so_segmentation *segmentation;
    struct so_embedding *embedding;
    struct so_fbank *features;
    float *samples, *fbank, *out;
    size_t n_samples, n_frames, room;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void give_up(const char *why) {
    fprintf(stderr, "speakers: %s\n", why);
    exit(1);
}

static void read_samples(struct bench *b, const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) || ftell(file) <= 0) give_up(path);
    b->n_samples = (size_t)ftell(file) / sizeof *b->samples;
    b->samples = malloc(b->n_samples * sizeof *b->samples);
    rewind(file);
    if (!b->samples || fread(b->samples, sizeof *b->samples, b->n_samples, file) != b->n_samples)
        give_up(path);
    fclose(file);
    b->n_frames = so_fbank_count(b->n_samples);
    b->fbank = malloc((b->n_frames + 1) * SO_FBANK_BANDS * sizeof *b->fbank);
    if (!b->fbank) give_up("out of memory");
}

static void make_room(struct bench *b, size_t count) {
    if (count <= b->room) return;
    free(b->out);
    b->out = malloc(count * sizeof *b->out);
    b->room = b->out ? count : 0;
    if (!b->out) give_up("out of memory");
}

static void windows(struct bench *b, size_t step, size_t count) {
    sotto_error err;
    if (so_segment_windows(b->segmentation, b->samples, b->n_samples, step, count, b->out, &err))
        give_up(err.message);
}

static void embed(struct bench *b, size_t start, size_t frames, size_t count) {
    struct so_embedding_item items[MAX_ITEMS];
    sotto_error err;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct so_embedding_item){b->fbank + (start + 100 * i) * SO_FBANK_BANDS, NULL, frames,
                                              b->out + i * SO_EMBEDDING_SIZE};
    if (so_embed(b->embedding, items, count, &err)) give_up(err.message);
}

static void serve(struct bench *b) {
    char line[128];
    sotto_error err;
    while (fgets(line, sizeof line, stdin)) {
        size_t start, frames, count;
        if (sscanf(line, "windows %zu %zu", &frames, &count) == 2) {
            make_room(b, count * SO_SEGMENT_FRAMES * SO_SEGMENT_CLASSES);
        } else if (sscanf(line, "embed %zu %zu %zu", &start, &frames, &count) == 3) {
            if (count < 1 || count > MAX_ITEMS || start + 100 * (count - 1) + frames > b->n_frames)
                give_up("too many frames");
            make_room(b, count * SO_EMBEDDING_SIZE);
        }
        const double begin = now();
        if (*line == 'w')
            windows(b, frames, count);
        else if (*line == 'e')
            embed(b, start, frames, count);
        else if (so_fbank_compute(b->features, b->pool, b->samples, b->n_frames, b->fbank, &err))
            give_up(err.message);
        printf("%.9f\n", now() - begin);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    struct bench b = {0};
    sotto_error err;
    if (argc != 4) return 2;
    read_samples(&b, argv[2]);
    if (so_pool_create((size_t)atoi(argv[3]), &b.pool, &err) ||
        so_speakers_open(argv[1], SO_INT8, &b.speakers, &err) ||
        so_segmentation_create(b.speakers, b.pool, NULL, &b.segmentation, &err) ||
        so_embedding_create(b.speakers, b.pool, NULL, &b.embedding, &err) ||
        so_fbank_create(&b.features, &err) ||
        so_fbank_compute(b.features, b.pool, b.samples, b.n_frames, b.fbank, &err))
        give_up(err.message);
    serve(&b);
    so_fbank_free(b.features);
    so_embedding_free(b.embedding);
    so_segmentation_free(b.segmentation);
    so_speakers_close(b.speakers);
    so_pool_free(b.pool);
    free(b.samples);
    free(b.fbank);
    free(b.out);
    return 0;
}
