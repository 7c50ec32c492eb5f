#include "backend/xdna/xclbin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/xdna/xclbin_xml.h"
#include "util/memory.h"

/* A section's bytes; every read is checked against its size. */
struct view {
    const uint8_t *bytes;
    uint64_t size;
};

static bool inside(struct view v, uint64_t offset, uint64_t size) { return offset <= v.size && size <= v.size - offset; }
static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

/* Fixed text fields need not end in a zero, and may hold anything. */
static void copy_text(char *out, size_t out_size, const uint8_t *in, size_t size) {
    size_t n = 0;
    for (; n + 1 < out_size && n < size && in[n]; n++) out[n] = in[n] >= 0x20 && in[n] < 0x7f ? (char)in[n] : '?';
    out[n] = 0;
}

static sotto_status bad(sotto_error *err, const char *what) { return so_fail(err, SOTTO_ERR_DEVICE, "damaged xclbin: %s", what); }

static sotto_status recognise(const uint8_t *bytes, size_t size, sotto_error *err) {
    static const char lfs[] = "version https://git-lfs.github.com/spec/";
    if (size >= sizeof lfs - 1 && memcmp(bytes, lfs, sizeof lfs - 1) == 0)
        return so_fail(err, SOTTO_ERR_DEVICE, "this is a Git LFS pointer, not the xclbin itself: fetch it with 'git lfs pull'");
    if (size < 8 || memcmp(bytes, "xclbin2", 8) != 0) return so_fail(err, SOTTO_ERR_DEVICE, "not an xclbin file");
    if (size < SO_AXLF_HEADER) return so_fail(err, SOTTO_ERR_DEVICE, "truncated xclbin: its header is not complete");
    uint64_t length = u64(bytes + SO_AXLF_LENGTH);
    if (length > size)
        return so_fail(err, SOTTO_ERR_DEVICE, "truncated xclbin: %zu of %llu bytes", size, (unsigned long long)length);
    if (length < SO_AXLF_HEADER) return bad(err, "impossible length");
    return SOTTO_OK;
}

static sotto_status read_sections(const uint8_t *bytes, size_t size, struct so_xclbin *out, sotto_error *err) {
    uint32_t n = u32(bytes + SO_AXLF_SECTIONS);
    if (n > SO_XCLBIN_MAX_SECTIONS) return bad(err, "too many sections");
    struct view file = {bytes, size};
    if (!inside(file, SO_AXLF_HEADER, (uint64_t)n * SO_AXLF_SECTION_BYTES)) return bad(err, "the table of sections leaves the file");
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = bytes + SO_AXLF_HEADER + (size_t)i * SO_AXLF_SECTION_BYTES;
        struct so_xclbin_section *s = &out->sections[i];
        s->kind = u32(p);
        copy_text(s->name, sizeof s->name, p + 4, 16);
        s->offset = u64(p + 24);
        s->size = u64(p + 32);
        if (!inside(file, s->offset, s->size)) return bad(err, "a section leaves the file");
    }
    out->n_sections = n;
    return SOTTO_OK;
}

static bool find(const struct so_xclbin *x, const uint8_t *bytes, uint32_t kind, struct view *out) {
    for (size_t i = 0; i < x->n_sections; i++)
        if (x->sections[i].kind == kind) {
            *out = (struct view){bytes + x->sections[i].offset, x->sections[i].size};
            return true;
        }
    return false;
}

static sotto_status read_kernels(struct view v, struct so_xclbin *out, sotto_error *err) {
    if (v.size < 8) return bad(err, "IP_LAYOUT is too short");
    uint32_t n = u32(v.bytes);
    if (n > SO_XCLBIN_MAX_KERNELS || !inside(v, 8, (uint64_t)n * SO_IP_BYTES)) return bad(err, "IP_LAYOUT leaves its section");
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *p = v.bytes + 8 + (size_t)i * SO_IP_BYTES;
        uint32_t properties = u32(p + 4);
        struct so_xclbin_kernel *k = &out->kernels[i];
        k->type = u32(p);
        k->dpu = k->type == 7 && (properties & 3) == 1;
        k->function = properties >> 4 & 3;
        k->id = properties >> 16 & 0xfff;
        k->pdi = -1;
        copy_text(k->name, sizeof k->name, p + 16, 64);
    }
    out->n_kernels = n;
    return SOTTO_OK;
}

