#include <math.h>

#include "output/output.h"
#include "util/text.h"

#define MAX_SECONDS 1e12 // far beyond any recording, far below what int64 milliseconds hold

int64_t so_output_milliseconds(double seconds) {
    if (!(seconds > 0)) return 0;
    return (int64_t)rint((seconds < MAX_SECONDS ? seconds : MAX_SECONDS) * 1000);
}

void so_output_clock(double seconds, bool hours, char marker, struct so_buffer *out) {
    long long ms = so_output_milliseconds(seconds);
    if (hours || ms >= 3600000) so_buffer_format(out, "%02lld:", ms / 3600000);
    so_buffer_format(out, "%02lld:%02lld%c%03lld", ms / 60000 % 60, ms / 1000 % 60, marker, ms % 1000);
}

void so_output_line(const char *text, struct so_buffer *out) {
    size_t length = 0;
    while (text[length]) length++;
    struct so_text trimmed = so_text_trim(text, length);
    size_t from = 0;
    for (size_t i = 0; i < trimmed.length; i++) {
        if ((unsigned char)trimmed.bytes[i] >= ' ' && trimmed.bytes[i] != 0x7f) continue;
        so_buffer_add(out, trimmed.bytes + from, i - from);
        so_buffer_add(out, " ", 1);
        from = i + 1;
    }
    so_buffer_add(out, trimmed.bytes + from, trimmed.length - from);
}

const char *so_output_speaker(const sotto_result *result, int speaker) {
    bool known = speaker >= 0 && (size_t)speaker < result->n_speakers;
    return known ? result->speakers[speaker].id : NULL;
}

void so_output_txt(const sotto_result *result, struct so_buffer *out) {
    for (size_t i = 0; i < result->n_segments; i++) {
        const char *name = so_output_speaker(result, result->segments[i].speaker);
        bool goes_on = name && i > 0 && result->segments[i - 1].speaker == result->segments[i].speaker;
        if (i > 0) so_buffer_text(out, goes_on ? " " : "\n");
        if (name && !goes_on) {
            so_output_line(name, out);
            so_buffer_text(out, ": ");
        }
        so_output_line(result->segments[i].text, out);
    }
    if (result->n_segments) so_buffer_text(out, "\n");
}

void so_output_tsv(const sotto_result *result, struct so_buffer *out) {
    so_buffer_text(out, result->n_speakers ? "start\tend\tspeaker\ttext\n" : "start\tend\ttext\n");
    for (size_t i = 0; i < result->n_segments; i++) {
        const sotto_segment *segment = &result->segments[i];
        const char *name = so_output_speaker(result, segment->speaker);
        so_buffer_format(out, "%lld\t%lld\t", (long long)so_output_milliseconds(segment->start),
                         (long long)so_output_milliseconds(segment->end));
        if (name) so_output_line(name, out);
        if (result->n_speakers) so_buffer_text(out, "\t");
        so_output_line(segment->text, out);
        so_buffer_text(out, "\n");
    }
}
