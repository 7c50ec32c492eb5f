/**
 * Any container and codec by FFmpeg's libraries (5.1 and later). They get bytes from our descriptor alone: no
 * protocol is reachable, and a file that refers to others (playlists, external tracks) is refused.
 */
#include "audio/reader.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>

#include "audio/common.h"
#include "audio/device.h"
#include "audio/sample.h"
#include "util/memory.h"

#define IO_BUFFER 65536
#define MAX_FRAME_SAMPLES (1 << 22) /**< of one decoded frame: 87 s at 48 kHz; no codec comes near */
#define MAX_DAMAGED_IN_ROW 1000     /**< packets skipped before the file is given up: some 20 s of MP3 */
#define MAX_RETRIES 100             /**< of a demuxer that has nothing to say yet */

struct media {
    struct so_reader reader; /* first: the vtable */
    struct so_input *input;
    int channel;
    AVFormatContext *format;
    AVIOContext *io;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    bool common;   /**< only formats and codecs of audio/common.h */
    bool refused;  /**< the file wanted another one opened */
    bool draining; /**< the end of the file was passed on to the decoder */
    bool decoded;  /**< at least one sample came out */
    unsigned damaged_in_row;
    uint64_t damaged;
    float *mono; /**< [capacity] */
    size_t capacity;
};

static int read_bytes(void *opaque, uint8_t *buffer, int size) {
    struct media *media = opaque;
    int64_t got = so_input_read_some(media->input, buffer, (size_t)size);
    if (got < 0) return AVERROR(media->input->error);
    return got == 0 ? AVERROR_EOF : (int)got;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence) {
    struct media *media = opaque;
    struct so_input *input = media->input;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE) return (int64_t)input->size;
    int64_t base = whence == SEEK_CUR   ? (int64_t)input->position
                   : whence == SEEK_END ? (int64_t)input->size
                                        : 0;
    if ((offset > 0 && base > INT64_MAX - offset) || base + offset < 0) return AVERROR(EINVAL);
    return so_input_seek(input, (uint64_t)(base + offset)) ? base + offset : AVERROR(EIO);
}

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options) {
    (void)url, (void)flags, (void)options;
    *io = NULL;
    ((struct media *)format->opaque)->refused = true;
    return AVERROR(EPERM);
}

static void media_close(struct so_reader *reader) {
    struct media *media = (struct media *)reader;
    av_frame_free(&media->frame);
    av_packet_free(&media->packet);
    avcodec_free_context(&media->codec);
    avformat_close_input(&media->format);
    if (media->io) av_freep(&media->io->buffer);
    avio_context_free(&media->io);
    so_input_close(media->input);
    so_free(media->mono);
    so_free(media);
}

/**
 * Why the container, recognised as `kind` or not at all (NULL), could not be opened: what helps the user
 * most comes first.
 */
static sotto_status explain_open(const struct media *media, const AVInputFormat *kind, int code,
                                 sotto_error *err) {
    const struct so_input *input = media->input;
    if (input->error)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", input->name, strerror(input->error));
    if (input->furthest == 0) return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is empty", input->name);
    if (media->refused)
        return so_fail(err, SOTTO_ERR_MEDIA,
                       "'%s' refers to other files or addresses, which are never followed", input->name);
    if (code == AVERROR(ENOMEM))
        return so_fail(err, SOTTO_ERR_MEMORY, "out of memory while opening '%s'", input->name);
    if (!kind)
        return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is not a recording of any known format", input->name);
    if (!input->seekable)
        return so_fail(
            err, SOTTO_ERR_MEDIA,
            "'%s' (format %s) is damaged, cut short, or laid out so that it cannot be read from a pipe",
            input->name, kind->name);
    return so_fail(err, SOTTO_ERR_MEDIA, "'%s' (format %s) is damaged or cut short", input->name, kind->name);
}

/**
 * Whether a format consists of references to other files: what io_open refuses anyway gets a better message
 * here.
 */
static bool refers_elsewhere(const AVInputFormat *kind) {
    static const char *const names[] = {"hls", "dash", "concat", "imf", "sdp", "rtp", "rtsp", "sap"};
    for (size_t i = 0; i < SO_COUNT(names); i++)
        if (av_match_name(names[i], kind->name)) return true;
    return (kind->flags & AVFMT_NOFILE) != 0;
}

/**
 * MP4 and its kin mostly keep the index that says where everything is at their end, which from a pipe is too
 * late: such a pipe is stored first.
 */
static sotto_status store_if_needed(struct so_input *input, sotto_error *err) {
    uint8_t head[SO_INPUT_PEEK];
    if (input->seekable || so_input_peek(input, head) < 8 || memcmp(head + 4, "ftyp", 4) != 0)
        return SOTTO_OK;
    return so_input_spool(input, err);
}

