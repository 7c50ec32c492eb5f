/** How repetitive a text is. */
#ifndef SO_DECODE_COMPRESS_H
#define SO_DECODE_COMPRESS_H

#include <stddef.h>

#include "util/error.h"

/**
 * Bytes of the text over bytes of its zlib stream at the default level, as OpenAI's compression_ratio; 0 for an empty
 * text. Looping transcripts give 2.4 and more.
 */
sotto_status so_compression_ratio(const char *text, size_t length, float *ratio, sotto_error *err);

#endif
