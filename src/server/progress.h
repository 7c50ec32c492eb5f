/** How far a task is, and the calls about jobs. */
#ifndef SO_SERVER_PROGRESS_H
#define SO_SERVER_PROGRESS_H

#include "server/exchange.h"

enum MHD_Result so_progress_answer(struct so_exchange *e); /**< GET /progress/ID, /progress/ID/stream, /jobs/ID, /jobs/ID/result */
enum MHD_Result so_job_delete(struct so_exchange *e);      /**< DELETE /jobs/ID */

/** The 202 of an accepted job. */
enum MHD_Result so_job_accepted(struct so_exchange *e);

#endif
