/** Known speakers in a file: JSON, so that people can read and merge it. */
#ifndef SO_DIARIZE_PEOPLE_FILE_H
#define SO_DIARIZE_PEOPLE_FILE_H

#include "diarize/people.h"

/** Add a file's people to an empty set. SOTTO_ERR_MODEL with a sentence for anything that is not as
 * so_people_write has it. */
sotto_status so_people_read(struct sotto_people *people, const char *path, sotto_error *err);

/** The same from a file's bytes; path is for messages. */
sotto_status so_people_parse(struct sotto_people *people, const char *path, const char *text, size_t size,
                             sotto_error *err);

/** The text of a file, to be freed with free; NULL for want of memory. */
char *so_people_render(const struct sotto_people *people);

/** The file is replaced whole or not at all. */
sotto_status so_people_write(const struct sotto_people *people, const char *path, sotto_error *err);

/** The folders above a file, where they are missing. */
sotto_status so_people_make_folders(const char *path, sotto_error *err);

#endif
