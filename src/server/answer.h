/** A result as the body of an answer: OpenAI's fields, and those of the old service beside them. */
#ifndef SO_SERVER_ANSWER_H
#define SO_SERVER_ANSWER_H

#include "server/task.h"

/** malloc'd, without memory NULL. *type: the content type. processing: seconds since the upload was whole. */
char *so_answer(const struct so_task *task, const sotto_result *result, double processing, size_t *n, const char **type);

/**
 * The events that a segment brings, and the last one; false without memory. The task is locked. result: NULL while it is not
 * known, and with it who speaks.
 */
bool so_answer_segment_event(struct so_task *task, const sotto_result *result, const sotto_segment *segment);
bool so_answer_done_event(struct so_task *task, const sotto_result *result);

#endif
