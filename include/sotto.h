/**
 * sotto: speech to text with speakers.
 *
 * The only public header. All handles are opaque; all strings are UTF-8; all times are seconds from the
 * start of the recording. Functions that can fail return a sotto_status and, where `err` is not NULL, leave
 * one clear sentence in it. The library never prints, never exits and keeps no global state but the table of
 * what this CPU can do.
 *
 * Threads: one sotto_model may serve any number of threads at once. Calls that run at the same time, with the same number of
 * `threads`, share what computes: one step of the decoder serves the chunks of all of them, brief recordings (up to a minute, by
 * their own word) go before long ones, and each gets the very bits it would get alone. A sotto_result belongs to its caller.
 */
#ifndef SOTTO_H
#define SOTTO_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) || !defined(__GNUC__)
#define SOTTO_EXPORT
#else
#define SOTTO_EXPORT __attribute__((visibility("default")))
#endif

#define SOTTO_VERSION "0.1.0"
#define SOTTO_SAMPLE_RATE 16000

/* ---- errors ------------------------------------------------------------------------------------------- */

typedef enum sotto_status {
    SOTTO_OK = 0,
    SOTTO_ERR_ARGUMENT,    /**< a wrong option or argument: the caller's mistake */
    SOTTO_ERR_IO,          /**< a file cannot be opened, read or written */
    SOTTO_ERR_MEDIA,       /**< the recording is damaged, empty or not a recording */
    SOTTO_ERR_MODEL,       /**< the model is missing, damaged or of an unknown kind */
    SOTTO_ERR_MEMORY,      /**< out of memory, or a size over a limit */
    SOTTO_ERR_UNSUPPORTED, /**< understood, but not possible in this build or on this machine */
    SOTTO_ERR_DEVICE,      /**< the device asked for cannot be used */
    SOTTO_ERR_CANCELLED,   /**< the cancel callback said so; what was finished is in the result */
} sotto_status;

typedef struct sotto_error {
    sotto_status code;
    char message[512]; /**< one sentence, no newline, empty on success */
} sotto_error;

/* ---- models ------------------------------------------------------------------------------------------- */

typedef struct sotto_model sotto_model;

/**
 * Open a model: a path (it contains '/' or ends in ".sotto"), or a NAME that is looked up as NAME.sotto in
 * $SOTTO_MODELS or the user's cache folder ($XDG_CACHE_HOME/sotto, ~/.cache/sotto). The file is mapped, not read.
 */
SOTTO_EXPORT sotto_status sotto_model_open(const char *name_or_path, sotto_model **out, sotto_error *err);
SOTTO_EXPORT void sotto_model_close(sotto_model *model); /**< NULL is allowed; no call may be using it */

typedef struct sotto_model_info {
    const char *name;      /**< e.g. "base"; owned by the model */
    const char *precision; /**< "int8" or "f32" */
    uint32_t n_mels, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    uint32_t n_text_ctx, n_text_state, n_text_head, n_text_layer, n_vocab;
    bool multilingual;
    uint32_t n_languages; /**< that it can detect and be told; 0 for English-only models */
    uint32_t n_tensors, n_suppressed, n_alignment_heads;
    uint64_t file_size; /**< bytes */
    char hash[33];      /**< XXH3-128 of its tables and, through them, of the whole file: hexadecimal */
} sotto_model_info;

SOTTO_EXPORT void sotto_model_describe(const sotto_model *model, sotto_model_info *out);

/** Whether the whole file matches the hash in it. Files of speaker models are checked too. */
SOTTO_EXPORT sotto_status sotto_model_verify(const char *name_or_path, sotto_error *err);

typedef struct sotto_import_options {
    uint32_t version;  /**< set by sotto_import_options_init */
    bool f32;          /**< keep float32 weights instead of INT8: the baseline that accuracy is measured against */
    const char *name;  /**< the model's name inside the file; NULL: from the destination's file name */
    const char *vocab; /**< tokenizer.json or vocabulary file; NULL: beside the source */
    void *user;
    void (*on_progress)(void *user, size_t done, size_t total); /**< tensors; may be NULL */
    double *correlation; /**< set to that of the quantised encoder's states with those of the same weights in float32, on made-up
                              speech; not touched by imports in float32; NULL: not wanted */
    bool int4; /**< the layers' weights in INT4 (groups of 32 inputs): half the memory of INT8; Whisper base makes 1 to 2 points more word errors,
                  and more than 2 without a calibration */
    const char *calibration; /**< INT4: a recording of speech that guides the rounding; NULL: made-up speech */
} sotto_import_options;

