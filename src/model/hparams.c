#include "model/limits.h"

#include <string.h>

static sotto_status check_half(const char *half, uint32_t state, uint32_t head, uint32_t layer,
                               sotto_error *err) {
    if (state < SO_HEAD_SIZE || state > SO_MAX_STATE || state % SO_HEAD_SIZE)
        return so_fail(err, SOTTO_ERR_MODEL, "%s state of %u channels: not a multiple of %d up to %d", half,
                       state, SO_HEAD_SIZE, SO_MAX_STATE);
    if (head != state / SO_HEAD_SIZE)
        return so_fail(err, SOTTO_ERR_MODEL, "%u %s heads: a state of %u channels has %u", head, half, state,
                       state / SO_HEAD_SIZE);
    if (layer < 1 || layer > SO_MAX_LAYERS)
        return so_fail(err, SOTTO_ERR_MODEL, "%u %s layers: not from 1 to %d", layer, half, SO_MAX_LAYERS);
    return SOTTO_OK;
}

sotto_status so_hparams_check(const struct so_hparams *hp, sotto_error *err) {
    struct so_vocab vocab;
    sotto_status status;
    if (hp->n_mels != 80 && hp->n_mels != 128)
        return so_fail(err, SOTTO_ERR_MODEL, "%u mel bins: neither 80 nor 128", hp->n_mels);
    if (hp->n_audio_ctx != SO_AUDIO_CTX)
        return so_fail(err, SOTTO_ERR_MODEL, "%u audio positions: not %d", hp->n_audio_ctx, SO_AUDIO_CTX);
    if (hp->n_text_ctx != SO_TEXT_CTX)
        return so_fail(err, SOTTO_ERR_MODEL, "%u text positions: not %d", hp->n_text_ctx, SO_TEXT_CTX);
    status = check_half("audio", hp->n_audio_state, hp->n_audio_head, hp->n_audio_layer, err);
    if (status) return status;
    status = check_half("text", hp->n_text_state, hp->n_text_head, hp->n_text_layer, err);
    if (status) return status;
    if (hp->n_text_state != hp->n_audio_state)
        return so_fail(err, SOTTO_ERR_MODEL, "audio state of %u channels and text state of %u: not equal",
                       hp->n_audio_state, hp->n_text_state);
    return so_vocab_layout(&vocab, hp->n_vocab, err);
}

bool so_model_name_valid(const char *name) {
    size_t length = strlen(name);
    if (length < 1 || length >= sizeof((struct so_model *)0)->name) return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || name[i] == '/') return false;
    return true;
}
