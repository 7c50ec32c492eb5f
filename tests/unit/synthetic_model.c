/** synthetic_model PATH [int8|f32] [STATE] [LAYERS] [SEED] [MELS] [VOCAB] [terse]: write a random model, for
 * scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synthetic.h"

static uint32_t number(int argc, char **argv, int index, uint32_t otherwise) {
    return argc > index ? (uint32_t)strtoul(argv[index], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    sotto_error err = {SOTTO_OK, ""};
    if (argc < 2) {
        fprintf(stderr, "usage: synthetic_model PATH [int8|f32] [STATE] [LAYERS] [SEED] [MELS] [VOCAB] [terse]\n");
        return 2;
    }
    const enum so_precision precision = argc > 2 && !strcmp(argv[2], "f32") ? SO_F32 : SO_INT8;
    const uint32_t state = number(argc, argv, 3, 64), layers = number(argc, argv, 4, 2);
    const struct so_hparams hp =
        so_synthetic_hparams(state, layers, layers, number(argc, argv, 6, 80), number(argc, argv, 7, 51865));
    const bool terse = argc > 8 && !strcmp(argv[8], "terse");
    if ((terse ? so_synthetic_write_terse : so_synthetic_write)(argv[1], &hp, precision, number(argc, argv, 5, 1), &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