/** A quantised Whisper model below this correlation is refused. */
#define SOTTO_LEAST_CORRELATION 0.99
#define SOTTO_LEAST_CORRELATION_INT4 0.9

SOTTO_EXPORT void sotto_import_options_init(sotto_import_options *options);

/** Read foreign weights (a file or a folder; the format is recognised), check, quantise and pack them into `destination`. */
SOTTO_EXPORT sotto_status sotto_model_import(const char *source, const char *destination, const sotto_import_options *options,
                                             sotto_error *err);

/** The path a model of this name has, whether the file exists or not. */
SOTTO_EXPORT sotto_status sotto_model_path(const char *name_or_path, bool f32, char *path, size_t size, sotto_error *err);

/* ---- results ------------------------------------------------------------------------------------------ */

typedef struct sotto_word {
    const char *text; /**< with its leading space, as in the segment's text */
    double start, end;
    float probability; /**< geometric mean of the probabilities of its tokens */
    int speaker;       /**< index into sotto_result.speakers, -1 if unknown */
    bool overlap;      /**< for half of its time or more somebody else speaks as well */
} sotto_word;

typedef struct sotto_segment {
    int id;
    double start, end;
    const char *text;
    const char *language; /**< code as "en", with `language_per_segment`; else NULL */
    const int32_t *tokens;
    size_t n_tokens;
    const float *token_logprobs; /**< [n_tokens], natural logarithm */
    float temperature, avg_logprob, compression_ratio, no_speech_prob;
    const sotto_word *words; /**< NULL unless asked for */
    size_t n_words;
    int speaker;  /**< -1 if unknown */
    bool overlap; /**< as in a word */
} sotto_segment;

typedef struct sotto_speaker {
    const char *id;     /**< "SPEAKER_00", .. by first turn; the name of whom the voice was recognised as */
    double seconds;     /**< how long this one speaks */
    bool known;         /**< the voice is one of sotto_options.people */
    float score;        /**< cosine with the voice it is most like of these, -1 to 1; 0 without any */
    const float *voice; /**< [SOTTO_VOICE_SIZE], unit length; NULL unless sotto_options.voices */
} sotto_speaker;

/** A stretch in which one speaker speaks. Turns of several speakers may overlap. */
typedef struct sotto_turn {
    double start, end;
    int speaker; /**< index into sotto_result.speakers */
} sotto_turn;

#define SOTTO_VOICE_SIZE 192

typedef struct sotto_timing { /* seconds of wall time */
    double load, audio, vad, features, encode, decode, diarize, total;
    double realtime_factor; /**< duration / total */
} sotto_timing;

/** Matrix products by who computed them; one that several calls shared counts in each of their results. */
typedef struct sotto_products {
    uint64_t cpu, npu;
} sotto_products;

/**
 * Matrix products by name, counted by the logical product: a layer's Q, K and V are three even where one
 * product computes them, and attention's are one for all heads of a layer. Whisper base has 36 of the encoder
 * and 12 cross keys and values in each window, and 48 of the decoder in each step.
 */
typedef struct sotto_product_counts {
    sotto_products encoder, cross, decoder; /**< linear layers: these are matmuls_cpu and matmuls_npu */
    sotto_products convolution;             /**< the encoder's second; the first is float and not counted */
    sotto_products qk, pv;                  /**< of the encoder's attention */
    sotto_products decoder_qk, decoder_pv;
    sotto_products logits;
} sotto_product_counts;

/** What a transcription or a stage of it took beside time; only where options.measure asked for it. */
typedef struct sotto_usage {
    bool measured;
    double energy;        /**< joules of the CPU packages, by their counters (RAPL); NaN: not readable */
    double npu_busy;      /**< seconds in which the device had a product under way, this transcription's or another's */
    uint64_t peak_memory; /**< bytes of the process at most meanwhile; 0: not known */
} sotto_usage;

