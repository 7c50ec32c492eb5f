/**
 * The speaker models in one file: segmentation-3.0 (who speaks when within ten seconds; Bredin & Plaquet
 * 2023) and CAM++ (what a voice sounds like; Wang et al. 2023). Mapped read-only, checked when opened, shared
 * by threads.
 */
#ifndef SO_DIARIZE_SPEAKERS_H
#define SO_DIARIZE_SPEAKERS_H

#include "model/model.h"
#include "util/error.h"

/** Name of the models in the model folder: speakers.sotto, speakers.f32.sotto. */
#define SO_SPEAKERS_NAME "speakers"

struct so_speakers;

/**
 * Map and check a file. path: NULL for the one of this precision in the model folder, else `precision` is
 * ignored and the file's own holds. SOTTO_ERR_MODEL if the file is none, damaged, or holds another network.
 */
sotto_status so_speakers_open(const char *path, enum so_precision precision, struct so_speakers **out,
                              sotto_error *err);
void so_speakers_close(struct so_speakers *speakers); /**< NULL is allowed; nobody may be using it */

enum so_precision so_speakers_precision(const struct so_speakers *speakers);

#endif
