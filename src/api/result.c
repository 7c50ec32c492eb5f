#include "decode/transcript.h"
#include "output/output.h"
#include "util/error.h"

void sotto_result_free(sotto_result *result) { so_transcript_free((struct so_transcript *)result); }

sotto_status sotto_result_format(const sotto_result *result, sotto_format format, const char *name, char **text,
                                 size_t *length, sotto_error *err) {
    struct so_buffer out = {0};
    *text = NULL;
    if (length) *length = 0;
    so_error_clear(err);
    so_buffer_text(&out, "");
    switch (format) {
    case SOTTO_FORMAT_TXT: so_output_txt(result, &out); break;
    case SOTTO_FORMAT_JSON: so_output_json(result, &out); break;
    case SOTTO_FORMAT_SRT: so_output_srt(result, &out); break;
    case SOTTO_FORMAT_VTT: so_output_vtt(result, &out); break;
    case SOTTO_FORMAT_TSV: so_output_tsv(result, &out); break;
    case SOTTO_FORMAT_RTTM:
        if (result->n_speakers == 0) {
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
