#include <string.h>

#include "output/output.h"

/** One replacement in the text of a cue; a list ends with an empty one. */
struct replacement {
    const char *from, *to;
};

/** "-->" would read as a line of times. */
static const struct replacement srt_replacements[] = {{"-->", "->"}, {0}};
static const struct replacement vtt_replacements[] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {0}};

static void cue_text(const char *text, const struct replacement *replacements, struct so_buffer *out) {
    struct so_buffer line = {0};
    so_output_line(text, &line);
    out->failed = out->failed || line.failed;
    for (const char *at = line.data; at && *at;) {
        const struct replacement *r = replacements;
        while (r->from && strncmp(at, r->from, strlen(r->from)) != 0) r++;
        if (r->from) {
            so_buffer_text(out, r->to);
            at += strlen(r->from);
        } else {
            so_buffer_add(out, at++, 1);
        }
    }
    so_buffer_free(&line);
}

static void cue(const sotto_segment *segment, bool hours, char marker, const struct replacement *replacements,
                struct so_buffer *out) {
    so_output_clock(segment->start, hours, marker, out);
    so_buffer_text(out, " --> ");
    so_output_clock(segment->end, hours, marker, out);
    so_buffer_text(out, "\n");
    cue_text(segment->text, replacements, out);
    so_buffer_text(out, "\n\n");
}

void so_output_srt(const sotto_result *result, struct so_buffer *out) {
    for (size_t i = 0; i < result->n_segments; i++) {
        so_buffer_format(out, "%zu\n", i + 1);
        cue(&result->segments[i], true, ',', srt_replacements, out);
    }
}

void so_output_vtt(const sotto_result *result, struct so_buffer *out) {
    so_buffer_text(out, "WEBVTT\n\n");
    for (size_t i = 0; i < result->n_segments; i++) cue(&result->segments[i], false, '.', vtt_replacements, out);
}
