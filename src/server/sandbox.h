/** What a process that reads hostile media gives up before it reads the first byte. */
#ifndef SO_SERVER_SANDBOX_H
#define SO_SERVER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/** 1: a build with sanitizers, whose run time maps terabytes and makes system calls of its own: no list of calls, no limit on memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SO_SANDBOX_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SO_SANDBOX_OFF 1
#endif
#endif
#ifndef SO_SANDBOX_OFF
#define SO_SANDBOX_OFF 0
#endif

/** In the helper, once: no new privileges, no core dumps, first in line when memory runs out; a network and a root of its own where allowed. */
bool so_sandbox_prepare(void);

/**
 * In the child: limits on memory, processor time, files and processes; killed after `seconds` of wall time; then only the system
 * calls of a list (reading and writing what is open, memory, time). Opening anything fails; sockets, processes and
 * everything else that is not on the list end it at once. Descriptors that are to be used must be open.
 */
bool so_sandbox_enter(uint32_t seconds);

#endif
