#include "decode/turn.h"

#include <time.h>

enum { LOOK_UP_MS = 100 }; /* how often one who waits for a step looks whether his caller still wants it */

/** Whom the next turn may serve. */
enum mode {
    EVERYBODY,
    BRIEF, /* long ones rest */
    OWED,  /* long ones go first */
};

static bool at_work(const struct so_engine *e) { return e->wants != SO_WANTS_NOTHING || e->n_active > 0 || !e->away; }

static enum mode mode_of(const struct so_machine *m) {
    bool brief = false, resting = false;
    for (const struct so_engine *e = m->first; e; e = e->next) {
        if (e->brief) brief = brief || at_work(e);
        else resting = resting || e->wants != SO_WANTS_NOTHING;
    }
    if (!brief || !resting) return EVERYBODY;
    return m->paying ? OWED : BRIEF;
}

static bool served(const struct so_engine *e, enum mode mode) { return e->n_active > 0 && (mode != BRIEF || e->brief); }

/** The encoding that goes next, or somebody who makes a step; NULL: nobody can, or somebody brief is about to. */
static struct so_engine *choose(const struct so_machine *m) {
    enum mode mode = mode_of(m);
    struct so_engine *work = NULL, *step = NULL, *resting = NULL;
    bool runs = false, coming = false;
    for (struct so_engine *e = m->first; e; e = e->next) {
        runs = runs || served(e, mode);
        coming = coming || (e->brief && e->wants == SO_WANTS_NOTHING && !e->away);
        /* One of whose windows is done has more to do than a step for the others. */
        if (e->wants == SO_WANTS_STEP && !e->finished && (!step || (e->brief && !step->brief))) step = e;
        if (e->wants != SO_WANTS_WORK) continue;
        struct so_engine **place = mode == BRIEF && !e->brief ? &resting : &work;
        bool first = !*place || (mode == OWED && e->brief != (*place)->brief ? !e->brief : e->served < (*place)->served);
        if (first) *place = e;
    }
    if (work) return work;
    if (runs && step) return step;
    return coming ? NULL : resting;
}

/** With the lock. */
static void grant(struct so_machine *m) {
    if (m->holder) return;
    m->holder = choose(m);
    if (m->holder) pthread_cond_signal(&m->holder->wake);
}

void so_turn_join(struct so_engine *e) {
    struct so_machine *m = e->machine;
    pthread_mutex_lock(&m->lock);
    for (const struct so_engine *other = m->first; other; other = other->next)
        if (other == m->first || other->served < e->served) e->served = other->served; /* no claim on what was before its time */
    e->next = m->first;
    m->first = e;
    m->n_engines++;
    pthread_mutex_unlock(&m->lock);
}

void so_turn_leave(struct so_engine *e) {
    struct so_machine *m = e->machine;
    pthread_mutex_lock(&m->lock);
    struct so_engine **at = &m->first;
    while (*at != e) at = &(*at)->next;
    *at = e->next;
    m->n_engines--;
    grant(m);
    pthread_mutex_unlock(&m->lock);
}

void so_turn_take(struct so_engine *e) {
    struct so_machine *m = e->machine;
    pthread_mutex_lock(&m->lock);
    e->wants = SO_WANTS_WORK;
    grant(m);
    while (m->holder != e) pthread_cond_wait(&e->wake, &m->lock);
    e->mode = mode_of(m); /* as when it was chosen */
    e->stepping = false;
    e->wants = SO_WANTS_NOTHING;
    pthread_mutex_unlock(&m->lock);
}

void so_turn_give(struct so_engine *e, double seconds) {
    struct so_machine *m = e->machine;
    pthread_mutex_lock(&m->lock);
    if (e->mode == BRIEF) m->owed += seconds / 3;
    if (e->mode == OWED && (!e->brief || e->stepping)) m->owed -= seconds;
    if (m->owed >= SO_TURN_OWED) m->paying = true;
    if (m->owed <= 0) m->paying = false;
    if (!e->stepping) e->served += seconds; /* a step is charged to those whom it served */
    m->holder = NULL;
    grant(m);
    pthread_mutex_unlock(&m->lock);
}

bool so_turn_step(struct so_engine *e) {
    struct so_machine *m = e->machine;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_UP_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&m->lock);
    bool waiting = true;
    e->wants = SO_WANTS_STEP;
    while (!e->finished && e->n_active && m->holder != e && waiting) {
        grant(m);
        if (m->holder != e) waiting = pthread_cond_timedwait(&e->wake, &m->lock, &until) == 0;
    }
    bool mine = m->holder == e;
    e->finished = false;
    e->stepping = mine;
    e->mode = mode_of(m);
    e->wants = SO_WANTS_NOTHING;
    pthread_mutex_unlock(&m->lock);
    return mine;
}

size_t so_turn_runs(struct so_engine *e, struct so_run **runs, size_t capacity) {
    struct so_machine *m = e->machine;
    struct so_backend *backend = NULL;
    size_t n = 0, start = 0;
    pthread_mutex_lock(&m->lock);
    start = m->n_engines ? m->next_start++ % m->n_engines : 0;
    /* Twice around the list: from the one at `start` to its end, and from its beginning. */
    for (size_t pass = 0; pass < 2; pass++) {
        size_t index = 0;
        for (const struct so_engine *other = m->first; other; other = other->next, index++) {
            if ((index >= start) != (pass == 0) || !served(other, e->mode)) continue;
            if (n == 0) backend = other->device.backend; /* one device a step */
            if (other->device.backend != backend) continue;
            for (struct so_run *run = other->runs; run && n < capacity; run = run->next)
                if (run->active) runs[n++] = run;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return n;
}

void so_turn_measure(struct so_engine *e, uint64_t n_samples) {
    if (n_samples <= (uint64_t)(SO_BRIEF_SECONDS * SOTTO_SAMPLE_RATE)) return;
    pthread_mutex_lock(&e->machine->lock);
    e->brief = false;
    pthread_mutex_unlock(&e->machine->lock);
}

void so_turn_away(struct so_engine *e, bool away) {
    pthread_mutex_lock(&e->machine->lock);
    e->away = away;
    if (away) grant(e->machine);
    pthread_mutex_unlock(&e->machine->lock);
}
