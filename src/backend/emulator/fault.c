/* Faults by their names, for programs: "KIND[:AT[:VALUE]]". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/emulator/emulator.h"
#include "util/compiler.h"

bool so_emulator_fault_named(const char *text, struct so_emulator_fault *out) {
    static const struct {
        const char *name;
        enum so_fault_kind kind;
    } kinds[] = {{"errno", SO_FAULT_ERRNO},   {"state", SO_FAULT_STATE}, {"hang", SO_FAULT_HANG}, {"silent", SO_FAULT_SILENT},
                 {"flip", SO_FAULT_FLIP},     {"gone", SO_FAULT_GONE},   {"heap", SO_FAULT_HEAP}, {"firmware", SO_FAULT_FIRMWARE}};
    size_t length = strcspn(text, ":");
    *out = (struct so_emulator_fault){.at = 1};
    for (size_t i = 0; i < SO_COUNT(kinds); i++)
        if (strlen(kinds[i].name) == length && strncmp(text, kinds[i].name, length) == 0) out->kind = kinds[i].kind;
    uint64_t *const numbers[] = {&out->at, &out->value};
    const char *at = text + length;
    for (size_t i = 0; i < 2 && *at == ':'; i++) {
        char *end;
        if (at[1] < '0' || at[1] > '9') return false;
        *numbers[i] = strtoull(at + 1, &end, 10);
        at = end;
    }
    return out->kind != SO_FAULT_NONE && *at == 0 && out->at > 0;
}

sotto_status so_emulator_for_program(struct so_emulator **out, sotto_error *err) {
    const char *text = getenv(SO_EMULATOR_FAULT);
    struct so_emulator_fault fault = {0};
    *out = NULL;
    if (text && *text && !so_emulator_fault_named(text, &fault))
        return so_fail(err, SOTTO_ERR_DEVICE, SO_EMULATOR_FAULT " is KIND[:AT[:VALUE]] with errno, state, hang, silent, flip, gone, heap or firmware");
    *out = so_emulator_create(&(struct so_emulator_options){.firmware_major = fault.kind == SO_FAULT_FIRMWARE ? 99 : 0});
    if (!*out) return so_fail_memory(err, 0, "the emulator");
    if (fault.kind) so_emulator_set_fault(*out, &fault);
    return SOTTO_OK;
}
