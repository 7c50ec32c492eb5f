/** A segment's text in pieces that no line end divides. */
#ifndef SO_OUTPUT_UNITS_H
#define SO_OUTPUT_UNITS_H

#include "sotto.h"
#include "util/arena.h"

enum so_unit_end { SO_UNIT_PLAIN, SO_UNIT_CLAUSE, SO_UNIT_SENTENCE };

struct so_unit {
    const char *text; /**< [length], no white space at both ends */
    size_t length;
    size_t width; /**< columns, at least 1: wide characters (model/script.h) count two */
    bool space;   /**< white space stands before it */
    double start, end;
    enum so_unit_end ends; /**< with a full stop or its like, a comma or its like, or neither */
};

/**
 * The units of a segment, from its words where it has them, else from its text, the segment's time divided by their widths.
 * *units: [*n] in the arena. False for want of memory.
 */
bool so_units_make(const sotto_segment *segment, struct so_arena *arena, struct so_unit **units, size_t *n);

#endif
