/** The files of jobs.h: each appears whole and synced, or not at all. Ids are 32 hexadecimal digits. */
#ifndef SO_SERVER_JOBFILES_H
#define SO_SERVER_JOBFILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/spool.h"

/** Give a nameless file the name ID.media. */
bool so_jobfiles_link(const char *folder, const char *id, int fd);

/** Write ID.KIND, replacing nothing: false if it is there already. */
bool so_jobfiles_write(const char *folder, const char *id, const char *kind, const json_t *what);

/** Read it; NULL: not there, or damaged. */
json_t *so_jobfiles_read(const char *folder, const char *id, const char *kind);

/** Open ID.media as an upload. */
bool so_jobfiles_open(const char *folder, const char *id, struct so_spool *spool, struct so_spooled *file);

/** Ids of jobs without a result, oldest first, malloc'd; leftovers of finished and unaccepted ones are removed. */
char (*so_jobfiles_accepted(const char *folder, size_t *n))[33];

/** The result is published: the rest goes. */
void so_jobfiles_done(const char *folder, const char *id);

void so_jobfiles_remove(const char *folder, const char *id);

/** Remove results older than so many seconds. */
void so_jobfiles_sweep(const char *folder, double keep);

#endif