static sotto_status open_container(struct media *media, sotto_error *err) {
    uint8_t *buffer = av_malloc(IO_BUFFER);
    if (!buffer) return so_fail_memory(err, IO_BUFFER, "reading a recording");
    media->io = avio_alloc_context(buffer, IO_BUFFER, 0, media, read_bytes, NULL,
                                   media->input->seekable ? seek_bytes : NULL);
    if (!media->io) {
        av_free(buffer);
        return so_fail_memory(err, sizeof *media->io, "reading a recording");
    }
    media->format = avformat_alloc_context();
    if (!media->format) return so_fail_memory(err, sizeof *media->format, "reading a recording");
    media->format->pb = media->io;
    /* pb is ours to close, even if it never gets to open the container */
    media->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    media->format->opaque = media;
    media->format->io_open = refuse_open;
    /* Belt and braces: the list of what may be opened is empty. */
    media->format->protocol_whitelist = av_strdup("");
    if (!media->format->protocol_whitelist) return so_fail_memory(err, 1, "reading a recording");

    /* No name is passed on: what a file is called must not decide what it is. */
    const AVInputFormat *kind = NULL;
    int code = av_probe_input_buffer2(media->io, &kind, "", NULL, 0, 0);
    if (code < 0 || !kind) return explain_open(media, NULL, code, err);
    media->refused = refers_elsewhere(kind);
    if (media->refused) return explain_open(media, kind, code, err);
    if (media->common) {
        if (av_match_list(kind->name, SO_COMMON_FORMATS, ',') <= 0)
            return so_fail(err, SOTTO_ERR_UNSUPPORTED, "'%s' is of the format %s, which is not accepted here",
                           media->input->name, kind->name);
        media->format->codec_whitelist = av_strdup(SO_COMMON_CODECS);
        if (!media->format->codec_whitelist) return so_fail_memory(err, 1, "reading a recording");
    }
    code = avformat_open_input(&media->format, "", kind, NULL);
    if (code < 0) return explain_open(media, kind, code, err);
    code = avformat_find_stream_info(media->format, NULL);
    if (code < 0) return explain_open(media, kind, code, err);
    return SOTTO_OK;
}

/** The chosen audio stream's index into media->stream. */
static sotto_status choose_stream(struct media *media, int wanted, sotto_error *err) {
    AVFormatContext *format = media->format;
    const char *name = media->input->name;
    int count = 0;
    media->stream = -1;
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
            if (count == wanted) media->stream = (int)i;
            count++;
        }
    if (count == 0) {
        if (format->nb_streams == 0) return explain_open(media, format->iformat, AVERROR_INVALIDDATA, err);
        return so_fail(err, SOTTO_ERR_MEDIA, "'%s' has no sound: none of its %u streams is audio", name,
                       format->nb_streams);
    }
    if (wanted >= 0 && media->stream < 0)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "'%s' has no audio stream %d: it has %d, counted from 0",
                       name, wanted, count);
    if (wanted < 0) media->stream = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (media->stream < 0)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "no audio stream of '%s' can be decoded", name);
    for (unsigned i = 0; i < format->nb_streams; i++)
        if ((int)i != media->stream) format->streams[i]->discard = AVDISCARD_ALL;
    return SOTTO_OK;
}

static sotto_status open_decoder(struct media *media, sotto_error *err) {
    const AVStream *stream = media->format->streams[media->stream];
    const char *name = media->input->name;
    const AVCodec *decoder = avcodec_find_decoder(stream->codecpar->codec_id);
    if (!decoder)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                       "'%s' has sound in the format %s, which cannot be decoded here", name,
                       avcodec_get_name(stream->codecpar->codec_id));
    if (media->common && !av_match_name(decoder->name, SO_COMMON_CODECS))
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "'%s' has sound in the format %s, which is not accepted here",
                       name, decoder->name);
    media->codec = avcodec_alloc_context3(decoder);
    media->packet = av_packet_alloc();
    media->frame = av_frame_alloc();
    if (!media->codec || !media->packet || !media->frame)
        return so_fail_memory(err, sizeof *media->codec, "decoding a recording");
    if (avcodec_parameters_to_context(media->codec, stream->codecpar) < 0)
        return so_fail(err, SOTTO_ERR_MEDIA, "the audio stream of '%s' is damaged", name);
    media->codec->pkt_timebase = stream->time_base; /* for the samples that a container says to skip */
    media->codec->max_samples = MAX_FRAME_SAMPLES;
    if (avcodec_open2(media->codec, decoder, NULL) < 0)
        return so_fail(err, SOTTO_ERR_MEDIA, "the %s sound of '%s' cannot be decoded: its header is damaged",
                       avcodec_get_name(stream->codecpar->codec_id), name);
    return SOTTO_OK;
}

