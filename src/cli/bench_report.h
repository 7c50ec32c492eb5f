/** What sotto bench found out, as text for people or as JSON. */
#ifndef SO_CLI_BENCH_REPORT_H
#define SO_CLI_BENCH_REPORT_H

#include <stdbool.h>

#include "sotto.h"

/** One transcription, by the CPU or by a device. */
struct so_bench_run {
    const sotto_result *result;
    double wer_reference; /**< percent against --reference; negative: none was given */
    double wer_cpu;       /**< percent against the CPU's text; negative: this is the CPU */
    bool identical;       /**< the same text, to the byte, as the CPU's */
    bool emulated;        /**< the device is a model: its times say nothing about an NPU */
};

void so_bench_text(const struct so_bench_run *run);

/** One object for all runs, on standard output; false for want of memory. */
bool so_bench_json(const char *audio, const struct so_bench_run *runs, size_t n);

#endif
