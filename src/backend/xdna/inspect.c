#include "backend/xdna/inspect.h"

#include <inttypes.h>
#include <string.h>

#include "backend/xdna/array.h"
#include "util/memory.h"

static void print_uuid(FILE *out, const uint8_t *uuid) {
    for (int i = 0; i < 16; i++) fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void print_partition(const struct so_xclbin *x, FILE *out) {
    const struct so_xclbin_partition *p = &x->partition;
    fprintf(out, "array partition '%s': %u columns, %u operations per cycle, first column", p->name, p->columns, p->operations_per_cycle);
    for (size_t i = 0; i < p->n_starts; i++) fprintf(out, "%s %u", i ? "," : "", p->starts[i]);
    fputs("\n", out);
    for (size_t i = 0; i < x->n_pdis; i++) {
        fprintf(out, "  configuration %zu: ", i);
        print_uuid(out, x->pdis[i].uuid);
        fprintf(out, ", %zu bytes, kernels", x->pdis[i].size);
        for (size_t k = 0; k < x->pdis[i].n_kernel_ids; k++) fprintf(out, " 0x%" PRIx64, x->pdis[i].kernel_ids[k]);
        fputs("\n", out);
    }
}

static void print_xclbin(const struct so_xclbin *x, FILE *out) {
    fputs("xclbin ", out);
    print_uuid(out, x->uuid);
    fprintf(out, "\nplatform: %s\n%zu sections\n", x->platform[0] ? x->platform : "not given", x->n_sections);
    for (size_t i = 0; i < x->n_sections; i++) {
        const struct so_xclbin_section *s = &x->sections[i];
        fprintf(out, "  %2" PRIu32 " %-22s %-16s at %" PRIu64 ", %" PRIu64 " bytes\n", s->kind, so_xclbin_kind_name(s->kind), s->name,
                s->offset, s->size);
    }
    fprintf(out, "%zu memories\n", x->n_memories);
    if (x->has_partition) print_partition(x, out);
    for (size_t i = 0; i < x->n_kernels; i++) {
        const struct so_xclbin_kernel *k = &x->kernels[i];
        fprintf(out, "kernel '%s': type %" PRIu32 "%s, function %u, id 0x%x", k->name, k->type, k->dpu ? " (DPU)" : "", k->function, k->id);
        if (k->pdi >= 0) fprintf(out, ", configuration %d", k->pdi);
        fputs("\n", out);
    }
    for (size_t i = 0; i < x->n_arguments; i++)
        fprintf(out, "  argument %zu '%s': %s at 0x%02" PRIx32 ", %" PRIu32 " bytes\n", i, x->arguments[i].name, x->arguments[i].type,
                x->arguments[i].offset, x->arguments[i].size);
    size_t kernel;
    sotto_error why = {0};
    if (so_xclbin_usable(x, SO_ARRAY_COLUMNS, &kernel, &why) == SOTTO_OK)
        fprintf(out, "usable on XDNA1: yes, by kernel '%s'\n", x->kernels[kernel].name);
    else
        fprintf(out, "usable on XDNA1: no, %s\n", why.message);
}

/* What a register is, as far as streams for this array use it. */
static void print_register(FILE *out, uint32_t reg) {
    unsigned column = reg >> 25, row = reg >> 20 & 0x1f;
    uint32_t offset = reg & 0xfffff, bd = offset - SO_SHIM_BD_BASE, queue = offset - SO_SHIM_QUEUE_BASE;
    fprintf(out, "column %u row %u 0x%05" PRIx32, column, row, offset);
    if (row == 0 && offset >= SO_SHIM_BD_BASE && bd < SO_SHIM_BDS * SO_SHIM_BD_BYTES)
        fprintf(out, " (descriptor %" PRIu32 " word %" PRIu32 ")", bd / SO_SHIM_BD_BYTES, bd % SO_SHIM_BD_BYTES / 4);
    else if (row == 0 && queue % SO_SHIM_QUEUE_STEP == 0 && queue / SO_SHIM_QUEUE_STEP < SO_SHIM_CHANNELS)
        fprintf(out, " (queue %s %" PRIu32 ")", queue / SO_SHIM_QUEUE_STEP < 2 ? "from the array" : "to the array", queue / SO_SHIM_QUEUE_STEP % 2);
}

static void print_descriptor(FILE *out, const uint32_t *w) {
    fprintf(out, "      length %" PRIu32 " words", w[0]);
    if (w[3] >> 20 & 0x3ff) fprintf(out, ", %u x step %u", (unsigned)(w[3] >> 20 & 0x3ff), (unsigned)(w[3] & 0xfffff) + 1);
    if (w[4] >> 20 & 0x3ff) fprintf(out, ", %u x step %u", (unsigned)(w[4] >> 20 & 0x3ff), (unsigned)(w[4] & 0xfffff) + 1);
    if (w[5] & 0xfffff) fprintf(out, ", step %u", (unsigned)(w[5] & 0xfffff) + 1);
    if (w[6] & 0x3ffffff) fprintf(out, ", %u iterations of step %u", (unsigned)(w[6] >> 20 & 0x3f) + 1, (unsigned)(w[6] & 0xfffff) + 1);
    fprintf(out, "%s\n", w[7] & SO_BD_VALID ? "" : ", not valid");
}

static void print_op(FILE *out, const struct so_txn_op *op) {
    fprintf(out, "%6zu  ", op->offset);
    switch (op->code) {
    case SO_TXN_WRITE32:
        fputs("WRITE      ", out);
        print_register(out, op->reg);
        fprintf(out, " = 0x%08" PRIx32 "\n", op->value);
        break;
    case SO_TXN_BLOCKWRITE:
        fputs("BLOCKWRITE ", out);
        print_register(out, op->reg);
        fprintf(out, ", %zu words\n     ", op->n_words);
        for (size_t i = 0; i < op->n_words; i++) fprintf(out, " %08" PRIx32, op->words[i]);
        fputs("\n", out);
        if (op->n_words == SO_SHIM_BD_WORDS && (op->reg & 0xfffff) >= SO_SHIM_BD_BASE) print_descriptor(out, op->words);
        break;
    case SO_TXN_MASKWRITE:
        fputs("MASKWRITE  ", out);
        print_register(out, op->reg);
        fprintf(out, " = 0x%08" PRIx32 " where 0x%08" PRIx32 "\n", op->value, op->mask);
        break;
    case SO_TXN_SYNC:
        fprintf(out, "SYNC       %s, columns %u to %u, row %u, channel %u\n", op->direction ? "to the array" : "from the array", op->column,
                op->column + (op->columns ? op->columns - 1 : 0), op->row, op->channel);
        break;
    case SO_TXN_PATCH:
        fputs("PATCH      ", out);
        print_register(out, op->reg);
        fprintf(out, " = argument %" PRIu32 " + %" PRIu64 "\n", op->argument, op->argument_offset);
        break;
    }
}

static sotto_status print_stream(const uint32_t *words, size_t n_words, FILE *out, sotto_error *err) {
    struct so_txn_reader reader;
    struct so_txn_op op;
    if (so_txn_open(&reader, words, n_words)) {
        const struct so_txn_header *h = &reader.header;
        fprintf(out, "instruction stream %u.%u: generation %u, %u rows, %u columns, %u rows of memory tiles, %" PRIu32 " operations, %" PRIu32 " bytes\n",
                h->major, h->minor, h->generation, h->rows, h->columns, h->memory_rows, h->n_operations, h->n_bytes);
        while (so_txn_next(&reader, &op)) print_op(out, &op);
    }
    if (!reader.problem) return SOTTO_OK;
    return so_fail(err, SOTTO_ERR_DEVICE, "instruction stream, byte %zu: %s", reader.at * 4, reader.problem);
}

sotto_status so_xdna_inspect(const void *bytes, size_t size, FILE *out, sotto_error *err) {
    bool axlf = size >= 7 && memcmp(bytes, "xclbin2", 7) == 0, lfs = size >= 7 && memcmp(bytes, "version", 7) == 0;
    if (axlf || lfs) {
        struct so_xclbin *x = so_alloc(1, sizeof *x);
        if (!x) return so_fail_memory(err, sizeof *x, "an xclbin");
        sotto_status status = so_xclbin_read(bytes, size, x, err);
        if (status == SOTTO_OK) print_xclbin(x, out);
        so_free(x);
        return status;
    }
    uint32_t *words;
    size_t n_words;
    const char *problem = so_txn_load(bytes, size, &words, &n_words);
    if (problem) return so_fail(err, SOTTO_ERR_DEVICE, "neither an xclbin nor an instruction stream: %s", problem);
    sotto_status status = print_stream(words, n_words, out, err);
    so_free(words);
    return status;
}
