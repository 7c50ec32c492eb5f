#include <string.h>

#include "output/cues.h"
#include "output/output.h"

/** One replacement in the text of a cue; a list ends with an empty one. */
struct replacement {
    const char *from, *to;
};

/** "-->" would read as a line of times. */
static const struct replacement srt_replacements[] = {{"-->", "->"}, {0}};
static const struct replacement vtt_replacements[] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {0}};

/** One line of a cue, escaped. */
static void cue_line(const char *text, const struct replacement *replacements, struct so_buffer *out) {
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

static void cue(const sotto_result *result, const struct so_cue *cue, bool web, struct so_buffer *out) {
    const struct replacement *replacements = web ? vtt_replacements : srt_replacements;
    const char *name = so_output_speaker(result, cue->speaker);
    so_output_clock(cue->start, !web, web ? '.' : ',', out);
    so_buffer_text(out, " --> ");
    so_output_clock(cue->end, !web, web ? '.' : ',', out);
    so_buffer_text(out, "\n");
    if (name) {
        if (web) so_buffer_text(out, "<v ");
        cue_line(name, replacements, out);
        so_buffer_text(out, web ? ">" : ": ");
    }
    for (size_t i = 0; i < cue->n_lines; i++) {
        cue_line(cue->lines[i], replacements, out);
        so_buffer_text(out, "\n");
    }
    so_buffer_text(out, "\n");
}

void so_output_srt(const sotto_result *result, const sotto_format_options *options, struct so_buffer *out) {
    struct so_cues cues;
    if (!(options ? so_cues_shape(result, options, &cues) : so_cues_of_segments(result, &cues))) out->failed = true;
    for (size_t i = 0; i < cues.n && !out->failed; i++) {
        so_buffer_format(out, "%zu\n", i + 1);
        cue(result, &cues.cues[i], false, out);
    }
    so_cues_free(&cues);
}

void so_output_vtt(const sotto_result *result, const sotto_format_options *options, struct so_buffer *out) {
    struct so_cues cues;
    if (!(options ? so_cues_shape(result, options, &cues) : so_cues_of_segments(result, &cues))) out->failed = true;
    so_buffer_text(out, "WEBVTT\n\n");
    for (size_t i = 0; i < cues.n && !out->failed; i++) cue(result, &cues.cues[i], true, out);
    so_cues_free(&cues);
}
