/** FFmpeg's devices. */
#ifndef SO_AUDIO_DEVICE_H
#define SO_AUDIO_DEVICE_H

#include "util/error.h"

/** Make av_find_input_format know devices; SOTTO_ERR_UNSUPPORTED without libavdevice. */
sotto_status so_devices_register(sotto_error *err);

#endif
