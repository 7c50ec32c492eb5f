/* Elementwise kernels in place. */

static void add_f32(size_t rows, size_t cols, float *x, size_t ldx, const float *y, size_t ldy) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) {
            float *p = x + r * ldx + i;
            v16_store(p, v16_add(v16_load(p), v16_load(y + r * ldy + i)));
        }
}

static void gelu_f32(size_t rows, size_t cols, float *x, size_t ldx) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i += 16) v16_store(x + r * ldx + i, v16_gelu(v16_load(x + r * ldx + i)));
}
