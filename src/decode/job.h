/** One transcription: what windows one after another (sequential.c) and windows in batches (batch.c) have in common. */
#ifndef SO_DECODE_JOB_H
#define SO_DECODE_JOB_H

#include "decode/engine.h"
#include "decode/feed.h"
#include "decode/history.h"
#include "decode/journal.h"
#include "decode/judge.h"
#include "decode/transcript.h"
#include "vad/weights.h"

#define SO_FRAMES_PER_SECOND 100.0

struct so_job {
    const struct so_model *model;
    const struct so_vad_weights *vad; /**< NULL: no detector */
    const sotto_options *options;
    const struct so_source *source;
    struct so_search search;
    struct so_engine engine;
    struct so_judge judge;
    struct so_history history;
    struct so_transcript *transcript;
    struct so_journal journal;
    struct so_journal_state resumed; /**< what an earlier call finished */
    int language;       /**< index, -1 while unknown */
    uint32_t votes;     /**< on the language so far */
    uint64_t n_samples; /**< read from the source so far */
    bool ended;         /**< the source has no more */
};

/** Windows of 30 s one after another, each starting where the one before was last understood. */
sotto_status so_run_sequential(struct so_job *job, sotto_error *err);

/** Chunks of speech, many decoded side by side; results in their order. */
sotto_status so_run_batch(struct so_job *job, sotto_error *err);

/** The language is settled by so many chunks, whatever the batch size. */
#define SO_LANGUAGE_VOTES 4

/** Settle the language by the windows given, if it is not known yet, and enter it in the result. */
sotto_status so_job_language(struct so_job *job, struct so_cross *const *windows, size_t n, sotto_error *err);

/** The language to decode one window in: the recording's, or what it seems to be by itself if that is asked for. */
sotto_status so_job_window_language(struct so_job *job, struct so_cross *window, int *language, sotto_error *err);

/** What a segment says of its language: NULL unless languages are asked for by segment. */
const char *so_job_segment_language(const struct so_job *job, int language);

/** SOTTO_ERR_CANCELLED if the caller wants to stop. */
sotto_status so_job_cancelled(const struct so_job *job, sotto_error *err);

/** Tell the caller that everything before this second of the recording is done. */
void so_job_progress(struct so_job *job, double done);

#endif
