/** Dynamic time warping (Sakoe & Chiba 1978): the best way through a picture of rows (tokens) over columns
 * (time). */
#ifndef SO_ALIGN_DTW_H
#define SO_ALIGN_DTW_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of scratch for `rows` x `columns`, both at least 1. */
size_t so_dtw_scratch(size_t rows, size_t columns);

/**
 * The path from the first row and column to the last ones with the highest sum of scores over its cells, each
 * step one row, one column or both further. score: float [rows][ld], ld >= columns. first[r] (r < rows): the
 * first column in which the path is in row r. Of equal ways back a column is taken before a row and a row
 * before both.
 */
void so_dtw(const float *score, size_t rows, size_t columns, size_t ld, size_t *first, void *scratch);

#endif
