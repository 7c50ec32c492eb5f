/** A journal's lines back to segments. Private to the journal. */
#ifndef SO_DECODE_JOURNAL_READ_H
#define SO_DECODE_JOURNAL_READ_H

#include <stdio.h>

#include "decode/journal.h"

/**
 * Read from the beginning. *kept: bytes up to the end of the last whole chunk, or of the head; 0 if the
 * fingerprint is another one or this is no journal. Lines are not trusted: what does not look as it should
 * ends the reading there. SOTTO_ERR_MEMORY alone is an error.
 */
sotto_status so_journal_read(FILE *file, const char *fingerprint, struct so_transcript *transcript,
                             struct so_journal_state *state, long *kept, sotto_error *err);

#endif
