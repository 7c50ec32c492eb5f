/**
 * Whose turn it is at a machine. A turn is one encoding, one alignment, or one decoder step for the windows of everybody; between
 * turns the next one is chosen:
 *
 * - What fills windows (encodings) goes before steps, so that steps are full; among encodings the transcription goes first that has
 *   had the least of the machine.
 * - While a brief recording (SO_BRIEF_SECONDS) is at work, long ones rest, so that it takes little longer than alone. They are owed a
 *   third of that time; when SO_TURN_OWED seconds have gathered, everybody is served and long ones first, until it is paid back.
 *
 * Nothing is computed differently by that: a row's result does not depend on what shares its step.
 */
#ifndef SO_DECODE_TURN_H
#define SO_DECODE_TURN_H

#include "decode/engine.h"

#define SO_BRIEF_SECONDS 60.0
#define SO_TURN_OWED 0.5

/** Come and go. Nothing of it may be under way when it goes. */
void so_turn_join(struct so_engine *engine);
void so_turn_leave(struct so_engine *engine);

/** Wait for a turn to encode or align; then the machine is this caller's until so_turn_give. */
void so_turn_take(struct so_engine *engine);
/** `seconds`: what it took. */
void so_turn_give(struct so_engine *engine, double seconds);

/** Wait for a turn to make a step; false: one of its own windows is done, none is there, or some time has passed. */
bool so_turn_step(struct so_engine *engine);

/** The windows that the step of this turn should serve, at most `capacity`; returns how many. */
size_t so_turn_runs(struct so_engine *engine, struct so_run **runs, size_t capacity);

/** So many samples have been read of the recording: it is not brief, whatever its header says, when they are too many. */
void so_turn_measure(struct so_engine *engine, uint64_t n_samples);

/** About to do what may take long without the machine (reading, callbacks): nobody waits for it. And back. */
void so_turn_away(struct so_engine *engine, bool away);

#endif
