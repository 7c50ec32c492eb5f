#include "audio/audio.h"

#include <stdbool.h>
#include <string.h>

#include "audio/resample.h"
#include "audio/reader.h"
#include "util/memory.h"

struct so_audio {
    struct so_reader *reader;
    struct so_resampler *resampler; /**< NULL until the first block; made anew when the rate changes */
    uint32_t rate;                  /**< that `resampler` was made for */
    struct so_block block;          /**< read from the reader, not yet given to the resampler */
    bool ended;                     /**< the reader has no more */
    bool flushing;                  /**< `resampler` was told that its input has ended */
};

sotto_status so_check_layout(const char *name, int64_t rate, int64_t channels, sotto_error *err) {
    if (rate < SO_AUDIO_MIN_RATE || rate > SO_AUDIO_MAX_RATE)
        return so_fail(err, SOTTO_ERR_MEDIA, "'%s' has %lld samples a second; %d to %d are possible", name,
                       (long long)rate, SO_AUDIO_MIN_RATE, SO_AUDIO_MAX_RATE);
    if (channels < 1 || channels > SO_AUDIO_MAX_CHANNELS)
        return so_fail(err, SOTTO_ERR_MEDIA, "'%s' has %lld channels; 1 to %d are possible", name,
                       (long long)channels, SO_AUDIO_MAX_CHANNELS);
    return SOTTO_OK;
}

sotto_status so_check_channel(const char *name, int channel, int channels, sotto_error *err) {
    if (channel < channels) return SOTTO_OK;
    return so_fail(err, SOTTO_ERR_ARGUMENT, "'%s' has no channel %d: it has %d, counted from 0", name,
                   channel, channels);
}

sotto_status so_audio_from_reader(struct so_reader *reader, struct so_audio **out, sotto_error *err) {
    *out = NULL;
    struct so_audio *audio = so_calloc(1, sizeof *audio);
    if (!audio) {
        reader->close(reader);
        return so_fail_memory(err, sizeof *audio, "a recording");
    }
    audio->reader = reader;
    *out = audio;
    return SOTTO_OK;
}

static sotto_status check_options(const struct so_audio_options *options, sotto_error *err) {
    if (options->channel >= -1 && options->stream >= -1) return SOTTO_OK;
    return so_fail(err, SOTTO_ERR_ARGUMENT, "channels and streams are counted from 0, not %d",
                   options->channel < -1 ? options->channel : options->stream);
}

/** Takes `input` over. */
static sotto_status open_input(struct so_input *input, const struct so_audio_options *options, struct so_audio **out,
                               sotto_error *err) {
    struct so_reader *reader = NULL;
    sotto_status status = so_media_open(input, options, &reader, err);
    return status == SOTTO_OK ? so_audio_from_reader(reader, out, err) : status;
}

sotto_status so_audio_open(const char *path, const struct so_audio_options *options, struct so_audio **out,
                           sotto_error *err) {
    *out = NULL;
    struct so_input *input = NULL;
    sotto_status status = check_options(options, err);
    if (status == SOTTO_OK) status = so_input_open(path, &input, err);
    return status == SOTTO_OK ? open_input(input, options, out, err) : status;
}

sotto_status so_audio_open_fd(int fd, const char *label, const struct so_audio_options *options,
                              struct so_audio **out, sotto_error *err) {
    *out = NULL;
    struct so_input *input = NULL;
    sotto_status status = check_options(options, err);
    if (status == SOTTO_OK) status = so_input_fd(fd, label, &input, err);
    return status == SOTTO_OK ? open_input(input, options, out, err) : status;
}

/** Get the next block, and see to it that the resampler is the one for its rate or on its way out. */
static sotto_status next_block(struct so_audio *audio, sotto_error *err) {
    sotto_status status = audio->reader->next(audio->reader, &audio->block, err);
    if (status != SOTTO_OK) return status;
    audio->ended = audio->block.n == 0;
    audio->flushing = audio->resampler && (audio->ended || audio->block.rate != audio->rate);
    return SOTTO_OK;
}

static sotto_status prepare_resampler(struct so_audio *audio, sotto_error *err) {
    if (audio->resampler) return SOTTO_OK;
    audio->rate = audio->block.rate;
    return so_resampler_create(audio->rate, SOTTO_SAMPLE_RATE, &audio->resampler, err);
}

sotto_status so_audio_read(struct so_audio *audio, float *samples, size_t capacity, size_t *n,
                           sotto_error *err) {
    static const float nothing[1];
    size_t done = 0;
    *n = 0;
    while (done < capacity) {
        sotto_status status = SOTTO_OK;
        size_t got = 0;
        if (audio->resampler) {
            const float *in = audio->flushing ? NULL : audio->block.n ? audio->block.samples : nothing;
            size_t n_in = audio->flushing ? 0 : audio->block.n;
            status =
                so_resampler_process(audio->resampler, in, n_in, samples + done, capacity - done, &got, err);
            if (!audio->flushing) audio->block.n = 0;
            done += got;
        }
        if (status != SOTTO_OK) return status;
        if (got) continue;
        if (audio->flushing) {
            so_resampler_free(audio->resampler);
            audio->resampler = NULL;
            audio->flushing = false;
        }
        if (audio->block.n == 0) {
            if (audio->ended) break;
            status = next_block(audio, err);
        }
        if (status == SOTTO_OK && audio->block.n && !audio->flushing) status = prepare_resampler(audio, err);
        if (status != SOTTO_OK) return status;
    }
    *n = done;
    return SOTTO_OK;
}

double so_audio_duration_hint(const struct so_audio *audio) {
    return audio->reader->duration;
}

void so_audio_close(struct so_audio *audio) {
    if (!audio) return;
    audio->reader->close(audio->reader);
    so_resampler_free(audio->resampler);
    so_free(audio);
}
