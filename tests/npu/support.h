/** What the tests of products share: reproducible operands, panels, and plain C to compare with. */
#ifndef SO_TESTS_NPU_SUPPORT_H
#define SO_TESTS_NPU_SUPPORT_H

#include "backend/backend.h"

enum fill { FILL_RANDOM, FILL_IDENTITY, FILL_ZERO, FILL_LOWEST, FILL_HIGHEST, FILL_MIXED };

/** int8 [rows][columns]; free. */
int8_t *make_matrix(size_t rows, size_t columns, enum fill fill, uint32_t seed);

/** Panels of b [k][n]; *memory to free. */
struct so_panels make_panels(const int8_t *b, size_t k, size_t n, void **memory);

/** c int32 [m][n], the plain definition. */
void plain_product(size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c);

/** The definition with inner loops that compilers vectorise: for large sizes. */
void quick_product(size_t m, size_t k, size_t n, const int8_t *a, const int8_t *b, int32_t *c);

#endif
