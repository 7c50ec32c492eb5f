/** So many live sessions compute at once; the others wait their turn, first come, first served. */
#ifndef SO_SERVER_LIVE_GATE_H
#define SO_SERVER_LIVE_GATE_H

#include <pthread.h>
#include <stdint.h>

struct so_live_gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t next, open; /**< ticket to be given; tickets below it may pass */
};

/** most: how many pass at once. */
static inline void so_live_gate_init(struct so_live_gate *gate, unsigned most) {
    *gate = (struct so_live_gate){.open = most};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->moved, NULL);
}

static inline void so_live_gate_enter(struct so_live_gate *gate) {
    pthread_mutex_lock(&gate->lock);
    uint64_t ticket = gate->next++;
    while (ticket >= gate->open) pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static inline void so_live_gate_leave(struct so_live_gate *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->open++;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

#endif
