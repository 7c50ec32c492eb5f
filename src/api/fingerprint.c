#include "api/fingerprint.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/handle.h"
#include "model/file.h"
#include "model/hash.h"
#include "util/error.h"

static void add_text(struct so_hash *hash, const char *text) {
    so_hash_add(hash, text ? text : "\x01", (text ? strlen(text) : 1) + 1);
}

static void add_speakers(struct so_hash *hash, const sotto_options *o) {
    char line[128];
    if (!o->diarize) return;
    snprintf(line, sizeof line, "speakers %d %u %u %d %a", o->diarize_fast, o->min_speakers, o->max_speakers,
             o->voices, (double)o->people_threshold);
    add_text(hash, line);
    add_text(hash, o->speaker_model);
    for (size_t i = 0; o->people && i < sotto_people_count(o->people); i++) {
        sotto_person person = sotto_people_get(o->people, i);
        add_text(hash, person.name);
        so_hash_add(hash, person.voice, SOTTO_VOICE_SIZE * sizeof *person.voice);
    }
}

/** Names and voices, which speakers are recognised by. */
static void add_people(struct so_hash *hash, const sotto_people *people) {
    for (size_t i = 0; people && i < sotto_people_count(people); i++) {
        sotto_person person = sotto_people_get(people, i);
        add_text(hash, person.name);
        so_hash_add(hash, person.voice, SOTTO_VOICE_SIZE * sizeof *person.voice);
    }
}

/** Everything of the options that a result depends on; threads, batch size and device change nothing. */
static void add_options(struct so_hash *hash, const sotto_options *o) {
    char line[1024];
    snprintf(
        line, sizeof line, "%d %d %d %d %d %a %d %u %u %a %a %u %a %a %a %llu %d %d %d %d %a %a %a %a %d",
        (int)o->task, o->word_timestamps || o->diarize, o->no_word_snapping, o->no_timestamps,
        o->condition_on_previous, (double)o->language_floor, o->language_per_segment, o->beam_size,
        o->best_of, (double)o->patience, (double)o->length_penalty, o->n_temperatures,
        (double)o->compression_ratio_threshold, (double)o->logprob_threshold, (double)o->no_speech_threshold,
        (unsigned long long)o->seed, o->channel, o->stream, o->sequential, o->vad, (double)o->vad_threshold,
        o->vad_min_speech, o->vad_min_silence, o->vad_pad, SO_FINGERPRINT_VERSION);
    add_text(hash, line);
    snprintf(line, sizeof line, "%d %d %u %u %a %u", o->diarize, o->diarize_fast, o->min_speakers,
             o->max_speakers, (double)o->people_threshold, o->npu_force ? o->npu_kernel : 0);
    add_text(hash, line);
    add_text(hash, o->speaker_model);
    add_people(hash, o->people);
    so_hash_add(hash, o->temperatures, o->n_temperatures * sizeof *o->temperatures);
    add_text(hash, o->language && strcmp(o->language, "auto") != 0 ? o->language : NULL);
    add_text(hash, o->initial_prompt);
    add_text(hash, o->hotwords);
    add_speakers(hash, o);
}

sotto_status so_fingerprint(const struct sotto_model *model, const char *path, const sotto_options *options,
                            char out[33], sotto_error *err) {
    struct stat info;
    out[0] = '\0';
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISREG(info.st_mode)) return SOTTO_OK;
    struct so_hash *hash;
    uint8_t digest[SO_HASH_SIZE];
    sotto_status status = so_hash_create(&hash, err);
    if (status) return status;
    const int64_t identity[] = {(int64_t)info.st_size, (int64_t)info.st_mtim.tv_sec,
                                (int64_t)info.st_mtim.tv_nsec};
    so_hash_add(hash, identity, sizeof identity);
    const struct so_file_header *header = so_model_header(so_model_of(model));
    so_hash_add(hash, header->front_hash, sizeof header->front_hash);
    add_options(hash, options);
    so_hash_result(hash, digest);
    so_hash_free(hash);
    for (size_t i = 0; i < sizeof digest; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return SOTTO_OK;
}

sotto_status sotto_fingerprint(const sotto_model *model, const char *path, const sotto_options *options,
                               char out[33], sotto_error *err) {
    so_error_clear(err);
    out[0] = '\0';
    if (!model || !path || !options)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "no model, path or options were given");
    return so_fingerprint(model, path, options, out, err);
}
