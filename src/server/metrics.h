/** What the server counts, as Prometheus reads it. */
#ifndef SO_SERVER_METRICS_H
#define SO_SERVER_METRICS_H

#include <pthread.h>
#include <stdint.h>

#include "sotto.h"

enum { SO_LATENCY_BUCKETS = 12, SO_CODES = 20, SO_PATHS = 3 };

/** Why a request or connection was turned away or cut off. */
enum so_refusal {
    SO_REFUSED_QUEUE,
    SO_REFUSED_RATE,
    SO_REFUSED_KEY,
    SO_CUT_HEADERS,
    SO_CUT_BODY,
    SO_CUT_ANSWER,
    SO_CUT_GONE, /**< the client went away */
    SO_REFUSED_LIVE, /**< too many live sessions */
    SO_CUT_LIVE,     /**< a live session was ended: idle, slow, too long or against the rules */
    SO_REFUSALS
};

struct so_metrics {
    pthread_mutex_t lock;
    uint64_t by_code[SO_CODES];
    uint64_t refused[SO_REFUSALS];
    uint64_t latency[SO_LATENCY_BUCKETS + 1]; /**< of transcriptions; the last is +Inf */
    double latency_sum;
    uint64_t upload_bytes;
    double sound_seconds, work_seconds;
    uint64_t transcriptions[SO_PATHS]; /**< by what computed: cpu, xdna, emulator */
    double latency_by[SO_PATHS], sound_by[SO_PATHS], work_by[SO_PATHS]; /**< seconds */
    double npu_busy;     /**< seconds */
    uint64_t unusable;   /**< requests that the NPU could not be opened for */
    uint64_t matmuls_cpu, matmuls_npu, fallbacks, mismatches;
};

/** What is so at the moment of asking. */
struct so_gauges {
    unsigned connections, waiting, running, live;
    double waiting_work;
    uint64_t spooled;
    int ready;
    unsigned npu_percent;
    int npu_returned;
    double uptime; /**< seconds */
};

void so_metrics_init(struct so_metrics *metrics);
void so_metrics_code(struct so_metrics *metrics, unsigned status);
void so_metrics_refused(struct so_metrics *metrics, enum so_refusal why);
void so_metrics_upload(struct so_metrics *metrics, uint64_t bytes);
void so_metrics_done(struct so_metrics *metrics, const sotto_result *result, double latency);

void so_metrics_unusable(struct so_metrics *metrics);

/** The text of GET /metrics, malloc'd; NULL without memory. */
char *so_metrics_text(struct so_metrics *metrics, const struct so_gauges *gauges);

#endif
