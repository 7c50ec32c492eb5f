/** One task from its upload to its answer: decode in the media helper's child, transcribe, render. */
#ifndef SO_SERVER_RUN_H
#define SO_SERVER_RUN_H

#include "server/work.h"

/** Called by a worker; the task is settled when this returns. */
void so_run_task(struct so_work *work, struct so_task *task);

#endif
