#include "output/output.h"

static void field(const char *text, struct so_buffer *out) {
    if (!*text) text = "-";
    for (; *text; text++) {
        char c = (unsigned char)*text > ' ' && *text != 0x7f ? *text : '_';
        so_buffer_add(out, &c, 1);
    }
}

static void seconds(int64_t milliseconds, struct so_buffer *out) {
    so_buffer_format(out, " %lld.%03lld", (long long)(milliseconds / 1000), (long long)(milliseconds % 1000));
}

static void line(const sotto_result *result, const char *name, double from, double to, int speaker, struct so_buffer *out) {
    if (speaker < 0 || (size_t)speaker >= result->n_speakers) return;
    int64_t start = so_output_milliseconds(from), end = so_output_milliseconds(to);
    so_buffer_text(out, "SPEAKER ");
    field(name, out);
    so_buffer_text(out, " 1");
    seconds(start, out);
    seconds(end > start ? end - start : 0, out);
    so_buffer_text(out, " <NA> <NA> ");
    field(result->speakers[speaker].id, out);
    so_buffer_text(out, " <NA> <NA>\n");
}

void so_output_rttm(const sotto_result *result, const char *name, struct so_buffer *out) {
    for (size_t i = 0; i < result->n_turns; i++)
        line(result, name, result->turns[i].start, result->turns[i].end, result->turns[i].speaker, out);
    for (size_t i = 0; !result->turns && i < result->n_segments; i++)
        line(result, name, result->segments[i].start, result->segments[i].end, result->segments[i].speaker, out);
}