typedef struct sotto_result {
    const char *text; /**< NULL where only speakers were asked for */
    const char *language;       /**< code as "en"; "" where no speech was found and no language was given */
    float language_probability; /**< 1 when the language was given */
    double duration;            /**< of the recording */
    const sotto_segment *segments;
    size_t n_segments;
    const sotto_speaker *speakers;
    size_t n_speakers;
    const sotto_turn *turns; /**< by start; NULL unless speakers were asked for */
    size_t n_turns;
    const char *model;
    const char *device_path;           /**< what really ran: "cpu", "xdna", "emulator" */
    uint64_t matmuls_cpu, matmuls_npu; /**< linear layers, by who computed them */
    uint64_t fallbacks;                /**< products that a device should have done and the CPU did */
    sotto_product_counts products;     /**< by name */
    uint64_t mismatches;  /**< products that the device got wrong meanwhile, for this call or another; the CPU did them again */
    uint64_t retries;     /**< times that a device which had failed was tried again meanwhile */
    int64_t npu_commands; /**< that the driver says it completed meanwhile for this process; -1: it does not say, or no device ran */
    bool lossy; /**< a tile kernel computed some of them: not what the CPU would have given */
    sotto_timing timing;
    sotto_usage usage, encoder_usage, decoder_usage; /**< the whole, and two parts of it */
} sotto_result;

SOTTO_EXPORT void sotto_result_free(sotto_result *result);

typedef enum sotto_format {
    SOTTO_FORMAT_TXT,
    SOTTO_FORMAT_JSON,
    SOTTO_FORMAT_SRT,
    SOTTO_FORMAT_VTT,
    SOTTO_FORMAT_TSV,
    SOTTO_FORMAT_RTTM
} sotto_format;

/** Render a result. `*text` is allocated with malloc and NUL-terminated; `name` is the recording's name (RTTM). */
SOTTO_EXPORT sotto_status sotto_result_format(const sotto_result *result, sotto_format format, const char *name,
                                              char **text, size_t *length, sotto_error *err);

/** How subtitles are shaped. Set to defaults with sotto_format_options_init, then change what is needed. */
typedef struct sotto_format_options {
    uint32_t version;         /**< set by sotto_format_options_init; do not change */
    uint32_t line_characters; /**< of one line at most, 8 to 1000 (default 42); wide characters (ideographs) count as two */
    uint32_t cue_lines;       /**< at most, 1 to 10 (default 2) */
    double cue_max_seconds;   /**< a cue of more than one word is not shown longer, 1 to 60 (default 7) */
    double cue_min_seconds;   /**< a cue is shown so long if the next one leaves time, 0 to cue_max_seconds (default 1) */
} sotto_format_options;

SOTTO_EXPORT void sotto_format_options_init(sotto_format_options *options);

/**
 * Render a result with shaped subtitles (SRT, VTT): lines and cues within the limits, no word divided, times from the words; where a
 * segment has none its time is divided by the width of its text. `options` NULL, and the other formats: as sotto_result_format.
 */
SOTTO_EXPORT sotto_status sotto_result_format_shaped(const sotto_result *result, sotto_format format, const char *name,
                                                     const sotto_format_options *options, char **text, size_t *length, sotto_error *err);

/* ---- transcription ------------------------------------------------------------------------------------ */

typedef enum sotto_task { SOTTO_TRANSCRIBE, SOTTO_TRANSLATE } sotto_task;
typedef enum sotto_device { SOTTO_DEVICE_AUTO, SOTTO_DEVICE_CPU, SOTTO_DEVICE_XDNA, SOTTO_DEVICE_EMULATOR } sotto_device;
typedef enum sotto_log_level { SOTTO_LOG_ERROR, SOTTO_LOG_WARNING, SOTTO_LOG_INFO, SOTTO_LOG_DEBUG } sotto_log_level;

