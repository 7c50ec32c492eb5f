#include "server/live_sessions.h"

#include <time.h>

#include "server/limits.h"

void so_live_start(struct so_live *live, unsigned at_once) {
    so_live_gate_init(&live->gate, at_once);
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->ended, NULL);
    live->places = live->running = 0;
    atomic_init(&live->stopping, false);
}

void so_live_stop(struct so_live *live) {
    atomic_store(&live->stopping, true);
    pthread_mutex_lock(&live->lock);
    while (live->running) pthread_cond_wait(&live->ended, &live->lock);
    /* One whose handshake is under way has no thread yet; a client that does not take the answer is not
     * waited for. */
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SO_LIVE_CLOSE_SECONDS;
    bool waiting = true;
    while (live->running || (live->places && waiting)) {
        if (live->running) pthread_cond_wait(&live->ended, &live->lock);
        else waiting = pthread_cond_timedwait(&live->ended, &live->lock, &until) == 0;
    }
    pthread_mutex_unlock(&live->lock);
}

unsigned so_live_count(struct so_live *live) {
    pthread_mutex_lock(&live->lock);
    unsigned n = live->places;
    pthread_mutex_unlock(&live->lock);
    return n;
}