/* {u32 count, u32 offset} at `at`, naming `count` items of `item` bytes inside the section. */
static bool read_array(struct view v, uint64_t at, uint64_t item, uint64_t most, uint32_t *count, uint64_t *offset) {
    if (!inside(v, at, 8)) return false;
    *count = u32(v.bytes + at);
    *offset = u32(v.bytes + at + 4);
    return *count <= most && inside(v, *offset, *count * item);
}

static sotto_status read_pdi(struct view v, uint64_t at, struct so_xclbin_pdi *out, sotto_error *err) {
    uint32_t size, groups, ids;
    uint64_t image, group, id;
    memcpy(out->uuid, v.bytes + at, 16);
    if (!read_array(v, at + 16, 1, SO_XCLBIN_MAX_BYTES, &size, &image)) return bad(err, "a PDI leaves its section");
    if (!read_array(v, at + 24, SO_CDO_BYTES, 64, &groups, &group)) return bad(err, "a CDO group leaves its section");
    out->image = v.bytes + image;
    out->size = size;
    for (uint32_t g = 0; g < groups; g++) {
        if (!read_array(v, group + (uint64_t)g * SO_CDO_BYTES + 16, 8, SO_XCLBIN_MAX_KERNEL_IDS, &ids, &id))
            return bad(err, "kernel ids leave their section");
        for (uint32_t i = 0; i < ids; i++) {
            if (out->n_kernel_ids == SO_XCLBIN_MAX_KERNEL_IDS) return bad(err, "too many kernel ids");
            out->kernel_ids[out->n_kernel_ids++] = u64(v.bytes + id + (uint64_t)i * 8);
        }
    }
    return SOTTO_OK;
}

static sotto_status read_partition(struct view v, struct so_xclbin *out, sotto_error *err) {
    if (v.size < SO_PARTITION_BYTES) return bad(err, "AIE_PARTITION is too short");
    struct so_xclbin_partition *p = &out->partition;
    uint32_t name = u32(v.bytes + 4), n;
    uint64_t at;
    if (name && name < v.size) copy_text(p->name, sizeof p->name, v.bytes + name, v.size - name);
    p->operations_per_cycle = u32(v.bytes + 8);
    p->columns = u16(v.bytes + 32);
    if (!read_array(v, 40, 2, SO_XCLBIN_MAX_COLUMNS, &n, &at)) return bad(err, "start columns leave their section");
    for (uint32_t i = 0; i < n; i++) p->starts[i] = u16(v.bytes + at + (uint64_t)i * 2);
    p->n_starts = n;
    if (!read_array(v, 120, SO_PDI_BYTES, SO_XCLBIN_MAX_PDIS, &n, &at)) return bad(err, "PDIs leave their section");
    for (uint32_t i = 0; i < n; i++) {
        sotto_status status = read_pdi(v, at + (uint64_t)i * SO_PDI_BYTES, &out->pdis[i], err);
        if (status != SOTTO_OK) return status;
        out->n_pdis++;
    }
    out->has_partition = true;
    return SOTTO_OK;
}

/* A kernel's PDI is the one with a CDO group that lists the kernel's id. */
static void join(struct so_xclbin *x) {
    for (size_t k = 0; k < x->n_kernels; k++)
        for (size_t p = 0; p < x->n_pdis && x->kernels[k].pdi < 0; p++)
            for (size_t i = 0; i < x->pdis[p].n_kernel_ids; i++)
                if (x->pdis[p].kernel_ids[i] == x->kernels[k].id) x->kernels[k].pdi = (int)p;
}

sotto_status so_xclbin_read(const void *data, size_t size, struct so_xclbin *out, sotto_error *err) {
    const uint8_t *bytes = data;
    *out = (struct so_xclbin){0};
    sotto_status status = recognise(bytes, size, err);
    if (status != SOTTO_OK) return status;
    copy_text(out->platform, sizeof out->platform, bytes + SO_AXLF_VBNV, 64);
    memcpy(out->uuid, bytes + SO_AXLF_UUID, 16);
    status = read_sections(bytes, (size_t)u64(bytes + SO_AXLF_LENGTH), out, err);
    if (status != SOTTO_OK) return status;

    struct view v;
    if (find(out, bytes, SO_SECTION_IP_LAYOUT, &v)) status = read_kernels(v, out, err);
    if (status == SOTTO_OK && find(out, bytes, SO_SECTION_AIE_PARTITION, &v)) status = read_partition(v, out, err);
    if (status != SOTTO_OK) return status;
    if (find(out, bytes, SO_SECTION_MEM_TOPOLOGY, &v) && v.size >= 8) {
        out->n_memories = u32(v.bytes);
        if (!inside(v, 8, (uint64_t)out->n_memories * SO_MEM_BYTES)) return bad(err, "MEM_TOPOLOGY leaves its section");
    }
    if (find(out, bytes, SO_SECTION_EMBEDDED_METADATA, &v)) so_xclbin_arguments((const char *)v.bytes, (size_t)v.size, out);
    join(out);
    return SOTTO_OK;
}