/** Set to defaults with sotto_options_init, then change what is needed. Strings are borrowed for the call. */
typedef struct sotto_options {
    uint32_t version;     /**< set by sotto_options_init; do not change */
    const char *language; /**< NULL or "auto": detect; else a code ("en") or an English name ("english") */
    /**
     * Detection is a vote of the first chunks (4; one window with `sequential`). A vote below the floor is not sure: the best guess
     * is used and a warning logged; `sequential` asks the next windows, up to 4, too. 0 to 1 (default 0.5); 0: always sure.
     */
    float language_floor;
    bool language_per_segment; /**< ask each chunk by itself; one that is not sure takes the recording's language. `language` may be given for those */
    sotto_task task;
    bool word_timestamps;         /**< a start, an end and a probability for each word */
    bool no_word_snapping;        /**< leave words' edges where the attention puts them, not where the sound begins and ends */
    bool no_timestamps;           /**< decode without timestamp tokens */
    bool condition_on_previous;   /**< feed the text of earlier windows into later ones (default off) */
    /**
     * Text that could stand before, and words to expect, separated by commas; NULL: none. Both are shown to every chunk (`sequential`:
     * the prompt to the first window only). Together they have half the text context less one (223 tokens), hot words at
     * most half of that: later hot words and the prompt's beginning are left out where there is no room, and a warning logged.
     */
    const char *initial_prompt;
    const char *hotwords;
    uint32_t beam_size;           /**< 1: greedy (default) */
    uint32_t best_of;             /**< samples drawn when the temperature is above 0 (default 5) */
    float patience;               /**< beam search patience (default 1) */
    float length_penalty;         /**< alpha of Google NMT's length penalty; negative: mean log-probability */
    float temperatures[8];        /**< tried in order (default 0, 0.2, .. 1.0) */
    uint32_t n_temperatures;
    float compression_ratio_threshold; /**< default 2.4; NaN: off */
    float logprob_threshold;           /**< default -1.0; NaN: off */
    float no_speech_threshold;         /**< default 0.6; NaN: off */
    uint64_t seed;                     /**< of the sampling generator */
    int channel;                       /**< -1: mix all channels down; else take this one, from 0 */
    int stream;                        /**< -1: the best audio stream; else this one, from 0 among audio streams */
    double max_duration;               /**< refuse (0: no limit) recordings longer than this */
    uint32_t threads;                  /**< 0: one for each core this process may use */
    sotto_device device;               /**< INT8 products on the CPU or an NPU; AUTO: NPU_MATMUL_ENABLED=1 asks for the NPU */
    bool npu_all;                      /**< also the decoder's steps, which the CPU does faster */
    uint32_t npu_kernel;               /**< 0: gemm, exact; 16, 32, 64: a tile kernel, lossy and slow, which needs npu_force */
    bool measure;                      /**< fill in the result's usage: reads counters of the kernel at each stage */
    bool npu_force;                    /**< use a tile kernel all the same; the result says lossy */
    bool npu_attention;                /**< also the products of the encoder's attention */
    bool sequential;     /**< classic windows that advance by the last timestamp, without speech detection */
    bool vad;            /**< skip what is not speech (default); not with `sequential` or `condition_on_previous` */
    float vad_threshold;     /**< probability of speech at which it begins, above 0, below 1 (default 0.25); it ends 0.15 lower */
    double vad_min_speech;   /**< shorter speech is dropped: seconds, 0 to 2 (default 0.09) */
    double vad_min_silence;  /**< shorter silence does not part speech: seconds, 0 to 2 (default 0.16) */
    double vad_pad;          /**< kept on both sides of speech: seconds, 0 to 2 (default 1) */
    bool full_context;   /**< encode chunks of up to 12 s as windows of 30 s, too: slower, and for base not better */
    uint32_t batch_size; /**< chunks of speech decoded side by side, 1 to 64 (default 8); changes no result */

    /**
     * A file that keeps what is finished while the call runs, chunk by chunk; NULL: none. It is left where the call ends early and
     * removed by the caller when he has no more use for it. With `resume` a journal there of the same recording, model and options
     * (sotto_fingerprint) is gone on with: its segments are given to on_segment again and its chunks are not decoded again; any other
     * is begun anew. Only files can be gone on with, and not with `condition_on_previous`.
     */
    const char *journal;
    bool resume;

    bool diarize;                      /**< who speaks: speakers and turns, and the speaker of each segment and word; implies word_timestamps */
    bool diarize_fast;                 /**< look every two seconds, not every one */
    uint32_t min_speakers, max_speakers; /**< 0: as many as there seem to be */
    bool voices;                       /**< put each speaker's voice into the result */
    const char *speaker_model;         /**< name or path; NULL: "speakers" */
    const struct sotto_people *people; /**< voices to recognise, NULL: none */
    float people_threshold;            /**< cosine from which a voice is recognised (default 0.4) */

    /* Callbacks run on the calling thread, in order. Any may be NULL. With `diarize` segments come at the end. */
    void *user;
    void (*on_segment)(void *user, const sotto_segment *segment); /**< the segment lives for the call only */
    void (*on_progress)(void *user, double done, double total);   /**< seconds; total 0 while unknown */
    void (*on_log)(void *user, sotto_log_level level, const char *message);
    /** true: begin nothing new, finish the chunks in work (a few seconds of computing) and return SOTTO_ERR_CANCELLED with what is done */
    bool (*cancel)(void *user);
    bool cancel_at_once; /**< a cancelled call drops the chunks in work in place of finishing them */
} sotto_options;

