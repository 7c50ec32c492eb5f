#include "gemm_core.h"

#if defined(__AIEARCH__) || defined(__aie__) || defined(__AIENGINE__)

#include <aie_api/aie.hpp>

namespace {

/* One block of sums in the accumulator registers: 4 x 8, 8 deep, 256 multiplications an instruction. */
class Block {
  public:
    void load(const int32_t *c) { sums = Mmul(aie::load_v<32>(c)); }
    void store(int32_t *c) const { aie::store_v(c, sums.template to_vector<int32_t>()); }
    void mac(const int8_t *a, const int8_t *b) { sums.mac(aie::load_v<32>(a), aie::load_v<64>(b)); }

  private:
    using Mmul = aie::mmul<4, 8, 8, int8_t, int8_t, acc32>;
    Mmul sums;
};

} // namespace

#define PIPELINED chess_prepare_for_pipelining

#else

namespace {

/* What the instruction computes, in plain arithmetic. */
class Block {
  public:
    void load(const int32_t *c) {
        for (int i = 0; i < 32; i++) sums[i] = c[i];
    }
    void store(int32_t *c) const {
        for (int i = 0; i < 32; i++) c[i] = sums[i];
    }
    void mac(const int8_t *a, const int8_t *b) {
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 8; k++)
                for (int j = 0; j < 8; j++) sums[i * 8 + j] += a[i * 8 + k] * b[k * 8 + j];
    }

  private:
    int32_t sums[32];
};

} // namespace

#endif

#ifndef __chess__
#undef PIPELINED
#define PIPELINED
#endif

extern "C" void gemm_zero(int32_t *c) {
    for (int i = 0; i < GEMM_M * GEMM_N; i++) c[i] = 0;
}

/*
 * Two by two blocks of C at a time: each block of A and of B that is loaded serves two instructions, so that the two load ports
 * keep up with the multiplier.
 */
extern "C" void gemm_tile(const int8_t *a, const int8_t *b, int32_t *c) {
    constexpr int depth = GEMM_K / 8, width = GEMM_N / 8;
    for (int i = 0; i < GEMM_M / 4; i += 2)
        for (int j = 0; j < width; j += 2) {
            int32_t *c0 = c + (i * width + j) * 32, *c1 = c0 + width * 32;
            Block b00, b01, b10, b11;
            b00.load(c0);
            b01.load(c0 + 32);
            b10.load(c1);
            b11.load(c1 + 32);
            const int8_t *a0 = a + i * depth * 32, *a1 = a0 + depth * 32, *bk = b + j * 64;
            for (int k = 0; k < depth; k++) PIPELINED {
                b00.mac(a0, bk);
                b01.mac(a0, bk + 64);
                b10.mac(a1, bk);
                b11.mac(a1, bk + 64);
                a0 += 32;
                a1 += 32;
                bk += width * 64;
            }
            b00.store(c0);
            b01.store(c0 + 32);
            b10.store(c1);
            b11.store(c1 + 32);
        }
}
