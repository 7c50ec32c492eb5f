#include "server/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/compiler.h"

static const unsigned codes[] = {200, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 415, 429, 500, 501, 503};
static const double bounds[SO_LATENCY_BUCKETS] = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800};
static const char *const refusals[SO_REFUSALS] = {"queue", "rate", "key", "headers", "body", "answer", "gone", "live", "live_cut"};
static const char *const paths[SO_PATHS] = {"cpu", "xdna", "emulator"};

void so_metrics_init(struct so_metrics *m) {
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
}

void so_metrics_code(struct so_metrics *m, unsigned status) {
    size_t i = 0;
    while (i < SO_COUNT(codes) && codes[i] != status) i++;
    pthread_mutex_lock(&m->lock);
    m->by_code[i < SO_COUNT(codes) ? i : SO_CODES - 1]++;
    pthread_mutex_unlock(&m->lock);
}

void so_metrics_refused(struct so_metrics *m, enum so_refusal why) {
    pthread_mutex_lock(&m->lock);
    m->refused[why]++;
    pthread_mutex_unlock(&m->lock);
}

void so_metrics_upload(struct so_metrics *m, uint64_t bytes) {
    pthread_mutex_lock(&m->lock);
    m->upload_bytes += bytes;
    pthread_mutex_unlock(&m->lock);
}

void so_metrics_done(struct so_metrics *m, const sotto_result *result, double latency) {
    size_t bucket = 0, path = 0;
    while (bucket < SO_LATENCY_BUCKETS && latency > bounds[bucket]) bucket++;
    for (size_t i = 0; i < SO_PATHS; i++)
        if (strcmp(paths[i], result->device_path) == 0) path = i;
    pthread_mutex_lock(&m->lock);
    m->latency[bucket]++;
    m->latency_sum += latency;
    m->sound_seconds += result->duration;
    m->work_seconds += result->timing.total;
    m->transcriptions[path]++;
    m->matmuls_cpu += result->matmuls_cpu;
    m->matmuls_npu += result->matmuls_npu;
    m->fallbacks += result->fallbacks;
    m->mismatches += result->mismatches;
    m->latency_by[path] += latency;
    m->sound_by[path] += result->duration;
    m->work_by[path] += result->timing.total;
    if (result->usage.measured) m->npu_busy += result->usage.npu_busy;
    pthread_mutex_unlock(&m->lock);
}

void so_metrics_unusable(struct so_metrics *m) {
    pthread_mutex_lock(&m->lock);
    m->unusable++;
    pthread_mutex_unlock(&m->lock);
}

static void head(FILE *out, const char *name, const char *kind, const char *help) {
    fprintf(out, "# HELP sotto_%s %s\n# TYPE sotto_%s %s\n", name, help, name, kind);
}

static void gauge(FILE *out, const char *name, const char *help, double value) {
    head(out, name, "gauge", help);
    fprintf(out, "sotto_%s %.10g\n", name, value);
}

static void counter(FILE *out, const char *name, const char *help, double value) {
    head(out, name, "counter", help);
    fprintf(out, "sotto_%s %.17g\n", name, value);
}

static void write_latency(FILE *out, const struct so_metrics *m) {
    uint64_t below = 0;
    head(out, "transcription_seconds", "histogram", "From the end of an upload to the end of the work.");
    for (size_t i = 0; i < SO_LATENCY_BUCKETS; i++) {
        below += m->latency[i];
        fprintf(out, "sotto_transcription_seconds_bucket{le=\"%g\"} %llu\n", bounds[i], (unsigned long long)below);
    }
    below += m->latency[SO_LATENCY_BUCKETS];
    fprintf(out, "sotto_transcription_seconds_bucket{le=\"+Inf\"} %llu\nsotto_transcription_seconds_sum %.9g\n"
                 "sotto_transcription_seconds_count %llu\n",
            (unsigned long long)below, m->latency_sum, (unsigned long long)below);
}

static void by_path(FILE *out, const char *name, const char *kind, const char *help, const double value[SO_PATHS]) {
    head(out, name, kind, help);
    for (size_t i = 0; i < SO_PATHS; i++) fprintf(out, "sotto_%s{path=\"%s\"} %.9g\n", name, paths[i], value[i]);
}