SOTTO_EXPORT void sotto_options_init(sotto_options *options);

/**
 * Whether these options make sense, for this model or (NULL) as far as that can be said without one. The functions
 * below check by themselves; this is for a program that wants to complain before it starts.
 */
SOTTO_EXPORT sotto_status sotto_options_check(const sotto_model *model, const sotto_options *options, sotto_error *err);

/**
 * Transcribe a media file ("-": standard input). On SOTTO_OK and on SOTTO_ERR_CANCELLED `*out` is a result
 * that the caller frees with sotto_result_free; otherwise it is NULL.
 */
SOTTO_EXPORT sotto_status sotto_transcribe_file(const sotto_model *model, const char *path, const sotto_options *options,
                                                sotto_result **out, sotto_error *err);

/** The same for samples in memory: mono, 16 kHz, nominal range [-1, 1]; not finite values count as 0. */
SOTTO_EXPORT sotto_status sotto_transcribe_pcm(const sotto_model *model, const float *samples, size_t n_samples,
                                               const sotto_options *options, sotto_result **out, sotto_error *err);

/**
 * Where samples come from: up to `capacity` of them (at least 1), mono, 16 kHz; *n is 0 only at the end. Called by one
 * thread at a time, which with more than one thread is not the calling one: reading goes on while speech is recognised. A status other than SOTTO_OK ends the transcription with that status and error.
 */
typedef sotto_status (*sotto_read)(void *user, float *samples, size_t capacity, size_t *n, sotto_error *err);

/** The same for samples that come piece by piece: memory does not grow with their number. `duration` (seconds, 0: unknown) is for progress only. */
SOTTO_EXPORT sotto_status sotto_transcribe_stream(const sotto_model *model, sotto_read read, void *user, double duration,
                                                  const sotto_options *options, sotto_result **out, sotto_error *err);

/* ---- while somebody speaks ---------------------------------------------------------------------------- */

typedef struct sotto_live_options {
    uint32_t version; /**< set by sotto_live_options_init; do not change */
    double step;      /**< seconds of new sound after which it is heard again, 0.2 to 10 (default 1) */
} sotto_live_options;

SOTTO_EXPORT void sotto_live_options_init(sotto_live_options *options);

/** What is known after one more pass over the sound; strings live for the call only. */
typedef struct sotto_live_text {
    const char *confirmed; /**< text that follows all that was confirmed before and is never taken back; "": none this time */
    const char *partial;   /**< what seems to follow and may still change; each call replaces it */
    double start, end;     /**< seconds of the stream: where `confirmed` begins, and up to where everything is confirmed */
    double heard;          /**< seconds of the stream so far; heard - end + pass_seconds is how far the text is behind */
    double pass_seconds;   /**< of wall time that the pass took */
    bool last;             /**< the stream has ended: all is confirmed */
} sotto_live_text;

