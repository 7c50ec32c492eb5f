/* Synthetic xclbin files: the container as real tools lay it out, around a configuration that only the model knows. */
#include <stdio.h>
#include <string.h>

#include "backend/emulator/model.h"
#include "backend/xdna/xclbin.h"
#include "util/memory.h"

#define SECTIONS 4
#define ROOM 8192

static void put16(char *p, unsigned v) {
    p[0] = (char)(v & 0xff);
    p[1] = (char)(v >> 8 & 0xff);
}
static void put32(char *p, uint32_t v) {
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}
static void put_text(char *p, const char *text) { memcpy(p, text, strlen(text) + 1); }
static void put64(char *p, uint64_t v) {
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static size_t ip_layout(char *p) {
    put32(p, 1);
    put32(p + 8, 7);
    put32(p + 12, 1u | 0x901u << 16); /* DPU, kernel id 0x901 */
    put64(p + 16, ~UINT64_C(0));
    put_text(p + 24, "MLIR_AIE:MLIRAIE");
    return 8 + SO_IP_BYTES;
}

static size_t mem_topology(char *p) {
    put32(p, 2);
    put_text(p + 8 + 24, "HOST");
    put_text(p + 8 + SO_MEM_BYTES + 24, "SRAM");
    return 8 + 2 * SO_MEM_BYTES;
}

static size_t metadata(char *p, size_t room) {
    static const char *const name[] = {"opcode", "instr", "ninstr", "bo0", "bo1", "bo2", "bo3", "bo4"};
    static const unsigned offset[] = {0x00, 0x08, 0x10, 0x14, 0x1c, 0x24, 0x2c, 0x34};
    size_t n = (size_t)snprintf(p, room, "<project><platform><device><core><kernel name=\"MLIR_AIE\" type=\"dpu\">");
    for (size_t i = 0; i < 8; i++)
        n += (size_t)snprintf(p + n, room - n, "<arg name=\"%s\" id=\"%zu\" offset=\"0x%02x\" size=\"0x%x\" type=\"%s\"/>", name[i], i,
                              offset[i], i == 2 ? 4u : 8u, i == 0 ? "uint64_t" : i == 2 ? "uint32_t" : "char *");
    n += (size_t)snprintf(p + n, room - n, "</kernel></core></device></platform></project>");
    return n;
}

/* Head, then at fixed places: name, start columns, one PDI, one CDO group, its kernel id, the image. */
static size_t partition(char *p, enum so_emulator_overlay overlay, const uint32_t *counts) {
    enum { NAME = 184, STARTS = 192, PDI = 200, GROUP = 296, IDS = 392, IMAGE = 400, IMAGE_BYTES = 64 };
    put32(p + 4, NAME);
    put32(p + 8, 2048);
    put16(p + 32, overlay < SO_OVERLAY_TILE16 ? SO_ARRAY_COLUMNS : 1);
    put32(p + 40, 1);
    put32(p + 44, STARTS);
    put32(p + 120, 1);
    put32(p + 124, PDI);
    put_text(p + NAME, "QoS");
    put16(p + STARTS, 0);
    for (int i = 0; i < 16; i++) p[PDI + i] = (char)(0xa0 + i);
    put32(p + PDI + 16, IMAGE_BYTES);
    put32(p + PDI + 20, IMAGE);
    put32(p + PDI + 24, 1);
    put32(p + PDI + 28, GROUP);
    put32(p + GROUP, NAME);
    p[GROUP + 4] = 1;
    put64(p + GROUP + 8, 1);
    put32(p + GROUP + 16, 1);
    put32(p + GROUP + 20, IDS);
    put64(p + IDS, 0x901);
    memcpy(p + IMAGE, EMU_PDI_MAGIC, 8);
    put32(p + IMAGE + 8, overlay);
    put32(p + IMAGE + 12, counts[0]);
    put32(p + IMAGE + 16, counts[1]);
    return IMAGE + IMAGE_BYTES;
}

/* counts: K tiles and C tiles of each core of a stock configuration. */
static sotto_status build(enum so_emulator_overlay overlay, const uint32_t *counts, void **bytes,
                          size_t *size, sotto_error *err) {
    char *file = so_calloc(1, ROOM);
    if (!file) return so_fail_memory(err, ROOM, "an overlay");
    static const uint32_t kind[SECTIONS] = {SO_SECTION_MEM_TOPOLOGY, SO_SECTION_AIE_PARTITION, SO_SECTION_EMBEDDED_METADATA,
                                            SO_SECTION_IP_LAYOUT};
    memcpy(file, "xclbin2", 8);
    put32(file + 8, ~UINT32_C(0));
    memset(file + 12, 0xff, 28);
    for (int i = 0; i < 16; i++) file[SO_AXLF_UUID + i] = (char)(i + (int)overlay);
    put32(file + SO_AXLF_SECTIONS, SECTIONS);
    size_t at = SO_AXLF_HEADER + SECTIONS * SO_AXLF_SECTION_BYTES;
    for (int i = 0; i < SECTIONS; i++) {
        char *section = file + at, *entry = file + SO_AXLF_HEADER + i * SO_AXLF_SECTION_BYTES;
        size_t bytes_used = 0;
        switch (kind[i]) {
        case SO_SECTION_MEM_TOPOLOGY:
            bytes_used = mem_topology(section);
            break;
        case SO_SECTION_AIE_PARTITION:
            bytes_used = partition(section, overlay, counts);
            break;
        case SO_SECTION_EMBEDDED_METADATA:
            bytes_used = metadata(section, ROOM - at);
            break;
        default:
            bytes_used = ip_layout(section);
            break;
        }
        put32(entry, kind[i]);
        snprintf(entry + 4, 16, "%s", so_xclbin_kind_name(kind[i]));
        put64(entry + 24, at);
        put64(entry + 32, bytes_used);
        at = so_round_up(at + bytes_used, 8);
    }
    put64(file + SO_AXLF_LENGTH, at);
    *bytes = file;
    *size = at;
    return SOTTO_OK;
}

sotto_status so_emulator_xclbin(enum so_emulator_overlay overlay, void **bytes, size_t *size,
                                sotto_error *err) {
    static const uint32_t none[2] = {0};
    return build(overlay, none, bytes, size, err);
}

sotto_status so_emulator_stock_xclbin(size_t m, size_t k, size_t n, void **bytes, size_t *size,
                                      sotto_error *err) {
    const uint32_t counts[2] = {(uint32_t)(k / SO_TILE_K), (uint32_t)(m / SO_BLOCK_M * (n / SO_BLOCK_N))};
    return build(SO_OVERLAY_STOCK, counts, bytes, size, err);
}
