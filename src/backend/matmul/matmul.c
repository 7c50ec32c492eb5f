#include "backend/matmul/matmul.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/memory.h"

enum { OPTIONS_VERSION = 1, GROUP = 16 };

void sotto_matmul_options_init(sotto_matmul_options *options) {
    *options = (sotto_matmul_options){.version = OPTIONS_VERSION, .scale_shift = 7, .check_every = 1000};
}

static sotto_status check_options(const sotto_matmul_options *o, sotto_error *err) {
    if (o->version != OPTIONS_VERSION) return so_fail(err, SOTTO_ERR_ARGUMENT, "the options were not set up by sotto_matmul_options_init");
    if (o->scale_shift > 31) return so_fail(err, SOTTO_ERR_ARGUMENT, "scale_shift must be from 0 to 31");
    if ((unsigned)o->device > SOTTO_DEVICE_EMULATOR || (unsigned)o->rounding > SOTTO_ROUND_NEAREST)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there is no such device or rounding");
    if (o->kernel != SOTTO_KERNEL_GEMM && o->kernel != SOTTO_KERNEL_TILE16 && o->kernel != SOTTO_KERNEL_TILE32 &&
        o->kernel != SOTTO_KERNEL_TILE64)
        return so_fail(err, SOTTO_ERR_ARGUMENT, "there is no such kernel");
    return SOTTO_OK;
}

static void tell(void *user, const char *line) {
    const sotto_matmul *x = user;
    if (x->options.on_log) x->options.on_log(x->options.user, line);
}

static sotto_status open_device(sotto_matmul *x, sotto_error *err) {
    const sotto_matmul_options *o = &x->options;
    const char *enabled = getenv("NPU_MATMUL_ENABLED");
    bool automatic = o->device == SOTTO_DEVICE_AUTO;
    if (o->device == SOTTO_DEVICE_CPU || (automatic && (!enabled || strcmp(enabled, "1") != 0))) return SOTTO_OK;
    struct so_backend_options how = {
        .kind = o->device == SOTTO_DEVICE_EMULATOR ? SO_BACKEND_EMULATOR : SO_BACKEND_XDNA,
        .xclbin = o->xclbin,
        .all = true,
        .check_every = o->check_every,
        .log = tell,
        .log_user = x,
    };
    sotto_status status =
        o->kernel == SOTTO_KERNEL_GEMM ? so_backend_open(&how, &x->backend, err) : so_tiles_open(&how, o->kernel, &x->tiles, err);
    if (status == SOTTO_OK || !automatic || status == SOTTO_ERR_MEMORY) return status;
    if (err) tell(x, err->message);
    so_error_clear(err);
    return SOTTO_OK;
}

sotto_status sotto_matmul_open(const sotto_matmul_options *options, sotto_matmul **out, sotto_error *err) {
    *out = NULL;
    so_error_clear(err);
    sotto_matmul_options o;
    sotto_matmul_options_init(&o);
    if (options) o = *options;
    sotto_status status = check_options(&o, err);
    if (status != SOTTO_OK) return status;
    sotto_matmul *x = so_calloc(1, sizeof *x);
    if (!x) return so_fail_memory(err, sizeof *x, "a matmul handle");
    x->options = o;
    x->kernels = so_kernels();
    if (pthread_mutex_init(&x->lock, NULL) != 0) {
        so_free(x);
        return so_fail(err, SOTTO_ERR_MEMORY, "no lock for a matmul handle");
    }
    sotto_error reason = {0};
    status = open_device(x, &reason);
    if (err) *err = reason;
    if (status != SOTTO_OK) {
        sotto_matmul_close(x);
        return status;
    }
    *out = x;
    return SOTTO_OK;
}

void sotto_matmul_close(sotto_matmul *x) {
    if (!x) return;
    so_backend_close(x->backend);
    so_tiles_close(x->tiles);
    so_workspaces_free(x->free);
    pthread_mutex_destroy(&x->lock);
    so_free(x);
}

const char *sotto_matmul_device(const sotto_matmul *x) {
    if (x->tiles) return x->options.device == SOTTO_DEVICE_EMULATOR ? "emulator" : "xdna";
    return x->backend ? so_backend_name(x->backend) : "cpu";
}

static sotto_status check_sizes(const sotto_matmul *x, size_t m, size_t k, size_t n, const void *a, const void *b, const void *c,
                                sotto_error *err) {
    size_t bytes;
    so_error_clear(err);
    if (!x || !a || !b || !c) return so_fail(err, SOTTO_ERR_ARGUMENT, "a product needs a handle and three matrices");
    if (m == 0 || k == 0 || n == 0) return so_fail(err, SOTTO_ERR_ARGUMENT, "m, k and n must be at least 1");
    if (k > SOTTO_MATMUL_MAX_K) return so_fail(err, SOTTO_ERR_ARGUMENT, "k must be at most %d, or sums could leave 32 bits", SOTTO_MATMUL_MAX_K);
    if (!so_mul_size(m, n, &bytes) || !so_mul_size(bytes, sizeof(int32_t), &bytes) || !so_mul_size(m, k, &bytes) || !so_mul_size(k, n, &bytes))
        return so_fail(err, SOTTO_ERR_ARGUMENT, "a matrix of this size does not fit the memory");
    return SOTTO_OK;
}