typedef void (*sotto_live_callback)(void *user, const sotto_live_text *text);

typedef struct sotto_live sotto_live; /**< one stream, for one thread at a time */

/**
 * Begin a stream. Text is confirmed when two passes over the same sound agree on it. Of `options` (NULL: the defaults) language, task,
 * prompt, hot words, search and speech detection count; strings are borrowed until sotto_live_close. At most 30 s of sound
 * are kept, and the threads and buffers that passes need, about as much as one transcription. how: NULL for the defaults. Close it before
 * the model.
 */
SOTTO_EXPORT sotto_status sotto_live_open(const sotto_model *model, const sotto_live_options *how, const sotto_options *options,
                                          sotto_live_callback callback, void *user, sotto_live **out, sotto_error *err);

/** More samples (mono, 16 kHz). Every `step` seconds they are heard, which takes a while; the callback runs before this returns. */
SOTTO_EXPORT sotto_status sotto_live_push(sotto_live *live, const float *samples, size_t n_samples, sotto_error *err);

/** The end: what is left is confirmed. */
SOTTO_EXPORT sotto_status sotto_live_finish(sotto_live *live, sotto_error *err);
SOTTO_EXPORT void sotto_live_close(sotto_live *live); /**< NULL is allowed */

/* ---- speakers ----------------------------------------------------------------------------------------- */

/**
 * Who speaks when, without the text. Of the options count those of input, speakers, threads and callbacks (but on_segment);
 * `diarize` need not be set. The result has no segments. RTTM and JSON are the formats it can be written in.
 */
SOTTO_EXPORT sotto_status sotto_diarize_file(const char *path, const sotto_options *options, sotto_result **out, sotto_error *err);
SOTTO_EXPORT sotto_status sotto_diarize_pcm(const float *samples, size_t n_samples, const sotto_options *options,
                                            sotto_result **out, sotto_error *err);

/** Names and voices: a set in memory that can be kept in a file (JSON), which several recordings share. */
typedef struct sotto_people sotto_people;

/** From a file; an empty set if there is none of this name, or path is NULL. */
SOTTO_EXPORT sotto_status sotto_people_open(const char *path, sotto_people **out, sotto_error *err);
SOTTO_EXPORT void sotto_people_free(sotto_people *people); /**< NULL is allowed; no call may be using it */

/** The file that is used by default: speakers.json in $XDG_DATA_HOME/sotto or ~/.local/share/sotto. */
SOTTO_EXPORT sotto_status sotto_people_path(char *path, size_t size, sotto_error *err);

/** Write the set to a file, whole or not at all. Folders that are missing are made. */
SOTTO_EXPORT sotto_status sotto_people_save(const sotto_people *people, const char *path, sotto_error *err);

/**
 * Add the voice of a recording: of the one who speaks longest in it, SOTTO_ERR_MEDIA if there is less than a second of one speaker
 * alone. A name that is there already gets the mean of all its recordings. options: as in sotto_diarize_file, NULL: defaults.
 */
SOTTO_EXPORT sotto_status sotto_people_enroll(sotto_people *people, const char *name, const char *path, const sotto_options *options,
                                              sotto_error *err);

/** The same for samples in memory: mono, 16 kHz. */
SOTTO_EXPORT sotto_status sotto_people_enroll_pcm(sotto_people *people, const char *name, const float *samples, size_t n_samples,
                                                  const sotto_options *options, sotto_error *err);

/** Forget a name; SOTTO_ERR_ARGUMENT if it is not there. */
SOTTO_EXPORT sotto_status sotto_people_remove(sotto_people *people, const char *name, sotto_error *err);

typedef struct sotto_person {
    const char *name;     /**< owned by the set, until it changes */
    uint32_t recordings;  /**< that the voice is the mean of */
    double seconds;       /**< of speech in them */
    const float *voice;   /**< [SOTTO_VOICE_SIZE], unit length */
} sotto_person;

SOTTO_EXPORT size_t sotto_people_count(const sotto_people *people);
SOTTO_EXPORT sotto_person sotto_people_get(const sotto_people *people, size_t index); /**< by name; index < count */

