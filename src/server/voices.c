#include "server/voices.h"

#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/memory.h"

enum { MOST = SO_MAX_REFERENCE_SECONDS * SOTTO_SAMPLE_RATE };

/** One recording's samples: [MOST], *n of them. */
static sotto_status read_samples(struct so_media_stream *stream, float *samples, size_t *n,
                                 sotto_error *err) {
    *n = 0;
    for (size_t got;; *n += got) {
        float more;
        bool full = *n == MOST;
        sotto_status status =
            so_media_read(stream, full ? &more : samples + *n, full ? 1 : MOST - *n, &got, err);
        if (status || got == 0) return status;
        if (full)
            return so_fail(err, SOTTO_ERR_ARGUMENT,
                           "known_speaker_references[] must be of %d seconds at most",
                           SO_MAX_REFERENCE_SECONDS);
    }
}

static sotto_status learn(struct so_media *media, const struct so_task *task, size_t index,
                          const sotto_options *options, float *samples, sotto_people *people,
                          sotto_error *err) {
    struct so_media_stream stream = {.cancel = options->cancel, .user = options->user};
    size_t n;
    sotto_status status =
        so_media_decode(media, task->form.references[index].file.fd, "known_speaker_references[]", false,
                        SO_MEDIA_PROBE_SECONDS, &stream, err);
    if (status) return status;
    status = read_samples(&stream, samples, &n, err);
    so_media_close(&stream);
    return status ? status
                  : sotto_people_enroll_pcm(people, task->request.names[index], samples, n, options, err);
}

sotto_status so_voices_learn(struct so_media *media, const struct so_task *task, const sotto_options *options,
                             sotto_people **people, sotto_error *err) {
    *people = NULL;
    if (task->request.n_names == 0) return SOTTO_OK;
    sotto_options plain;
    sotto_options_init(&plain);
    plain.threads = options->threads;
    plain.cancel = options->cancel;
    plain.cancel_at_once = true;
    plain.user = options->user;
    float *samples = so_alloc(MOST, sizeof *samples);
    sotto_status status = samples ? sotto_people_open(NULL, people, err)
                                  : so_fail_memory(err, MOST * sizeof *samples, "a voice");
    for (size_t i = 0; i < task->request.n_names && !status; i++)
        status = learn(media, task, i, &plain, samples, *people, err);
    so_free(samples);
    if (!status) return status;
    sotto_people_free(*people);
    *people = NULL;
    return status;
}
