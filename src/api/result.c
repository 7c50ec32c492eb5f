#include "decode/transcript.h"
#include "output/output.h"
#include "util/error.h"

void sotto_result_free(sotto_result *result) { so_transcript_free((struct so_transcript *)result); }

enum { FORMAT_OPTIONS_VERSION = 1 };

void sotto_format_options_init(sotto_format_options *options) {
    *options = (sotto_format_options){
        .version = FORMAT_OPTIONS_VERSION, .line_characters = 42, .cue_lines = 2, .cue_max_seconds = 7, .cue_min_seconds = 1};
}

static sotto_status check(const sotto_format_options *o, sotto_error *err) {
    if (o->version != FORMAT_OPTIONS_VERSION)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "the options were not set up by sotto_format_options_init of this version");
    if (o->line_characters < 8 || o->line_characters > 1000)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a subtitle's lines must have from 8 to 1000 characters");
    if (o->cue_lines < 1 || o->cue_lines > 10) return so_fail(err, SOTTO_ERR_ARGUMENT, "a subtitle must have from 1 to 10 lines");
    if (!(o->cue_max_seconds >= 1 && o->cue_max_seconds <= 60) || !(o->cue_min_seconds >= 0 && o->cue_min_seconds <= o->cue_max_seconds))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a subtitle must be shown at most 1 to 60 seconds, and at least no longer than that");
    return SOTTO_OK;
}

sotto_status sotto_result_format(const sotto_result *result, sotto_format format, const char *name, char **text,
                                 size_t *length, sotto_error *err) {
    return sotto_result_format_shaped(result, format, name, NULL, text, length, err);
}

sotto_status sotto_result_format_shaped(const sotto_result *result, sotto_format format, const char *name,
                                        const sotto_format_options *options, char **text, size_t *length, sotto_error *err) {
    struct so_buffer out = {0};
    *text = NULL;
    if (length) *length = 0;
    so_error_clear(err);
    sotto_status status = options ? check(options, err) : SOTTO_OK;
    if (status) return status;
    if (!result->text && result->turns && format != SOTTO_FORMAT_JSON && format != SOTTO_FORMAT_RTTM)
        return so_fail(err, SOTTO_ERR_UNSUPPORTED, "speakers without text can be written as RTTM and JSON only");
    so_buffer_text(&out, "");
    switch (format) {
    case SOTTO_FORMAT_TXT: so_output_txt(result, &out); break;
    case SOTTO_FORMAT_JSON: so_output_json(result, &out); break;
    case SOTTO_FORMAT_SRT: so_output_srt(result, options, &out); break;
    case SOTTO_FORMAT_VTT: so_output_vtt(result, options, &out); break;
    case SOTTO_FORMAT_TSV: so_output_tsv(result, &out); break;
    case SOTTO_FORMAT_RTTM:
        if (result->n_speakers == 0 && !result->turns) {
            so_buffer_free(&out);
            return so_fail(err, SOTTO_ERR_UNSUPPORTED, "RTTM tells who spoke when, and this result has no speakers");
        }
        so_output_rttm(result, name ? name : "recording", &out);
        break;
    default: so_buffer_free(&out); return so_fail(err, SOTTO_ERR_ARGUMENT, "unknown output format %d", (int)format);
    }
    if (out.failed) {
        so_buffer_free(&out);
        return so_fail_memory(err, out.length, "the output");
    }
    *text = out.data;
    if (length) *length = out.length;
    return SOTTO_OK;
}
