#include "decode/context.h"

#include <string.h>

#include "features/logmel.h"
#include "util/memory.h"

#define SAMPLES_PER_POSITION (2 * SO_MEL_HOP)

/**
 * What was measured, by name and size: other weights of the same size may need the whole window. Speech that fills half of it
 * loses words when the rest is left out, a short clip does not.
 */
static const struct measured {
    const char *name;
    uint32_t state, layers;
    uint32_t longest, floor, silence; /* positions: of speech, of the window at the least, of silence after the speech */
} all_measured[] = {
    {"base", 512, 6, 600, 512, 128},
};

size_t so_context_positions(const struct so_model *model, size_t n_samples, bool full) {
    const struct so_hparams *hp = &model->hp;
    for (size_t i = 0; !full && i < sizeof all_measured / sizeof *all_measured; i++) {
        const struct measured *m = &all_measured[i];
        if (hp->n_audio_state != m->state || hp->n_audio_layer != m->layers || strcmp(model->name, m->name) != 0) continue;
        size_t heard = (n_samples + SAMPLES_PER_POSITION - 1) / SAMPLES_PER_POSITION;
        if (heard <= m->longest) return so_min(so_max(heard + m->silence, m->floor), hp->n_audio_ctx);
    }
    return hp->n_audio_ctx;
}
