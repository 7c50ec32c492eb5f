/* A device that failed: given up with one line, and tried again after a pause where its state allows it. */
#include "backend/xdna/engine.h"

#include <stdio.h>

#include "util/clock.h"

#define REVIVALS 3 /* then it is left alone */

/* The pause doubles, so that a device which fails each time costs little. */
static double pause_before(const struct so_xdna_backend *x) {
    return x->retry_pause * (double)(1u << x->revivals);
}

static void tell(const struct so_xdna_backend *x, const char *line) {
    if (x->log) x->log(x->log_user, line);
}

void so_xdna_retire(struct so_xdna_backend *x, const char *why, bool again) {
    x->stats.failures++;
    again = again && x->retry_pause >= 0 && x->revivals < REVIVALS && !atomic_load(&x->device->gone);
    if (x->retired) {
        if (!again) x->retry_at = 0; /* what came later may be worse */
        return;
    }
    x->retired = true;
    x->retry_at = again ? so_now() + pause_before(x) : 0;
    char line[700], until[60] = "any more";
    if (again) snprintf(until, sizeof until, "for %.3g s", pause_before(x));
    snprintf(line, sizeof line, "the %s is not used %s, the CPU does its work: %s", x->base.ops->name, until,
             why);
    tell(x, line);
}

/* The contexts go, and with them everything that the device might still write. */
static void clear_away(struct so_xdna_backend *x) {
    for (size_t i = 0; i < SO_XDNA_SLOTS && x->under_way;
         i++) { /* the lock is left meanwhile: from the start each time */
        struct so_chain *chain = x->slots[i] ? x->slots[i]->chain : NULL;
        if (!chain || chain->done) continue;
        so_xdna_chain_finish(x, chain);
        i = (size_t)-1;
    }
    so_xdna_contexts_destroy(x);
    for (size_t i = 0; i < SO_XDNA_SLOTS; i++) {
        struct so_ticket *t = x->slots[i];
        if (!t || !t->lost) continue;
        if (t->chain && --t->chain->members == 0) so_xdna_chain_give(x, t->chain);
        t->chain = NULL;
        t->used = t->lost = false;
    }
    for (struct so_xdna_stream *s = x->streams; s; s = s->next) s->trusted = false;
}

bool so_xdna_usable(struct so_xdna_backend *x) {
    pthread_mutex_lock(&x->lock);
    bool due = x->retired && !x->reviving && x->retry_at > 0 && so_now() >= x->retry_at;
    bool usable = !x->retired;
    if (due) {
        x->reviving = true;
        x->retry_at = 0;
        x->revivals++;
        x->stats.retries++;
        clear_away(x);
    }
    pthread_mutex_unlock(&x->lock);
    if (!due) return usable;
    sotto_error err = {0};
    usable = so_xdna_known_answers(x, &err) == SOTTO_OK;
    char line[700];
    if (usable)
        snprintf(line, sizeof line, "the %s is used again: its known answers are right", x->base.ops->name);
    else
        snprintf(line, sizeof line, "the %s is not used any more: %s", x->base.ops->name, err.message);
    pthread_mutex_lock(&x->lock);
    x->reviving = false;
    x->retired = !usable;
    if (!usable) x->retry_at = 0;
    pthread_mutex_unlock(&x->lock);
    tell(x, line);
    return usable;
}
