/**
 * RIFF/WAVE and RF64 (EBU Tech 3306) as a stream: PCM of 8, 16, 24, 32 bits and floats of 32, 64. The sizes
 * in a header are claims: no buffer depends on them, and a file that ends early just ends.
 */
#include "audio/reader.h"

#include <string.h>

#include "audio/sample.h"
#include "util/memory.h"

#define BLOCK_FRAMES 4096
#define MAX_CHUNKS 4096 /**< before "data": real files have a handful */
#define FMT_BYTES 40    /**< of the longest "fmt " that says anything to us */
#define UNKNOWN_SIZE UINT64_MAX

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_EXTENSIBLE = 0xfffe };

struct wav {
    struct so_reader reader; /* first: the vtable */
    struct so_input *input;
    int channel;
    enum so_sample_format format;
    uint32_t rate;
    size_t channels, frame_bytes;
    uint64_t left; /**< bytes of "data" still to read, UNKNOWN_SIZE: until the end */
    uint8_t *raw;  /**< [BLOCK_FRAMES][frame_bytes] */
    float mono[BLOCK_FRAMES];
};

static uint16_t get16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}
static uint32_t get32(const uint8_t *p) {
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}
static uint64_t get64(const uint8_t *p) {
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void wav_close(struct so_reader *reader) {
    struct wav *wav = (struct wav *)reader;
    so_input_close(wav->input);
    so_free(wav->raw);
    so_free(wav);
}

static sotto_status wav_next(struct so_reader *reader, struct so_block *block, sotto_error *err) {
    struct wav *wav = (struct wav *)reader;
    size_t want = BLOCK_FRAMES * wav->frame_bytes;
    if (want > wav->left) want = (size_t)wav->left;
    size_t got = so_input_read(wav->input, wav->raw, want);
    if (wav->input->error)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", wav->input->name,
                       strerror(wav->input->error));
    if (wav->left != UNKNOWN_SIZE) wav->left -= got;
    size_t n = got / wav->frame_bytes; /* a frame that is cut off at the end is dropped */
    const uint8_t *planes[SO_AUDIO_MAX_CHANNELS];
    for (size_t c = 0; c < wav->channels; c++) planes[c] = wav->raw + c * so_sample_bytes(wav->format);
    so_sample_mix(wav->format, planes, wav->channels, wav->frame_bytes, wav->channel, n, wav->mono);
    *block = (struct so_block){.samples = wav->mono, .n = n, .rate = wav->rate};
    return SOTTO_OK;
}

static bool skip(struct so_input *input, uint64_t bytes) {
    if (input->seekable) {
        if (bytes > input->size - input->position) return false;
        return so_input_seek(input, input->position + bytes);
    }
    uint8_t buffer[4096];
    while (bytes) {
        size_t step = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        if (so_input_read(input, buffer, step) != step) return false;
        bytes -= step;
    }
    return true;
}

/** Body of "fmt ", [size] bytes. */
static sotto_status parse_format(struct wav *wav, const uint8_t *body, size_t size, sotto_error *err) {
    /* The tail of the sub-format identifier by which a 16-bit tag becomes a GUID. */
    static const uint8_t guid_tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    const char *name = wav->input->name;
    if (size < 16) return so_fail(err, SOTTO_ERR_MEDIA, "the WAV header of '%s' is damaged", name);
    unsigned tag = get16(body), channels = get16(body + 2), align = get16(body + 12), bits = get16(body + 14);
    if (tag == TAG_EXTENSIBLE) {
        if (size < FMT_BYTES || memcmp(body + 26, guid_tail, sizeof guid_tail) != 0)
            return so_fail(err, SOTTO_ERR_MEDIA, "the WAV header of '%s' is damaged or of an unknown kind",
                           name);
        tag = get16(body + 24);
    }
    sotto_status status = so_check_layout(name, get32(body + 4), channels, err);
    if (status != SOTTO_OK) return status;
    unsigned bytes = (bits + 7) / 8;
    if (tag == TAG_PCM && bytes >= 1 && bytes <= 4) {
        static const enum so_sample_format formats[] = {SO_SAMPLE_U8, SO_SAMPLE_S16, SO_SAMPLE_S24LE,
                                                        SO_SAMPLE_S32};
        wav->format = formats[bytes - 1];
    } else if (tag == TAG_FLOAT && (bits == 32 || bits == 64)) {
        wav->format = bits == 32 ? SO_SAMPLE_F32 : SO_SAMPLE_F64;
    } else {
        return so_fail(err, SOTTO_ERR_UNSUPPORTED,
                       "'%s' is a WAV file of kind %u with %u bits, which cannot be read here", name, tag,
                       bits);
    }
    if (align != bytes * channels)
        return so_fail(err, SOTTO_ERR_MEDIA,
                       "the WAV header of '%s' is damaged: %u channels of %u bits in %u bytes", name,
                       channels, bits, align);
    wav->rate = get32(body + 4);
    wav->channels = channels;
    wav->frame_bytes = align;
    return so_check_channel(name, wav->channel, (int)channels, err);
}

