/** The arguments of `sotto transcribe`. */
#ifndef SO_CLI_ARGUMENTS_H
#define SO_CLI_ARGUMENTS_H

#include "cli/speakers.h"
#include "sotto.h"

enum { SO_MAX_FORMATS = 6 };

struct so_arguments {
    const char *model;  /**< name or path */
    const char *folder; /**< of the output files; NULL: standard output */
    bool f32, quiet, resume;
    sotto_format formats[SO_MAX_FORMATS];
    size_t n_formats;
    sotto_options options;
    sotto_format_options cues; /**< how subtitles are shaped */
    bool shape;                /**< they are: words or a limit were asked for */
    struct so_speaker_arguments speakers;
    char **files; /**< [n_files], part of argv */
    size_t n_files;
};

/** -1: go on; else the exit status (after --help, or after a complaint on standard error). */
int so_arguments_parse(int argc, char **argv, struct so_arguments *arguments);

/** File name extension of a format, without the dot. */
const char *so_format_extension(sotto_format format);

#endif
