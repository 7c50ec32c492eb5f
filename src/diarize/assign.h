/** Which cluster each local speaker of a window is: one to one, the best sum of scores (the assignment
 * problem). */
#ifndef SO_DIARIZE_ASSIGN_H
#define SO_DIARIZE_ASSIGN_H

#include <stddef.h>

#define SO_ASSIGN_ROWS 3

/**
 * score: float [rows][cols], finite; rows <= SO_ASSIGN_ROWS. choice: [rows], a column for each row, none
 * twice, -1 for the rows that are left over where there are more of them than columns. As many pairs as can
 * be; of these the largest sum; of equal sums the first in lexical order of each row's columns by falling
 * score.
 */
void so_assign(const float *score, size_t rows, size_t cols, int *choice);

#endif
