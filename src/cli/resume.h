/** Runs over many files that can be gone on with: which outputs are done, and where unfinished ones keep
 * their journal. */
#ifndef SO_CLI_RESUME_H
#define SO_CLI_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "sotto.h"

/**
 * FOLDER/.sotto-done has a line "FINGERPRINT NAME" for each recording whose outputs were written. Whether
 * there is one for this and all the outputs are still there.
 */
bool so_resume_is_done(const char *folder, const char *name, const char *fingerprint,
                       const sotto_format *formats, size_t n_formats);

/** All outputs are written: remember it. False with errno. */
bool so_resume_finish(const char *folder, const char *name, const char *fingerprint);

bool so_resume_has_list(const char *folder);

/** The whole run is done, and was not asked to be one that can be gone on with: its list has no more use. */
void so_resume_forget(const char *folder);

/** FOLDER/NAME.partial, to be freed; NULL for want of memory. */
char *so_resume_journal(const char *folder, const char *name);

#endif
