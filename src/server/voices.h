/** The known speakers that a request brings with it: their voices, learnt from short recordings before its
 * own is heard. */
#ifndef SO_SERVER_VOICES_H
#define SO_SERVER_VOICES_H

#include "server/media.h"
#include "server/task.h"

/** *people: NULL where none are known; to be freed by sotto_people_free. Of `options` threads, cancel and
 * user count. */
sotto_status so_voices_learn(struct so_media *media, const struct so_task *task, const sotto_options *options,
                             sotto_people **people, sotto_error *err);

#endif
