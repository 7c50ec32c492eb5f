/** The one clock that times are measured by. In the header alone, so that programs beside the library use the same one. */
#ifndef SO_UTIL_CLOCK_H
#define SO_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Nanoseconds of a clock that only moves forward; what the kernel calls CLOCK_MONOTONIC. */
static inline int64_t so_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/** The same in seconds. */
static inline double so_now(void) { return (double)so_now_ns() * 1e-9; }

#endif
