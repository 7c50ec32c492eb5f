#include "backend/cpu/kernels.h"
#include "model/vocab.h"
#include "sotto.h"

const char *sotto_language(size_t index) { return so_language_code(index); }

const char *sotto_language_name(const char *code) {
    int index = code ? so_language_index(code) : -1;
    return index < 0 ? NULL : so_language_name((size_t)index);
}

const char *sotto_cpu_level(void) { return so_kernels()->level; }