static double duration_hint(const struct media *media) {
    const AVFormatContext *format = media->format;
    const AVStream *stream = format->streams[media->stream];
    const AVCodecParameters *p = stream->codecpar;
    double seconds = 0;
    if (stream->duration != AV_NOPTS_VALUE && stream->time_base.den > 0)
        seconds = (double)stream->duration * stream->time_base.num / stream->time_base.den;
    else if (format->duration != AV_NOPTS_VALUE)
        seconds = (double)format->duration / AV_TIME_BASE;
    /* Samples that are stored as they are take room: a header may claim no more seconds than the file has. */
    double bits =
        (double)av_get_exact_bits_per_sample(p->codec_id) * p->sample_rate * p->ch_layout.nb_channels;
    if (bits > 0 && media->input->size) {
        double room = (double)media->input->size * 8 / bits;
        if (seconds > room) seconds = room;
    }
    return seconds > 0 ? seconds : 0;
}

static bool sample_format(int format, enum so_sample_format *out) {
    switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
        *out = SO_SAMPLE_U8;
        return true;
    case AV_SAMPLE_FMT_S16:
        *out = SO_SAMPLE_S16;
        return true;
    case AV_SAMPLE_FMT_S32:
        *out = SO_SAMPLE_S32;
        return true;
    case AV_SAMPLE_FMT_S64:
        *out = SO_SAMPLE_S64;
        return true;
    case AV_SAMPLE_FMT_FLT:
        *out = SO_SAMPLE_F32;
        return true;
    case AV_SAMPLE_FMT_DBL:
        *out = SO_SAMPLE_F64;
        return true;
    default:
        return false;
    }
}

/** The decoded frame, mixed down, as a block. */
static sotto_status take_frame(struct media *media, struct so_block *block, sotto_error *err) {
    const AVFrame *frame = media->frame;
    int channels = frame->ch_layout.nb_channels;
    enum so_sample_format format;
    sotto_status status = so_check_layout(media->input->name, frame->sample_rate, channels, err);
    if (status == SOTTO_OK && !media->decoded)
        status = so_check_channel(media->input->name, media->channel, channels, err);
    if (status != SOTTO_OK) return status;
    if (!sample_format(frame->format, &format))
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "'%s' decodes to samples of an unknown kind",
                       media->input->name);

    size_t n = (size_t)frame->nb_samples, bytes = so_sample_bytes(format), step = bytes;
    const uint8_t *planes[SO_AUDIO_MAX_CHANNELS];
    bool planar = av_sample_fmt_is_planar(frame->format);
    for (int c = 0; c < channels; c++)
        planes[c] = planar ? frame->extended_data[c] : frame->data[0] + (size_t)c * bytes;
    if (!planar) step *= (size_t)channels;
    if (n > media->capacity) {
        so_free(media->mono);
        media->mono = so_alloc(n, sizeof(float));
        media->capacity = media->mono ? n : 0;
        if (!media->mono) return so_fail_memory(err, n * sizeof(float), "decoded samples");
    }
    so_sample_mix(format, planes, (size_t)channels, step, media->channel, n, media->mono);
    *block = (struct so_block){.samples = media->mono, .n = n, .rate = (uint32_t)frame->sample_rate};
    media->decoded = true;
    media->damaged_in_row = 0;
    return SOTTO_OK;
}

/** Count a packet that did not decode; an error once it is clear that no more will come of this file. */
static sotto_status skip_damaged(struct media *media, int code, sotto_error *err) {
    if (code == AVERROR(ENOMEM))
        return so_fail(err, SOTTO_ERR_MEMORY, "out of memory while decoding '%s'", media->input->name);
    media->damaged++;
    if (++media->damaged_in_row < MAX_DAMAGED_IN_ROW) return SOTTO_OK;
    return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is damaged: %d packets in a row cannot be decoded",
                   media->input->name, MAX_DAMAGED_IN_ROW);
}

/** Give the decoder one more packet of our stream, or the news that there are none. */
static sotto_status feed(struct media *media, sotto_error *err) {
    int code = 0;
    for (int tries = 0;;) {
        code = av_read_frame(media->format, media->packet);
        if (code == AVERROR(EAGAIN) && ++tries < MAX_RETRIES) continue;
        if (code < 0) break;
        if (media->packet->stream_index == media->stream) break;
        av_packet_unref(media->packet);
    }
    if (code < 0) { /* a file cut short ends here too: what was read of it counts */
        if (media->input->error)
            return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", media->input->name,
                           strerror(media->input->error));
        media->draining = true;
        avcodec_send_packet(media->codec, NULL);
        return SOTTO_OK;
    }
    code = avcodec_send_packet(media->codec, media->packet);
    av_packet_unref(media->packet);
    return code < 0 && code != AVERROR_EOF ? skip_damaged(media, code, err) : SOTTO_OK;
}

