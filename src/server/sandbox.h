/** What a process that reads hostile media gives up before it reads the first byte. */
#ifndef SO_SERVER_SANDBOX_H
#define SO_SERVER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/** In the helper, once: no new privileges, no core dumps, first in line when memory runs out; a network and a root of its own where allowed. */
bool so_sandbox_prepare(void);

/**
 * In the child: limits on memory, processor time, files and processes; killed after `seconds` of wall time; then only the system
 * calls of a list (reading and writing what is open, memory, time). Opening anything fails; sockets, processes and
 * everything else that is not on the list end it at once. Descriptors that are to be used must be open.
 */
bool so_sandbox_enter(uint32_t seconds);

#endif
