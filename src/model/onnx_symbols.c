#include <string.h>

#include "model/onnx.h"
#include "util/memory.h"

/** FNV-1a (Fowler, Noll, Vo). */
static size_t hash(const char *name) {
    uint64_t h = 14695981039346656037u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

/** The name's slot, or the free one where it would be. */
static struct so_onnx_symbol *slot_of(const struct so_onnx_symbols *symbols, const char *name) {
    size_t i = hash(name) & (symbols->capacity - 1);
    while (symbols->slots[i].name && strcmp(symbols->slots[i].name, name))
        i = (i + 1) & (symbols->capacity - 1);
    return &symbols->slots[i];
}

static sotto_status grow(struct so_onnx_symbols *symbols, sotto_error *err) {
    struct so_onnx_symbols larger = {.n = symbols->n, .capacity = so_max(64, 2 * symbols->capacity)};
    larger.slots = so_calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots) return so_fail_memory(err, larger.capacity * sizeof *larger.slots, "a table of names");
    for (size_t i = 0; i < symbols->capacity; i++)
        if (symbols->slots[i].name) *slot_of(&larger, symbols->slots[i].name) = symbols->slots[i];
    so_free(symbols->slots);
    *symbols = larger;
    return SOTTO_OK;
}

sotto_status so_onnx_define(struct so_onnx_symbols *symbols, struct so_onnx_symbol symbol, sotto_error *err) {
    if (2 * (symbols->n + 1) > symbols->capacity) {
        sotto_status status = grow(symbols, err);
        if (status) return status;
    }
    struct so_onnx_symbol *slot = slot_of(symbols, symbol.name);
    if (!slot->name) symbols->n++;
    *slot = symbol;
    return SOTTO_OK;
}

const struct so_onnx_symbol *so_onnx_find(const struct so_onnx_symbols *symbols, const char *name) {
    if (!symbols->capacity || !*name) return NULL;
    const struct so_onnx_symbol *slot = slot_of(symbols, name);
    return slot->name ? slot : NULL;
}
