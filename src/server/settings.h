/** What the operator told `sotto serve`. */
#ifndef SO_SERVER_SETTINGS_H
#define SO_SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/limits.h"
#include "server/log.h"

struct so_settings {
    const char *host;
    uint16_t port; /**< 0: any free one, told in the log */
    const char *models[SO_MAX_MODELS];
    size_t n_models;
    const char *keys;  /**< file of the keys' hashes; NULL: no key is asked for */
    const char *allow_host; /**< names in Host headers that are ours, separated by commas; NULL: none */
    const char *spool; /**< folder of uploads and jobs */
    uint64_t upload_bytes, spool_bytes;
    double audio_seconds, deadline, queue_seconds;
    unsigned header_seconds, body_seconds, idle_seconds, answer_seconds, drain_seconds, keep_seconds;
    unsigned connections, per_address, queue, parallel, threads;
    unsigned live, live_idle, live_seconds; /**< sessions at once; seconds */
    struct so_log log;
    const char *device; /**< "auto", "cpu", "xdna" or "emulator"; NULL: auto */
    int rollout;        /**< percent of requests that go to the NPU; -1: as device and environment say */
    unsigned npu_errors;
    bool log_text; /**< transcripts into the log */
};

/** -1: go on; else the exit status (after --help, or after a complaint on standard error). Strings are argv's. */
int so_settings_parse(int argc, char **argv, struct so_settings *settings);

#endif
