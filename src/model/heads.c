#include "model/heads.h"

#include "util/compiler.h"

/* The lists that OpenAI's package has for its models; large-v1 and -v2 have the same sizes, and the newer's
 * is taken. */
static const uint8_t tiny_en[][2] = {{1, 0}, {2, 0}, {2, 5}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}};
static const uint8_t tiny[][2] = {{2, 2}, {3, 0}, {3, 2}, {3, 3}, {3, 4}, {3, 5}};
static const uint8_t base_en[][2] = {{3, 3}, {4, 7}, {5, 1}, {5, 5}, {5, 7}};
static const uint8_t base[][2] = {{3, 1}, {4, 2}, {4, 3}, {4, 7}, {5, 1}, {5, 2}, {5, 4}, {5, 6}};
static const uint8_t small_en[][2] = {{6, 6},  {7, 0},  {7, 3},   {7, 8},  {8, 2},  {8, 5},  {8, 7},
                                      {9, 0},  {9, 4},  {9, 8},   {9, 10}, {10, 0}, {10, 1}, {10, 2},
                                      {10, 3}, {10, 6}, {10, 11}, {11, 2}, {11, 4}};
static const uint8_t small[][2] = {{5, 3}, {5, 9}, {8, 0}, {8, 4}, {8, 7},
                                   {8, 8}, {9, 0}, {9, 7}, {9, 9}, {10, 5}};
static const uint8_t medium_en[][2] = {{11, 4},  {14, 1}, {14, 12}, {14, 14}, {15, 4},  {16, 0},
                                       {16, 4},  {16, 9}, {17, 12}, {17, 14}, {18, 7},  {18, 10},
                                       {18, 15}, {20, 0}, {20, 3},  {20, 9},  {20, 14}, {21, 12}};
static const uint8_t medium[][2] = {{13, 15}, {15, 4}, {15, 15}, {16, 1}, {20, 0}, {23, 4}};
static const uint8_t large_v2[][2] = {{10, 12}, {13, 17}, {16, 11}, {16, 12}, {16, 13}, {17, 15},
                                      {17, 16}, {18, 4},  {18, 11}, {18, 19}, {19, 11}, {21, 2},
                                      {21, 3},  {22, 3},  {22, 9},  {22, 12}, {23, 5},  {23, 7},
                                      {23, 13}, {25, 5},  {26, 1},  {26, 12}, {27, 15}};
static const uint8_t large_v3[][2] = {{7, 0},   {10, 17}, {12, 18}, {13, 12}, {16, 1},
                                      {17, 14}, {19, 11}, {21, 4},  {24, 1},  {25, 6}};
static const uint8_t large_v3_turbo[][2] = {{2, 4}, {2, 11}, {3, 3}, {3, 6}, {3, 11}, {3, 14}};

static const struct {
    const uint8_t (*heads)[2];
    size_t count;
    uint32_t layers, state, n_vocab;
} known[] = {
    {tiny_en, SO_COUNT(tiny_en), 4, 384, 51864},
    {tiny, SO_COUNT(tiny), 4, 384, 51865},
    {base_en, SO_COUNT(base_en), 6, 512, 51864},
    {base, SO_COUNT(base), 6, 512, 51865},
    {small_en, SO_COUNT(small_en), 12, 768, 51864},
    {small, SO_COUNT(small), 12, 768, 51865},
    {medium_en, SO_COUNT(medium_en), 24, 1024, 51864},
    {medium, SO_COUNT(medium), 24, 1024, 51865},
    {large_v2, SO_COUNT(large_v2), 32, 1280, 51865},
    {large_v3, SO_COUNT(large_v3), 32, 1280, 51866},
    {large_v3_turbo, SO_COUNT(large_v3_turbo), 4, 1280, 51866},
};

const uint8_t (*so_known_heads(const struct so_hparams *hp, size_t *count))[2] {
    *count = 0;
    for (size_t i = 0; i < SO_COUNT(known); i++) {
        if (known[i].layers != hp->n_text_layer || known[i].state != hp->n_text_state ||
            known[i].n_vocab != hp->n_vocab)
            continue;
        *count = known[i].count;
        return known[i].heads;
    }
    return NULL;
}
