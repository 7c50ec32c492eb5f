/** sotto serve: the server has a folder of its own (src/server). */
#include "cli/cli.h"
#include "server/media.h"
#include "server/server.h"

int so_cli_serve(int argc, char **argv) { return so_serve(argc, argv); }

int so_cli_media_helper(int argc, char **argv) {
    (void)argv;
    return argc == 1 ? so_media_helper() : SO_EXIT_USAGE;
}
