/** The commands of the `sotto` program. Each takes its own arguments (argv[0] is the command) and returns the exit status. */
#ifndef SO_CLI_CLI_H
#define SO_CLI_CLI_H

enum { SO_EXIT_OK = 0, SO_EXIT_FAILURE = 1, SO_EXIT_USAGE = 2 };

int so_cli_transcribe(int argc, char **argv);
int so_cli_live(int argc, char **argv);
int so_cli_model(int argc, char **argv);       /**< list | fetch | import | show | verify */
int so_cli_device(int argc, char **argv);      /**< list | check | inspect | plan */
int so_cli_matmul(int argc, char **argv);
int so_cli_bench(int argc, char **argv);
int so_cli_diarize(int argc, char **argv);
int so_cli_speakers(int argc, char **argv);    /**< add | list | remove | match */
int so_cli_serve(int argc, char **argv);
int so_cli_media_helper(int argc, char **argv); /**< what `serve` starts for itself; not for people */
int so_cli_model_fetch(int argc, char **argv); /**< called by so_cli_model */

#endif
