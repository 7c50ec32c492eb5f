/** Names of output files, and files that appear complete or not at all. */
#ifndef SO_CLI_OUTFILE_H
#define SO_CLI_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * For each input the name of its output without folder and format: its base name without extension; with it where two
 * inputs would share one. NULL with a complaint on standard error if they still do (*status: exit status).
 * [n] strings; free with so_outfile_names_free.
 */
char **so_outfile_names(char *const *inputs, size_t n, int *status);
void so_outfile_names_free(char **names, size_t n);

/** Create a folder and those above it; false with errno. */
bool so_outfile_make_folder(const char *path);

/** Write folder/name.extension by way of a temporary file beside it. False with errno; then nothing is left behind. */
bool so_outfile_write(const char *folder, const char *name, const char *extension, const char *bytes, size_t length);

#endif
