/** A build without the libraries that a server needs. */
#include <stdio.h>

#include "cli/cli.h"

int so_cli_serve(int argc, char **argv) {
    (void)argc, (void)argv;
    fputs("sotto: serve: this build has no server\n", stderr);
    return SO_EXIT_FAILURE;
}

int so_cli_media_helper(int argc, char **argv) { return so_cli_serve(argc, argv); }