static void write_paths(FILE *out, const struct so_metrics *m, const struct so_gauges *g) {
    double factor[SO_PATHS];
    for (size_t i = 0; i < SO_PATHS; i++) factor[i] = m->work_by[i] > 0 ? m->sound_by[i] / m->work_by[i] : 0;
    by_path(out, "path_latency_seconds_total", "counter", "From the end of an upload to the end of the work, by what computed.", m->latency_by);
    by_path(out, "path_sound_seconds_total", "counter", "Recorded sound by what transcribed it.", m->sound_by);
    by_path(out, "path_work_seconds_total", "counter", "Wall time of transcriptions by what computed.", m->work_by);
    by_path(out, "path_realtime_factor", "gauge", "Sound over work since the start.", factor);
    counter(out, "npu_mismatches_total", "Products that an NPU got wrong and the CPU did again.", (double)m->mismatches);
    counter(out, "npu_unusable_total", "Requests that the NPU could not be opened for.", (double)m->unusable);
    counter(out, "npu_busy_seconds_total", "Time in which an NPU had a product under way.", m->npu_busy);
    gauge(out, "npu_utilisation", "Share of the time since the start in which an NPU was busy.", g->uptime > 0 ? m->npu_busy / g->uptime : 0);
    gauge(out, "npu_rollout_percent", "Requests that are to go to the NPU.", g->npu_percent);
    gauge(out, "npu_returned", "1 since requests have returned to the CPU by themselves.", g->npu_returned);
}

static void write_all(FILE *out, const struct so_metrics *m, const struct so_gauges *g) {
    head(out, "responses_total", "counter", "Answers by HTTP status.");
    for (size_t i = 0; i < SO_COUNT(codes); i++)
        fprintf(out, "sotto_responses_total{code=\"%u\"} %llu\n", codes[i], (unsigned long long)m->by_code[i]);
    fprintf(out, "sotto_responses_total{code=\"other\"} %llu\n", (unsigned long long)m->by_code[SO_CODES - 1]);
    head(out, "refused_total", "counter", "Requests turned away and connections cut off, by reason.");
    for (size_t i = 0; i < SO_REFUSALS; i++)
        fprintf(out, "sotto_refused_total{reason=\"%s\"} %llu\n", refusals[i], (unsigned long long)m->refused[i]);
    write_latency(out, m);
    head(out, "transcriptions_total", "counter", "Finished transcriptions by what computed them.");
    for (size_t i = 0; i < SO_PATHS; i++)
        fprintf(out, "sotto_transcriptions_total{path=\"%s\"} %llu\n", paths[i], (unsigned long long)m->transcriptions[i]);
    head(out, "products_total", "counter", "Matrix products by what computed them.");
    fprintf(out, "sotto_products_total{path=\"cpu\"} %llu\nsotto_products_total{path=\"npu\"} %llu\n",
            (unsigned long long)m->matmuls_cpu, (unsigned long long)m->matmuls_npu);
    counter(out, "product_fallbacks_total", "Products that an NPU should have computed and the CPU did.", (double)m->fallbacks);
    write_paths(out, m, g);
    counter(out, "sound_seconds_total", "Recorded sound that was transcribed.", m->sound_seconds);
    counter(out, "work_seconds_total", "Wall time of transcriptions; sound over work is the realtime factor.", m->work_seconds);
    counter(out, "upload_bytes_total", "Bytes of uploads.", (double)m->upload_bytes);
    gauge(out, "connections", "Open connections.", g->connections);
    gauge(out, "waiting", "Requests that wait for a worker.", g->waiting);
    gauge(out, "waiting_work_seconds", "Estimated work of those that wait.", g->waiting_work);
    gauge(out, "running", "Requests that are worked on.", g->running);
    gauge(out, "live_sessions", "Open live sessions.", g->live);
    gauge(out, "spooled_bytes", "Bytes of uploads that are held.", (double)g->spooled);
    gauge(out, "ready", "1 while new requests are taken.", g->ready);
}

char *so_metrics_text(struct so_metrics *m, const struct so_gauges *gauges) {
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) return NULL;
    pthread_mutex_lock(&m->lock);
    struct so_metrics copy = *m;
    pthread_mutex_unlock(&m->lock);
    write_all(out, &copy, gauges);
    bool failed = ferror(out) != 0;
    if (fclose(out) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
