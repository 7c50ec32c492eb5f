#include "model/script.h"

#include "model/unicode.h"
#include "util/compiler.h"

static bool within(const struct so_code_range *ranges, size_t n, uint32_t code) {
    for (size_t i = 0; i < n; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return true;
    return false;
}

bool so_char_is_wide(uint32_t code) {
    static const struct so_code_range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
                                                {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
                                                {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    return code >= 0x1100 && within(wide, SO_COUNT(wide), code);
}

bool so_char_is_unspaced(uint32_t code) {
    /* Thai and Lao, Tibetan and Myanmar, Khmer, then kana and ideographs. */
    static const struct so_code_range unspaced[] = {{0x0e00, 0x0eff}, {0x0f00, 0x109f},  {0x1780, 0x17ff},  {0x2e80, 0x30ff},
                                                    {0x31f0, 0x9fff}, {0xf900, 0xfaff}, {0xff01, 0xff9f}, {0x20000, 0x3fffd}};
    return code >= 0x0e00 && within(unspaced, SO_COUNT(unspaced), code);
}