/** Where somebody speaks, frame by frame, in a stream: for programs that divide speech into turns themselves. */
typedef struct sotto_detector sotto_detector;

#define SOTTO_DETECTOR_FRAME 512 /**< samples of a frame: 32 ms */

/** A stream at its start. The model must outlive it. Where the model folder has no detector every frame counts as speech. */
SOTTO_EXPORT sotto_status sotto_detector_open(const sotto_model *model, sotto_detector **out, sotto_error *err);

/** The probability, 0 to 1, that there is speech in the next frame. samples: [SOTTO_DETECTOR_FRAME], mono, 16 kHz. */
SOTTO_EXPORT float sotto_detector_frame(sotto_detector *detector, const float *samples);
SOTTO_EXPORT void sotto_detector_close(sotto_detector *detector); /**< NULL is allowed */

/* ---- samples ------------------------------------------------------------------------------------------ */

/** Samples of a recording without their transcription, for programs that decode media apart from the rest. */
typedef struct sotto_audio sotto_audio;

/**
 * Open a recording by its descriptor (borrowed until sotto_audio_close; a regular file can be of any format, from a pipe some
 * cannot be read). `label` names it in messages. `common_only`: refuse, before any decoder sees them, formats and codecs that are not
 * on a short list of those people have (WAV, MP3, MP4, Matroska, Ogg, FLAC, .. with their usual codecs).
 */
SOTTO_EXPORT sotto_status sotto_audio_open_fd(int fd, const char *label, bool common_only, sotto_audio **out, sotto_error *err);

/**
 * Open a microphone by FFmpeg's devices: `driver` as "alsa" or "pulse" (NULL: the first that works), `device` as the driver names it (NULL:
 * "default"). SOTTO_ERR_UNSUPPORTED where libavdevice or the driver is missing, SOTTO_ERR_DEVICE where the device cannot be opened.
 */
SOTTO_EXPORT sotto_status sotto_audio_open_device(const char *driver, const char *device, sotto_audio **out, sotto_error *err);
SOTTO_EXPORT double sotto_audio_duration(const sotto_audio *audio); /**< seconds by the file's own word, 0: unknown */
SOTTO_EXPORT sotto_status sotto_audio_read(sotto_audio *audio, float *samples, size_t capacity, size_t *n, sotto_error *err);
SOTTO_EXPORT void sotto_audio_close(sotto_audio *audio); /**< NULL is allowed */

/** A stream of samples of another rate (1,000 to 768,000 Hz) made one of 16 kHz. */
typedef struct sotto_resampler sotto_resampler;

SOTTO_EXPORT sotto_status sotto_resampler_open(uint32_t rate, sotto_resampler **out, sotto_error *err);

/**
 * Feed n_in samples (in NULL: the stream's end) and take up to `capacity`; call again with n_in 0 and `in` not NULL until *n_out is 0. The
 * output does not depend on how the input is cut.
 */
SOTTO_EXPORT sotto_status sotto_resampler_run(sotto_resampler *resampler, const float *in, size_t n_in, float *out, size_t capacity,
                                              size_t *n_out, sotto_error *err);
SOTTO_EXPORT void sotto_resampler_close(sotto_resampler *resampler); /**< NULL is allowed */

/**
 * 32 hexadecimal digits that change whenever a transcript could: with the recording (by its size and the time it was changed), the model and
 * the options that results depend on. out: "" if `path` is no regular file.
 */
SOTTO_EXPORT sotto_status sotto_fingerprint(const sotto_model *model, const char *path, const sotto_options *options, char out[33],
                                            sotto_error *err);

/** Language code by index, NULL past the end. Order of Whisper's language tokens. */
SOTTO_EXPORT const char *sotto_language(size_t index);

/** English name ("german") of a language code; NULL for an unknown one. */
SOTTO_EXPORT const char *sotto_language_name(const char *code);

/** The level of vector instructions in use: "ref", "avx2", "avxvnni", "avx512", "neon", "dotprod". */
SOTTO_EXPORT const char *sotto_cpu_level(void);

#ifdef __cplusplus
}
#endif
#endif
