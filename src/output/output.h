/** Renderings of a result. Each appends to a buffer whose `failed` flag says whether memory sufficed. */
#ifndef SO_OUTPUT_OUTPUT_H
#define SO_OUTPUT_OUTPUT_H

#include <stdint.h>

#include "output/buffer.h"
#include "sotto.h"

/** A line for each segment; with speakers one for all that one says at a stretch, their name before it. */
void so_output_txt(const sotto_result *result, struct so_buffer *out);
/** SubRip, and WebVTT (W3C). options: how to shape the cues; NULL: a cue of one line for each segment. */
void so_output_srt(const sotto_result *result, const sotto_format_options *options, struct so_buffer *out);
void so_output_vtt(const sotto_result *result, const sotto_format_options *options, struct so_buffer *out);
/** Start and end in milliseconds, text; with speakers a column for them before the text. */
void so_output_tsv(const sotto_result *result, struct so_buffer *out);
void so_output_json(const sotto_result *result, struct so_buffer *out); /**< one object on one line */

/**
 * RTTM (NIST rich transcription 2009): a SPEAKER line for each turn; without turns for each segment whose speaker is known. name: the recording's;
 * white space in it becomes '_'.
 */
void so_output_rttm(const sotto_result *result, const char *name, struct so_buffer *out);

/** Whole milliseconds, to nearest; 0 for what is negative or not a number. */
int64_t so_output_milliseconds(double seconds);

/** hh:mm:ss<marker>mmm; hours have more digits where needed, and are left out below one hour unless `hours`. */
void so_output_clock(double seconds, bool hours, char marker, struct so_buffer *out);

/** The name of a speaker by index, NULL if unknown. */
const char *so_output_speaker(const sotto_result *result, int speaker);

/** A segment's text on one line: trimmed, each control character a space. */
void so_output_line(const char *text, struct so_buffer *out);

#endif
