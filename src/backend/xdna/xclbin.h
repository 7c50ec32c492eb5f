/**
 * xclbin files ("axlf"): the container in which array configurations come. Everything in a file is hostile until
 * checked: each offset and size is compared with what is left of the file or of its section.
 */
#ifndef SO_XDNA_XCLBIN_H
#define SO_XDNA_XCLBIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum so_xclbin_kind {
    SO_SECTION_BITSTREAM = 0,
    SO_SECTION_EMBEDDED_METADATA = 2,
    SO_SECTION_MEM_TOPOLOGY = 6,
    SO_SECTION_CONNECTIVITY = 7,
    SO_SECTION_IP_LAYOUT = 8,
    SO_SECTION_BUILD_METADATA = 14,
    SO_SECTION_PDI = 18,
    SO_SECTION_SYSTEM_METADATA = 22,
    SO_SECTION_AIE_METADATA = 25,
    SO_SECTION_GROUP_TOPOLOGY = 26,
    SO_SECTION_GROUP_CONNECTIVITY = 27,
    SO_SECTION_AIE_PARTITION = 32,
    SO_SECTION_IP_METADATA = 33,
};

/* Layout: offsets in bytes. */
#define SO_AXLF_HEADER 456
#define SO_AXLF_LENGTH 304
#define SO_AXLF_VBNV 352
#define SO_AXLF_UUID 416
#define SO_AXLF_SECTIONS 448
#define SO_AXLF_SECTION_BYTES 40
#define SO_IP_BYTES 80
#define SO_MEM_BYTES 40
#define SO_PARTITION_BYTES 184
#define SO_PDI_BYTES 96
#define SO_CDO_BYTES 96

/* Limits: far above any real file. */
#define SO_XCLBIN_MAX_BYTES ((size_t)64 << 20)
#define SO_XCLBIN_MAX_SECTIONS 64
#define SO_XCLBIN_MAX_KERNELS 32
#define SO_XCLBIN_MAX_PDIS 32
#define SO_XCLBIN_MAX_ARGUMENTS 32
#define SO_XCLBIN_MAX_COLUMNS 16
#define SO_XCLBIN_MAX_KERNEL_IDS 64

struct so_xclbin_section {
    uint32_t kind;
    char name[17];
    uint64_t offset, size;
};

struct so_xclbin_kernel {
    char name[65];    /**< "KERNEL:INSTANCE" */
    uint32_t type;    /**< 7: a kernel for the array */
    bool dpu;         /**< of type 7 and sub-type "DPU": one that can be run */
    uint8_t function; /**< the compute unit's function number */
    uint16_t id;      /**< names the PDI that it needs */
    int pdi;          /**< index into pdis, -1: none lists this id */
};

struct so_xclbin_pdi {
    uint8_t uuid[16];
    const uint8_t *image; /**< into the file */
    size_t size;
    size_t n_kernel_ids;
    uint64_t kernel_ids[SO_XCLBIN_MAX_KERNEL_IDS];
};

struct so_xclbin_argument {
    char name[32], type[32];
    uint32_t offset, size;
};

struct so_xclbin_partition {
    char name[64];
    uint32_t operations_per_cycle;
    uint16_t columns;
    size_t n_starts;
    uint16_t starts[SO_XCLBIN_MAX_COLUMNS]; /**< allowed first columns */
};

/** What a file says, all of it checked. Pointers lead into the bytes that were read. */
struct so_xclbin {
    uint8_t uuid[16];
    char platform[65]; /**< "VBNV" of the machine it was built for; often empty */
    size_t n_sections;
    struct so_xclbin_section sections[SO_XCLBIN_MAX_SECTIONS];
    bool has_partition;
    struct so_xclbin_partition partition;
    size_t n_kernels;
    struct so_xclbin_kernel kernels[SO_XCLBIN_MAX_KERNELS];
    size_t n_pdis;
    struct so_xclbin_pdi pdis[SO_XCLBIN_MAX_PDIS];
    size_t n_memories;
    size_t n_arguments; /**< of the first kernel that the embedded metadata describes */
    struct so_xclbin_argument arguments[SO_XCLBIN_MAX_ARGUMENTS];
};

/**
 * Read a file's bytes, which must outlive the result. SOTTO_ERR_DEVICE says what is wrong: not an xclbin, a Git LFS
 * pointer, truncated, an entry that leads out of its section.
 */
sotto_status so_xclbin_read(const void *bytes, size_t size, struct so_xclbin *out, sotto_error *err);

/**
 * Whether this machine's generation of the array can run it: a partition of at most `columns` columns whose rate is
 * XDNA1's, and a kernel with a PDI. *kernel: index of that kernel.
 */
sotto_status so_xclbin_usable(const struct so_xclbin *xclbin, unsigned columns, size_t *kernel, sotto_error *err);

/** Name of a section's kind, "unknown" if there is none. */
const char *so_xclbin_kind_name(uint32_t kind);

/** Read a whole file of at most SO_XCLBIN_MAX_BYTES; *bytes is allocated (so_free). */
sotto_status so_xdna_read_file(const char *path, void **bytes, size_t *size, sotto_error *err);

#endif
