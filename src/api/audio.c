#include "audio/audio.h"
#include "audio/reader.h"

#include "util/error.h"

/* The public handle is the audio handle itself under another name. */

static struct so_audio *audio_of(sotto_audio *handle) {
    return (struct so_audio *)handle;
}

sotto_status sotto_audio_open_fd(int fd, const char *label, bool common_only, sotto_audio **out,
                                 sotto_error *err) {
    so_error_clear(err);
    struct so_audio_options how = {.channel = -1, .stream = -1, .common = common_only};
    struct so_audio *audio = NULL;
    sotto_status status = so_audio_open_fd(fd, label ? label : "recording", &how, &audio, err);
    *out = (sotto_audio *)audio;
    return status;
}

sotto_status sotto_audio_open_device(const char *driver, const char *device, sotto_audio **out, sotto_error *err) {
    struct so_reader *reader;
    struct so_audio *audio = NULL;
    so_error_clear(err);
    *out = NULL;
    sotto_status status = so_media_open_device(driver, device, &reader, err);
    if (!status) status = so_audio_from_reader(reader, &audio, err);
    *out = (sotto_audio *)audio;
    return status;
}

double sotto_audio_duration(const sotto_audio *audio) {
    return so_audio_duration_hint((const struct so_audio *)audio);
}

sotto_status sotto_audio_read(sotto_audio *audio, float *samples, size_t capacity, size_t *n,
                              sotto_error *err) {
    so_error_clear(err);
    return so_audio_read(audio_of(audio), samples, capacity, n, err);
}

void sotto_audio_close(sotto_audio *audio) {
    so_audio_close(audio_of(audio));
}
