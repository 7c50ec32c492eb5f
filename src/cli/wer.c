#include "cli/wer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Words of letters, digits and bytes past ASCII; an apostrophe belongs to its word. */
static int in_word(unsigned char c) { return isalnum(c) || c == '\'' || c >= 0x80; }

static size_t split(char *text, char **words) {
    size_t n = 0;
    for (char *p = text; *p;) {
        while (*p && !in_word((unsigned char)*p)) *p++ = 0;
        if (*p) words[n++] = p;
        for (; *p && in_word((unsigned char)*p); p++) *p = (char)tolower((unsigned char)*p);
    }
    return n;
}

static size_t least(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

double so_word_error_rate(const char *reference, const char *text) {
    char *r = strdup(reference), *t = strdup(text);
    char **a = r ? malloc((strlen(r) + 1) * sizeof *a) : NULL, **b = t ? malloc((strlen(t) + 1) * sizeof *b) : NULL;
    size_t n = a ? split(r, a) : 0, m = b ? split(t, b) : 0;
    size_t *row = malloc((m + 1) * sizeof *row);
    double rate = -1;
    if (a && b && row) {
        for (size_t j = 0; j <= m; j++) row[j] = j;
        for (size_t i = 1; i <= n; i++) {
            size_t diagonal = row[0];
            row[0] = i;
            for (size_t j = 1; j <= m; j++) {
                size_t above = row[j];
                row[j] = least(above + 1, row[j - 1] + 1, diagonal + (strcmp(a[i - 1], b[j - 1]) != 0));
                diagonal = above;
            }
        }
        rate = n ? 100.0 * (double)row[m] / (double)n : m ? 100 : 0;
    }
    free(row);
    free(a);
    free(b);
    free(r);
    free(t);
    return rate;
}