sotto_status so_xclbin_usable(const struct so_xclbin *x, unsigned columns, size_t *kernel, sotto_error *err) {
    if (!x->has_partition) return so_fail(err, SOTTO_ERR_DEVICE, "this xclbin is not for an NPU: it has no AIE partition");
    if (x->partition.columns == 0 || x->partition.columns > columns || x->partition.operations_per_cycle != 2048)
        return so_fail(err, SOTTO_ERR_DEVICE,
                       "this xclbin is for another generation of the array: %u columns at %u operations a cycle (XDNA1: at most %u, 2048)",
                       x->partition.columns, x->partition.operations_per_cycle, columns);
    for (size_t i = 0; i < x->n_kernels; i++)
        if (x->kernels[i].dpu && x->kernels[i].pdi >= 0 && x->pdis[x->kernels[i].pdi].size > 0) {
            *kernel = i;
            return SOTTO_OK;
        }
    return so_fail(err, SOTTO_ERR_DEVICE, "this xclbin has no DPU kernel with an array configuration");
}

const char *so_xclbin_kind_name(uint32_t kind) {
    switch (kind) {
    case SO_SECTION_BITSTREAM: return "BITSTREAM";
    case SO_SECTION_EMBEDDED_METADATA: return "EMBEDDED_METADATA";
    case SO_SECTION_MEM_TOPOLOGY: return "MEM_TOPOLOGY";
    case SO_SECTION_CONNECTIVITY: return "CONNECTIVITY";
    case SO_SECTION_IP_LAYOUT: return "IP_LAYOUT";
    case SO_SECTION_BUILD_METADATA: return "BUILD_METADATA";
    case SO_SECTION_PDI: return "PDI";
    case SO_SECTION_SYSTEM_METADATA: return "SYSTEM_METADATA";
    case SO_SECTION_AIE_METADATA: return "AIE_METADATA";
    case SO_SECTION_GROUP_TOPOLOGY: return "ASK_GROUP_TOPOLOGY";
    case SO_SECTION_GROUP_CONNECTIVITY: return "ASK_GROUP_CONNECTIVITY";
    case SO_SECTION_AIE_PARTITION: return "AIE_PARTITION";
    case SO_SECTION_IP_METADATA: return "IP_METADATA";
    default: return "unknown";
    }
}

sotto_status so_xdna_read_file(const char *path, void **bytes, size_t *size, sotto_error *err) {
    *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        sotto_status status = so_fail(err, SOTTO_ERR_IO, "cannot open '%s': %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return status;
    }
    sotto_status status = SOTTO_OK;
    if (!S_ISREG(info.st_mode) || info.st_size < 0 || (uint64_t)info.st_size > SO_XCLBIN_MAX_BYTES)
        status = so_fail(err, SOTTO_ERR_DEVICE, "'%s' is not a file of at most %zu MiB", path, SO_XCLBIN_MAX_BYTES >> 20);
    size_t wanted = status == SOTTO_OK ? (size_t)info.st_size : 0, got = 0;
    char *buffer = status == SOTTO_OK ? so_alloc(wanted + 1, 1) : NULL;
    if (status == SOTTO_OK && !buffer) status = so_fail_memory(err, wanted, "a file");
    while (status == SOTTO_OK && got < wanted) {
        ssize_t n = read(fd, buffer + got, wanted - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += (size_t)n;
    }
    close(fd);
    if (status == SOTTO_OK && got != wanted) status = so_fail(err, SOTTO_ERR_IO, "cannot read all of '%s'", path);
    if (status != SOTTO_OK) {
        so_free(buffer);
        return status;
    }
    *bytes = buffer;
    *size = got;
    return SOTTO_OK;
}