static void count(sotto_matmul *x, bool on_device, double seconds) {
    pthread_mutex_lock(&x->lock);
    x->counts.calls++;
    x->counts.on_device += on_device;
    x->counts.on_cpu += !on_device;
    so_times_add(&x->times, seconds);
    pthread_mutex_unlock(&x->lock);
}

/* The result of a product under way, straight from the device's buffer to its place. */
static bool collect(sotto_matmul *x, struct so_ticket *ticket, size_t m, size_t n, int32_t *c) {
    int32_t *from;
    size_t ldc;
    bool done = so_backend_wait(x->backend, ticket, &from, &ldc);
    for (size_t i = 0; i < m && done; i++) memcpy(c + i * n, from + i * ldc, n * sizeof *c);
    so_backend_release(x->backend, ticket);
    return done;
}

static sotto_status by_tiles(sotto_matmul *x, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c) {
    double from = so_now();
    pthread_mutex_lock(&x->lock);
    sotto_error err = {0};
    uint64_t dispatches = 0;
    bool good = !x->tiles_failed && so_tiles_product(x->tiles, m, k, n, a, b, c, &dispatches, &err) == SOTTO_OK;
    x->counts.dispatches += dispatches;
    x->counts.tiles += dispatches;
    x->counts.bytes_to += dispatches * 2 * x->options.kernel * x->options.kernel;
    x->counts.bytes_from += dispatches * x->options.kernel * x->options.kernel;
    x->counts.fallbacks += !good;
    bool first = !good && !x->tiles_failed;
    x->tiles_failed = !good;
    pthread_mutex_unlock(&x->lock);
    if (first) tell(x, err.message);
    /* The CPU gives what the kernel would have given. */
    if (!good) so_tiles_model(x->options.kernel, m, k, n, a, b, c);
    count(x, good, so_now() - from);
    return SOTTO_OK;
}

static sotto_status compute(sotto_matmul *x, size_t n_products, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c,
                            sotto_error *err) {
    struct so_product products[GROUP];
    struct so_ticket *tickets[GROUP];
    for (size_t first = 0; first < n_products; first += GROUP) {
        size_t part = so_min(GROUP, n_products - first);
        double from = so_now();
        for (size_t i = 0; i < part; i++)
            products[i] = (struct so_product){
                .m = m,
                .a_s8 = a + (first + i) * m * k,
                .lda = k,
                .b = {.k = k, .n = n},
                .b_rows = b + (first + i) * k * n,
                .changing = true,
            };
        bool started = x->backend && so_backend_wants(x->backend, m, k, n, false) &&
                       so_backend_submit(x->backend, products, part, tickets);
        for (size_t i = 0; i < part; i++) {
            int32_t *to = c + (first + i) * m * n;
            bool done = started && collect(x, tickets[i], m, n, to);
            sotto_status status = done ? SOTTO_OK : so_matmul_cpu(x, m, k, n, products[i].a_s8, products[i].b_rows, to, err);
            for (size_t j = i + 1; status != SOTTO_OK && started && j < part; j++) so_backend_release(x->backend, tickets[j]);
            if (status != SOTTO_OK) return status;
            double now = so_now();
            count(x, done, now - from);
            from = now;
        }
    }
    return SOTTO_OK;
}

sotto_status sotto_matmul_batch_s32(sotto_matmul *x, size_t n_products, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b,
                                    int32_t *c, sotto_error *err) {
    sotto_status status = check_sizes(x, m, k, n, a, b, c, err);
    if (status != SOTTO_OK || !x->tiles) return status != SOTTO_OK ? status : compute(x, n_products, m, k, n, a, b, c, err);
    for (size_t i = 0; i < n_products && status == SOTTO_OK; i++) status = by_tiles(x, m, k, n, a + i * m * k, b + i * k * n, c + i * m * n);
    return status;
}

sotto_status sotto_matmul_s32(sotto_matmul *x, size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c, sotto_error *err) {
    return sotto_matmul_batch_s32(x, 1, m, k, n, a, b, c, err);
}

void sotto_matmul_statistics(sotto_matmul *x, sotto_matmul_stats *out) {
    struct so_backend_stats device = {0};
    if (x->backend) so_backend_statistics(x->backend, &device);
    pthread_mutex_lock(&x->lock);
    *out = x->counts;
    out->fallbacks += device.fallbacks;
    out->checked = device.checked;
    out->tiles += device.tiles;
    out->dispatches += device.dispatches;
    out->bytes_to += device.bytes_to;
    out->bytes_from += device.bytes_from;
    out->lossy = x->tiles != NULL;
    out->total = x->times.total;
    out->mean = so_times_mean(&x->times);
    out->minimum = x->times.minimum;
    out->maximum = x->times.maximum;
    out->p50 = so_times_percentile(&x->times, 0.5);
    out->p95 = so_times_percentile(&x->times, 0.95);
    out->p99 = so_times_percentile(&x->times, 0.99);
    out->per_second = x->times.total > 0 ? (double)x->times.count / x->times.total : 0;
    pthread_mutex_unlock(&x->lock);
}

void sotto_matmul_reset(sotto_matmul *x) {
    if (x->backend) so_backend_reset(x->backend);
    pthread_mutex_lock(&x->lock);
    x->counts = (sotto_matmul_stats){0};
    x->times = (struct so_times){0};
    pthread_mutex_unlock(&x->lock);
}
