/* Windows that are being decoded: one step of the decoder serves those of all transcriptions at work. */
#include <string.h>

#include "decode/turn.h"
#include "util/clock.h"
#include "util/memory.h"

void so_engine_begin(struct so_engine *e, struct so_run *run, struct so_window *window) {
    struct so_step_row row;
    bool known = run->owner != NULL, more = so_window_next(window, &row, 1) > 0;
    pthread_mutex_lock(&e->machine->lock);
    run->window = window;
    run->status = SOTTO_OK;
    run->active = more;
    e->n_active += more;
    if (!known) {
        run->owner = e;
        run->next = e->runs;
        e->runs = run;
    }
    pthread_mutex_unlock(&e->machine->lock);
}

bool so_engine_is_done(struct so_engine *e, const struct so_run *run) {
    pthread_mutex_lock(&e->machine->lock);
    bool done = !run->active;
    pthread_mutex_unlock(&e->machine->lock);
    return done;
}

void so_engine_withdraw(struct so_engine *e) {
    if (!e->machine || !e->runs) return;
    pthread_mutex_lock(&e->machine->lock);
    bool busy = e->n_active > 0;
    pthread_mutex_unlock(&e->machine->lock);
    if (busy) so_turn_take(e); /* then no step is under way */
    pthread_mutex_lock(&e->machine->lock);
    for (struct so_run *run = e->runs; run; run = run->next) run->active = false;
    e->runs = NULL;
    e->n_active = 0;
    e->finished = false;
    pthread_mutex_unlock(&e->machine->lock);
    if (busy) so_turn_give(e, 0);
}

/** A step: the runs it serves, at most one for each row. */
struct step {
    struct so_machine *machine;
    struct so_run *runs[SO_ENGINE_ROWS];
    size_t n_runs, n_rows;
};

static void consume_task(void *context, size_t item, size_t worker) {
    struct so_run *run = ((struct step *)context)->runs[item];
    struct so_step_row row;
    (void)worker;
    run->status = so_window_consume(run->window, &run->error);
    run->asked = run->status ? 0 : so_window_next(run->window, &row, 1); /* 0: it is done */
}

/** Collect rows; what has no room waits for the next step. */
static void gather(struct step *s) {
    size_t served = 0;
    for (size_t i = 0; i < s->n_runs && s->n_rows < SO_ENGINE_ROWS; i++) {
        struct so_run *run = s->runs[i];
        run->asked = so_window_next(run->window, s->machine->rows + s->n_rows, SO_ENGINE_ROWS - s->n_rows);
        s->n_rows += run->asked;
        s->runs[served++] = run;
    }
    s->n_runs = served;
}

/** The step failed before it changed anything: some window's rows are at fault. Each by itself, so that it alone pays for it. */
static void one_by_one(struct step *s) {
    struct so_machine *m = s->machine;
    for (size_t i = 0; i < s->n_runs; i++) {
        struct so_run *run = s->runs[i];
        size_t n = so_window_next(run->window, m->rows, SO_ENGINE_ROWS);
        run->status = so_decoder_step(m->decoder, m->rows, n, &run->error);
        run->asked = 0;
        if (!run->status) consume_task(s, i, 0);
    }
}

static void compute(struct step *s) {
    struct so_machine *m = s->machine;
    so_decoder_use(m->decoder, s->runs[0]->owner->device.backend);
    if (so_decoder_step(m->decoder, m->rows, s->n_rows, NULL)) one_by_one(s);
    else so_pool_run(m->pool, s->n_runs, consume_task, s);
}

/** Those that are done are their owners' again; each transcription is charged its share of the time. */
static void settle(struct step *s, const struct so_products *before, double seconds) {
    struct so_products now = so_decoder_products(s->machine->decoder);
    struct so_engine *last = NULL;
    for (size_t i = 0; i < s->n_runs; i++) { /* one transcription's stand together */
        struct so_engine *owner = s->runs[i]->owner;
        owner->timing.decode += seconds / (double)s->n_runs;
        if (owner != last) so_products_add(&owner->decoder, &now, before);
        last = owner;
    }
    pthread_mutex_lock(&s->machine->lock);
    for (size_t i = 0; i < s->n_runs; i++) {
        struct so_run *run = s->runs[i];
        run->owner->served += seconds / (double)s->n_runs;
        if (run->asked) continue;
        run->active = false;
        run->owner->n_active--;
        run->owner->finished = true;
        pthread_cond_signal(&run->owner->wake);
    }
    pthread_mutex_unlock(&s->machine->lock);
}

static void measure(const struct step *s, bool begin) {
    for (size_t i = 0; i < s->n_runs; i++) {
        struct so_engine *owner = s->runs[i]->owner;
        if (i > 0 && s->runs[i - 1]->owner == owner) continue;
        if (begin) so_usage_begin(&owner->meter);
        else so_usage_end(&owner->meter, &owner->decoder_usage);
    }
}

void so_engine_advance(struct so_engine *e) {
    struct step s = {.machine = e->machine};
    if (!so_turn_step(e)) return;
    double from = so_now();
    s.n_runs = so_turn_runs(e, s.runs, SO_ENGINE_ROWS);
    gather(&s);
    if (s.n_runs) {
        struct so_products before = so_decoder_products(e->machine->decoder);
        measure(&s, true);
        compute(&s);
        measure(&s, false);
        settle(&s, &before, so_now() - from);
    }
    so_turn_give(e, so_now() - from);
}

sotto_status so_engine_decode(struct so_engine *e, struct so_window *window, bool (*cancel)(void *), void *user, sotto_error *err) {
    struct so_run run = {0};
    sotto_status status = SOTTO_OK;
    so_engine_begin(e, &run, window);
    while (!status && !so_engine_is_done(e, &run)) {
        if (cancel && cancel(user)) status = so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
        else so_engine_advance(e);
    }
    so_engine_withdraw(e);
    if (status || !run.status) return status;
    if (err) *err = run.error;
    return run.status;
}
