/** The calls that transcribe. */
#ifndef SO_SERVER_TRANSCRIPTION_H
#define SO_SERVER_TRANSCRIPTION_H

#include "server/exchange.h"

/** An upload is whole: make a task of it, wait for it, answer by its result or by events as it goes. */
enum MHD_Result so_transcription(struct so_exchange *e);

/** A job that was accepted before a restart. context: the server. */
void so_transcription_resume(void *context, struct so_task *task);

#endif
