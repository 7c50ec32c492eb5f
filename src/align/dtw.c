#include "align/dtw.h"

#include <math.h>

#include "util/memory.h"

enum step { BOTH, ROW, COLUMN };

size_t so_dtw_scratch(size_t rows, size_t columns) {
    return 2 * columns * sizeof(float) + rows * columns;
}

/* One cell: the best sum up to it and the step that leads there. */
static float advance(float score, float both, float row, float column, uint8_t *step) {
    float best = column;
    *step = COLUMN;
    if (row > best) {
        best = row;
        *step = ROW;
    }
    if (both > best) {
        best = both;
        *step = BOTH;
    }
    return best + score;
}

static void walk_back(const uint8_t *steps, size_t rows, size_t columns, size_t *first) {
    for (size_t r = rows, c = columns; r > 0 && c > 0;) {
        first[r - 1] = c - 1;
        uint8_t step = r == 1 ? COLUMN : c == 1 ? ROW : steps[(r - 1) * columns + c - 1];
        if (step != COLUMN) r--;
        if (step != ROW) c--;
    }
}

void so_dtw(const float *score, size_t rows, size_t columns, size_t ld, size_t *first, void *scratch) {
    float *before = scratch,
          *now = before + columns;               /* [columns] best sums of the row before and of this one */
    uint8_t *steps = (uint8_t *)(now + columns); /* [rows][columns] */
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            float both = r && c ? before[c - 1] : -INFINITY, row = r ? before[c] : -INFINITY,
                  column = c ? now[c - 1] : -INFINITY;
            if (r == 0 && c == 0) both = 0;
            now[c] = advance(score[r * ld + c], both, row, column, &steps[r * columns + c]);
        }
        float *swap = before;
        before = now;
        now = swap;
    }
    walk_back(steps, rows, columns, first);
}