/** Everything up to the first sample. */
static sotto_status parse_header(struct wav *wav, sotto_error *err) {
    struct so_input *input = wav->input;
    uint8_t head[12], body[FMT_BYTES];
    uint64_t long_size = UNKNOWN_SIZE; /* RF64's 64-bit size of "data" */
    size_t got = so_input_read(input, head, sizeof head);
    if (input->error)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", input->name, strerror(input->error));
    if (got == 0) return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is empty", input->name);
    bool rf64 = got == sizeof head && memcmp(head, "RF64", 4) == 0;
    if (got != sizeof head || (memcmp(head, "RIFF", 4) != 0 && !rf64) || memcmp(head + 8, "WAVE", 4) != 0)
        return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is not a WAV file, and nothing else can be read here",
                       input->name);
    bool unfinished = get32(head + 4) == 0; /* a recorder that never came back to fill in its sizes */

    for (int chunk = 0; chunk < MAX_CHUNKS; chunk++) {
        if (so_input_read(input, head, 8) != 8) break;
        uint64_t size = get32(head + 4), padded = size + (size & 1);
        if (memcmp(head, "data", 4) == 0) {
            if (wav->frame_bytes == 0) break;
            if (size == UINT32_MAX || (size == 0 && unfinished)) size = rf64 ? long_size : UNKNOWN_SIZE;
            wav->left = size;
            return SOTTO_OK;
        }
        bool is_format = memcmp(head, "fmt ", 4) == 0, is_sizes = memcmp(head, "ds64", 4) == 0;
        size_t part = is_format || is_sizes ? (size < FMT_BYTES ? (size_t)size : FMT_BYTES) : 0;
        if (so_input_read(input, body, part) != part || !skip(input, padded - part)) break;
        if (is_sizes && part >= 16) long_size = get64(body + 8);
        if (is_format) {
            sotto_status status = parse_format(wav, body, part, err);
            if (status != SOTTO_OK) return status;
        }
    }
    if (input->error)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", input->name, strerror(input->error));
    return so_fail(err, SOTTO_ERR_MEDIA, "the WAV file '%s' is damaged: it has no sound after its header",
                   input->name);
}

static double duration_hint(const struct wav *wav) {
    uint64_t bytes = wav->left;
    if (wav->input->seekable && bytes > wav->input->size - wav->input->position)
        bytes = wav->input->size - wav->input->position;
    return bytes == UNKNOWN_SIZE ? 0 : (double)bytes / (double)wav->frame_bytes / wav->rate;
}

sotto_status so_wav_open(struct so_input *input, const struct so_audio_options *options,
                         struct so_reader **out, sotto_error *err) {
    *out = NULL;
    struct wav *wav = so_calloc(1, sizeof *wav);
    if (!wav) {
        so_input_close(input);
        return so_fail_memory(err, sizeof *wav, "reading a recording");
    }
    wav->reader = (struct so_reader){.next = wav_next, .close = wav_close};
    wav->input = input;
    wav->channel = options->channel;
    sotto_status status = SOTTO_OK;
    if (options->stream > 0)
        status = so_fail(err, SOTTO_ERR_ARGUMENT, "'%s' has no audio stream %d: it has 1, counted from 0",
                         input->name, options->stream);
    if (status == SOTTO_OK) status = parse_header(wav, err);
    if (status == SOTTO_OK) {
        wav->raw = so_alloc(BLOCK_FRAMES, wav->frame_bytes);
        if (!wav->raw) status = so_fail_memory(err, BLOCK_FRAMES * wav->frame_bytes, "reading a recording");
    }
    if (status != SOTTO_OK) {
        wav_close(&wav->reader);
        return status;
    }
    wav->reader.duration = duration_hint(wav);
    *out = &wav->reader;
    return SOTTO_OK;
}
