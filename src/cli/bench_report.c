#include "cli/bench_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The whole, the encoder or the decoder. */
struct stage {
    const char *name;
    double seconds;
    sotto_products products; /* linear layers */
    const sotto_usage *usage;
};

static void stages_of(const sotto_result *r, struct stage *out) {
    const sotto_product_counts *p = &r->products;
    sotto_products decoder = {p->cross.cpu + p->decoder.cpu, p->cross.npu + p->decoder.npu};
    out[0] = (struct stage){"whole", r->timing.total, {r->matmuls_cpu, r->matmuls_npu}, &r->usage};
    out[1] = (struct stage){"encoder", r->timing.encode, p->encoder, &r->encoder_usage};
    out[2] = (struct stage){"decoder", r->timing.decode, decoder, &r->decoder_usage};
}

enum { STAGES = 3, NAMES = 9 };

struct named {
    const char *name;
    sotto_products products;
};

static void names_of(const sotto_result *r, struct named *out) {
    const sotto_product_counts *p = &r->products;
    const struct named all[NAMES] = {{"encoder", p->encoder},       {"cross", p->cross},           {"decoder", p->decoder},
                                     {"convolution", p->convolution}, {"qk", p->qk},               {"pv", p->pv},
                                     {"decoder_qk", p->decoder_qk}, {"decoder_pv", p->decoder_pv}, {"logits", p->logits}};
    for (int i = 0; i < NAMES; i++) out[i] = all[i];
}

static bool decoder_stayed(const sotto_result *r) { return r->matmuls_npu > 0 && r->products.decoder.npu == 0; }
static bool on_device(const sotto_result *r) { return r->matmuls_npu > 0; }

static void print_stage(const sotto_result *r, const struct stage *s) {
    printf("  %-8s %9.3f s, %7.2f x realtime; products: %" PRIu64 " on the CPU, %" PRIu64 " on the device\n", s->name, s->seconds,
           s->seconds > 0 ? r->duration / s->seconds : 0, s->products.cpu, s->products.npu);
    if (!s->usage->measured) return;
    printf("           NPU busy ");
    if (on_device(r))
        printf("%.1f %%", s->seconds > 0 ? 100 * s->usage->npu_busy / s->seconds : 0);
    else
        printf("not at all");
    if (s->usage->peak_memory)
        printf(", peak memory %.1f MB", (double)s->usage->peak_memory / 1e6);
    else
        printf(", peak memory not available");
    if (isfinite(s->usage->energy))
        printf(", energy of the CPU %.2f J\n", s->usage->energy);
    else
        printf(", energy of the CPU not available\n");
}

void so_bench_text(const struct so_bench_run *run) {
    const sotto_result *r = run->result;
    struct stage stages[STAGES];
    struct named names[NAMES];
    printf("%s, %.1f s of audio, %" PRIu64 " fallbacks%s%s\n", r->device_path, r->duration, r->fallbacks, r->lossy ? ", lossy" : "",
           run->emulated ? " (a model: its times say nothing about an NPU)" : "");
    stages_of(r, stages);
    names_of(r, names);
    for (int i = 0; i < STAGES; i++) print_stage(r, &stages[i]);
    printf("  products by name, CPU + device:");
    for (int i = 0; i < NAMES; i++)
        printf("%s %s %" PRIu64 " + %" PRIu64, i ? "," : "", names[i].name, names[i].products.cpu, names[i].products.npu);
    puts("");
    if (r->npu_commands >= 0) printf("  commands completed, by the driver's count: %" PRId64 "\n", r->npu_commands);
    if (decoder_stayed(r)) puts("  the planner leaves the decoder's steps, a few rows each, to the CPU (--npu-all)");
    if (run->wer_reference >= 0) printf("  word error rate against the reference: %.2f %%\n", run->wer_reference);
    if (run->wer_cpu >= 0) printf("  word error rate against the CPU: %.2f %%, text %s\n", run->wer_cpu, run->identical ? "identical" : "DIFFERENT");
}

/* ---- JSON ---- */

static json_t *real(double value) { return isfinite(value) ? json_real(value) : json_null(); }
static json_t *known(double value) { return value >= 0 ? json_real(value) : json_null(); }
static json_t *pair(sotto_products p) { return json_pack("{sIsI}", "cpu", (json_int_t)p.cpu, "npu", (json_int_t)p.npu); }

static json_t *stage_object(const sotto_result *r, const struct stage *s) {
    bool measured = s->usage->measured, busy = measured && on_device(r) && s->seconds > 0;
    return json_pack("{sf so so so so so}", "seconds", s->seconds, "realtime_factor", s->seconds > 0 ? json_real(r->duration / s->seconds) : json_null(),
                     "products", pair(s->products), "npu_utilisation", busy ? json_real(s->usage->npu_busy / s->seconds) : json_null(),
                     "peak_memory", measured && s->usage->peak_memory ? json_integer((json_int_t)s->usage->peak_memory) : json_null(),
                     "energy", measured ? real(s->usage->energy) : json_null());
}

static json_t *run_object(const struct so_bench_run *run) {
    const sotto_result *r = run->result;
    struct stage stages[STAGES];
    struct named names[NAMES];
    json_t *products = json_object();
    stages_of(r, stages);
    names_of(r, names);
    for (int i = 0; i < NAMES; i++) json_object_set_new(products, names[i].name, pair(names[i].products));
    json_t *object = json_pack("{ss sb sb sI so ss so so so}", "device", r->device_path, "emulated", run->emulated, "lossy", r->lossy, "fallbacks",
                               (json_int_t)r->fallbacks, "commands_completed", r->npu_commands < 0 ? json_null() : json_integer(r->npu_commands), "text", r->text, "wer_reference", known(run->wer_reference), "wer_cpu",
                               known(run->wer_cpu), "products", products);
    if (object && run->wer_cpu >= 0) json_object_set_new(object, "identical", json_boolean(run->identical));
    for (int i = 0; i < STAGES && object; i++) json_object_set_new(object, stages[i].name, stage_object(r, &stages[i]));
    return object;
}

bool so_bench_json(const char *audio, const struct so_bench_run *runs, size_t n) {
    const sotto_result *first = runs[0].result;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, run_object(&runs[i]));
    json_t *root = json_pack("{ss? sf ss ss so}", "audio", audio, "duration", first->duration, "model", first->model, "cpu_level",
                             sotto_cpu_level(), "runs", list);
    char *text = root && json_array_size(list) == n ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    if (text) puts(text);
    free(text);
    json_decref(root);
    return text != NULL;
}
