#include "audio_support.h"

#include <math.h>
#include <string.h>

static uint8_t *put(uint8_t *p, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *p++ = (uint8_t)(value >> (8 * i));
    return p;
}

static uint8_t *put_name(uint8_t *p, const char *name) {
    memcpy(p, name, 4);
    return p + 4;
}

size_t make_wav(uint8_t *out, struct wav_shape s, const void *samples, size_t size) {
    static const uint8_t guid_tail[14] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    unsigned align = s.channels * ((s.bits + 7) / 8), format_size = s.extensible ? 40 : 16;
    uint32_t data = s.claim == CLAIM_TRUE ? (uint32_t)size : s.claim == CLAIM_UNKNOWN ? UINT32_MAX : s.claim;
    uint32_t riff = s.claim == CLAIM_TRUE ? (uint32_t)(size + 20 + format_size) : data;
    uint8_t *p = put_name(put(put_name(out, "RIFF"), riff, 4), "WAVE");
    p = put(put_name(p, "fmt "), format_size, 4);
    p = put(put(p, s.extensible ? 0xfffe : s.tag, 2), s.channels, 2);
    p = put(put(put(put(p, s.rate, 4), (uint64_t)s.rate * align, 4), align, 2), s.bits, 2);
    if (s.extensible) {
        p = put(put(put(put(p, 22, 2), s.bits, 2), 0, 4), s.tag, 2);
        memcpy(p, guid_tail, sizeof guid_tail);
        p += sizeof guid_tail;
    }
    p = put(put_name(p, "data"), data, 4);
    if (size) memcpy(p, samples, size);
    return (size_t)(p - out) + size;
}

void make_tone(int16_t *out, size_t n, unsigned rate) {
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)lrint(16000.0 * sin(2.0 * 3.14159265358979 * 440.0 * (double)i / rate));
}

sotto_status read_all(struct so_audio *audio, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    float block[997]; /* no divisor of anything */
    size_t got = 0;
    *n = 0;
    do {
        sotto_status status = so_audio_read(audio, block, 997, &got, err);
        if (status != SOTTO_OK) return status;
        for (size_t i = 0; i < got; i++, ++*n)
            if (samples && *n < capacity) samples[*n] = block[i];
    } while (got);
    return SOTTO_OK;
}

sotto_status open_wav(const uint8_t *data, size_t size, int seekable, int channel, struct so_audio **out,
                      sotto_error *err) {
    struct so_audio_options options = {.channel = channel, .stream = -1};
    struct so_input *input;
    struct so_reader *reader;
    *out = NULL;
    sotto_status status = so_input_memory(data, size, "memory.wav", &input, err);
    if (status != SOTTO_OK) return status;
    input->seekable = seekable;
    status = so_wav_open(input, &options, &reader, err);
    return status == SOTTO_OK ? so_audio_from_reader(reader, out, err) : status;
}
