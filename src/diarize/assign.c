#include "diarize/assign.h"

#include <math.h>
#include <stdbool.h>

#include "util/memory.h"

/* Three rows: of the columns only each row's three best matter, for at most two of them are taken by others.
 * So there are at most 4 * 4 * 4 choices (the fourth: no column), and all of them are tried. */

struct search {
    const float *score;
    size_t rows, cols, pairs;
    int candidates[SO_ASSIGN_ROWS][SO_ASSIGN_ROWS + 1]; /* columns, best first, then -1 */
    size_t n_candidates[SO_ASSIGN_ROWS];
    int current[SO_ASSIGN_ROWS];
    double best;
    int *choice;
};

static void find_candidates(struct search *s, size_t row) {
    const float *score = s->score + row * s->cols;
    size_t n = 0;
    for (size_t want = so_min(SO_ASSIGN_ROWS, s->cols); n < want; n++) {
        int best = -1;
        for (size_t c = 0; c < s->cols; c++) {
            bool used = false;
            for (size_t i = 0; i < n; i++) used = used || s->candidates[row][i] == (int)c;
            if (!used && (best < 0 || score[c] > score[best])) best = (int)c;
        }
        s->candidates[row][n] = best;
    }
    s->candidates[row][n++] = -1;
    s->n_candidates[row] = n;
}

static void try_row(struct search *s, size_t row, size_t pairs, double sum) {
    if (row == s->rows) {
        if (pairs < s->pairs || !(sum > s->best)) return;
        s->best = sum;
        for (size_t r = 0; r < s->rows; r++) s->choice[r] = s->current[r];
        return;
    }
    for (size_t i = 0; i < s->n_candidates[row]; i++) {
        int column = s->candidates[row][i];
        bool taken = false;
        for (size_t r = 0; r < row; r++) taken = taken || (column >= 0 && s->current[r] == column);
        if (taken) continue;
        s->current[row] = column;
        try_row(s, row + 1, pairs + (column >= 0),
                column < 0 ? sum : sum + (double)s->score[row * s->cols + (size_t)column]);
    }
}

void so_assign(const float *score, size_t rows, size_t cols, int *choice) {
    struct search s = {.score = score,
                       .rows = rows,
                       .cols = cols,
                       .pairs = so_min(rows, cols),
                       .best = -INFINITY,
                       .choice = choice};
    for (size_t row = 0; row < rows; row++) {
        choice[row] = -1;
        find_candidates(&s, row);
    }
    try_row(&s, 0, 0, 0);
}