static sotto_status media_next(struct so_reader *reader, struct so_block *block, sotto_error *err) {
    struct media *media = (struct media *)reader;
    sotto_status status = SOTTO_OK;
    *block = (struct so_block){0};
    while (status == SOTTO_OK) {
        int code = avcodec_receive_frame(media->codec, media->frame);
        if (code == 0) {
            if (media->frame->nb_samples <= 0) continue;
            return take_frame(media, block, err);
        }
        if (code == AVERROR_EOF || (code == AVERROR(EAGAIN) && media->draining)) {
            if (!media->decoded && media->damaged)
                return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is damaged: none of its sound can be decoded",
                               media->input->name);
            if (!media->decoded && !media->input->seekable)
                return so_fail(err, SOTTO_ERR_MEDIA,
                               "'%s' is without sound, or laid out so that it cannot be read from a pipe",
                               media->input->name);
            return SOTTO_OK;
        }
        status = code == AVERROR(EAGAIN) ? feed(media, err) : skip_damaged(media, code, err);
    }
    return status;
}

/** All but the container, which is open. */
static sotto_status open_sound(struct media *media, int stream, sotto_error *err) {
    sotto_status status = choose_stream(media, stream, err);
    if (status == SOTTO_OK) status = open_decoder(media, err);
    if (status == SOTTO_OK && media->codec->ch_layout.nb_channels > 0)
        status = so_check_channel(media->input->name, media->channel, media->codec->ch_layout.nb_channels, err);
    return status;
}

static sotto_status open_device(struct media *media, const char *driver, const char *device, sotto_error *err) {
    const AVInputFormat *kind = av_find_input_format(driver);
    if (!kind || !(kind->flags & AVFMT_NOFILE))
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "FFmpeg's devices on this machine have no driver named '%.40s'", driver);
    int code = avformat_open_input(&media->format, device, kind, NULL);
    if (code >= 0) code = avformat_find_stream_info(media->format, NULL);
    if (code >= 0) return SOTTO_OK;
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, reason, sizeof reason);
    return so_fail(err, SOTTO_ERR_DEVICE, "the microphone '%.80s' of %.40s cannot be opened: %s", device, driver, reason);
}

static sotto_status open_microphone(const char *driver, const char *device, struct so_reader **out, sotto_error *err) {
    struct so_input *input;
    sotto_status status = so_input_memory("", 0, "the microphone", &input, err);
    if (status) return status;
    struct media *media = so_calloc(1, sizeof *media);
    if (!media) {
        so_input_close(input);
        return so_fail_memory(err, sizeof *media, "a microphone");
    }
    media->reader = (struct so_reader){.next = media_next, .close = media_close};
    media->input = input;
    media->channel = -1;
    status = open_device(media, driver, device, err);
    if (!status) status = open_sound(media, -1, err);
    if (status) media_close(&media->reader);
    else *out = &media->reader;
    return status;
}

sotto_status so_media_open_device(const char *driver, const char *device, struct so_reader **out, sotto_error *err) {
    static const char *const usual[] = {"pulse", "alsa"};
    *out = NULL;
    if (av_log_get_level() == AV_LOG_INFO) av_log_set_level(AV_LOG_QUIET);
    sotto_status status = so_devices_register(err);
    if (status || driver) return status ? status : open_microphone(driver, device ? device : "default", out, err);
    for (size_t i = 0; i < SO_COUNT(usual) && !*out; i++) status = open_microphone(usual[i], device ? device : "default", out, err);
    if (!status) so_error_clear(err);
    return status;
}

sotto_status so_media_open(struct so_input *input, const struct so_audio_options *options,
                           struct so_reader **out, sotto_error *err) {
    *out = NULL;
    struct media *media = so_calloc(1, sizeof *media);
    if (!media) {
        so_input_close(input);
        return so_fail_memory(err, sizeof *media, "reading a recording");
    }
    media->reader = (struct so_reader){.next = media_next, .close = media_close};
    media->input = input;
    media->channel = options->channel;
    media->common = options->common;
    /* FFmpeg would write to stderr, which is not ours. A program that has chosen a level of its own keeps it.
     */
    if (av_log_get_level() == AV_LOG_INFO) av_log_set_level(AV_LOG_QUIET);

    sotto_status status = store_if_needed(input, err);
    if (status == SOTTO_OK) status = open_container(media, err);
    if (status == SOTTO_OK) status = open_sound(media, options->stream, err);
    if (status != SOTTO_OK) {
        media_close(&media->reader);
        return status;
    }
    media->reader.duration = duration_hint(media);
    *out = &media->reader;
    return SOTTO_OK;
}
