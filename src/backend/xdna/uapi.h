/**
 * The amdxdna kernel driver's interface as this program uses it: facts of an ABI, written down here so that neither
 * kernel headers nor XRT are needed. Linux 6.14 (driver 0.0) has everything but what is marked as newer.
 *
 * Every size, every offset and every ioctl number is checked when this header is compiled.
 */
#ifndef SO_XDNA_UAPI_H
#define SO_XDNA_UAPI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SO_XDNA_DRIVER_NAME "amdxdna_accel_driver"

/* ---- ioctl numbers: direction 31..30, size 29..16, letter 15..8, number 7..0 ---- */

#define SO_IOC(direction, number, type)                                                                                \
    (((unsigned long)(direction) << 30) | ((unsigned long)sizeof(type) << 16) | ((unsigned long)'d' << 8) | (number))
#define SO_IOW(number, type) SO_IOC(1, number, type)
#define SO_IOWR(number, type) SO_IOC(3, number, type)

/* ---- contexts ---- */

struct so_uapi_qos {
    uint32_t gops, fps, dma_bandwidth, latency, frame_exec_time, priority;
};
#define SO_XDNA_PRIORITY_NORMAL 0x200

struct so_uapi_create_hwctx {
    uint64_t ext, ext_flags; /**< zero */
    uint64_t qos_p;          /**< address of a so_uapi_qos; must be readable */
    uint32_t umq_bo, log_buf_bo;
    uint32_t max_opc;   /**< operations per cycle, of the array partition */
    uint32_t num_tiles; /**< columns * rows of cores */
    uint32_t mem_size;
    uint32_t umq_doorbell;   /**< out */
    uint32_t handle;         /**< out; never 0 */
    uint32_t syncobj_handle; /**< out: timeline, one point for each command */
};

struct so_uapi_destroy_hwctx {
    uint32_t handle, pad;
};

struct so_uapi_cu_config {
    uint32_t cu_bo; /**< a DEV buffer that holds the PDI */
    uint8_t cu_func, pad[3];
};

#define SO_XDNA_MAX_CUS 32
struct so_uapi_config_cu {
    uint16_t num_cus, pad[3];
    struct so_uapi_cu_config cus[SO_XDNA_MAX_CUS]; /**< only num_cus of them are passed */
};

enum { SO_HWCTX_CONFIG_CU = 0 };
struct so_uapi_config_hwctx {
    uint32_t handle, param_type;
    uint64_t param_val;
    uint32_t param_val_size, pad;
};

/* ---- buffers ---- */

enum so_bo_type { SO_BO_INVALID = 0, SO_BO_SHARE = 1, SO_BO_DEV_HEAP = 2, SO_BO_DEV = 3, SO_BO_CMD = 4 };

struct so_uapi_create_bo {
    uint64_t flags, vaddr; /**< zero */
    uint64_t size;
    uint32_t type, handle; /**< handle: out */
};

#define SO_XDNA_NO_ADDRESS (~UINT64_C(0))
struct so_uapi_get_bo_info {
    uint64_t ext, ext_flags; /**< zero */
    uint32_t handle, pad;
    uint64_t map_offset; /**< out; all ones for DEV buffers, which lie inside the mapped heap */
    uint64_t vaddr;      /**< out */
    uint64_t xdna_addr;  /**< out; all ones: the device uses the process's own addresses */
};

enum { SO_SYNC_TO_DEVICE = 0, SO_SYNC_FROM_DEVICE = 1 };
struct so_uapi_sync_bo {
    uint32_t handle, direction;
    uint64_t offset, size;
};

/* ---- commands ---- */

#define SO_XDNA_MAX_ARGS 4095
struct so_uapi_exec_cmd {
    uint64_t ext, ext_flags; /**< zero */
    uint32_t hwctx, type;    /**< type 0: run a command buffer */
    uint64_t cmd_handles;    /**< the handle itself, as cmd_count is 1 */
    uint64_t args;           /**< address of uint32_t[arg_count]: every buffer that the command touches */
    uint32_t cmd_count, arg_count;
    uint64_t seq; /**< out: the point of the context's timeline */
};

/* ---- queries ---- */

enum so_xdna_info {
    SO_INFO_AIE_STATUS = 0,
    SO_INFO_AIE_METADATA = 1,
    SO_INFO_AIE_VERSION = 2,
    SO_INFO_CLOCKS = 3,
    SO_INFO_SENSORS = 4, /**< needs a newer kernel and AMD's power driver */
    SO_INFO_HW_CONTEXTS = 5,
    SO_INFO_FIRMWARE = 8,
    SO_INFO_POWER_MODE = 9,  /**< newer */
    SO_INFO_RESOURCES = 12,  /**< newer */
};

struct so_uapi_get_info {
    uint32_t param, buffer_size; /**< buffer_size: in and out */
    uint64_t buffer;
};

struct so_uapi_get_array { /**< driver 0.1 and newer */
    uint32_t param, element_size, num_element, pad;
    uint64_t buffer;
};

struct so_uapi_aie_version {
    uint32_t major, minor;
};
struct so_uapi_tile_metadata {
    uint16_t row_count, row_start, dma_channel_count, lock_count, event_reg_count, pad[3];
};
struct so_uapi_aie_metadata {
    uint32_t col_size;
    uint16_t cols, rows;
    struct so_uapi_aie_version version;
    struct so_uapi_tile_metadata core, mem, shim;
};
struct so_uapi_clock {
    uint8_t name[16];
    uint32_t freq_mhz, pad;
};
struct so_uapi_clocks {
    struct so_uapi_clock mp_npu, h;
};
enum so_xdna_sensor { SO_SENSOR_POWER = 0, SO_SENSOR_COLUMN_UTILIZATION = 1, SO_SENSOR_TEMPERATURE = 2 };
struct so_uapi_sensor {
    uint8_t label[64];
    uint32_t input, max, average, highest;
    uint8_t status[64], units[16];
    int8_t unitm; /**< the value is input * 10^unitm */
    uint8_t type, pad[6];
};
struct so_uapi_hwctx_info {
    uint32_t context_id, start_col, num_col, pad;
    int64_t pid;
    uint64_t command_submissions, command_completions, migrations, preemptions, errors;
};
struct so_uapi_firmware {
    uint32_t major, minor, patch, build;
};
struct so_uapi_power_mode {
    uint8_t mode, pad[7];
};
struct so_uapi_resources {
    uint64_t npu_clk_max, npu_tops_max, npu_task_max, npu_tops_curr, npu_task_curr;
};

/* ---- generic DRM ---- */

struct so_drm_version {
    int32_t major, minor, patch;
    uint64_t name_len;
    uint64_t name; /**< address */
    uint64_t date_len, date, desc_len, desc;
};
struct so_drm_gem_close {
    uint32_t handle, pad;
};
struct so_drm_syncobj_destroy {
    uint32_t handle, pad;
};
#define SO_SYNCOBJ_WAIT_FOR_SUBMIT 2u
struct so_drm_timeline_wait {
    uint64_t handles, points; /**< addresses of uint32_t[] and uint64_t[] */
    int64_t timeout_nsec;     /**< absolute, CLOCK_MONOTONIC */
    uint32_t count_handles, flags, first_signaled, pad;
};

#define SO_IOCTL_CREATE_HWCTX SO_IOWR(0x40, struct so_uapi_create_hwctx)
#define SO_IOCTL_DESTROY_HWCTX SO_IOWR(0x41, struct so_uapi_destroy_hwctx)
#define SO_IOCTL_CONFIG_HWCTX SO_IOWR(0x42, struct so_uapi_config_hwctx)
#define SO_IOCTL_CREATE_BO SO_IOWR(0x43, struct so_uapi_create_bo)
#define SO_IOCTL_GET_BO_INFO SO_IOWR(0x44, struct so_uapi_get_bo_info)
#define SO_IOCTL_SYNC_BO SO_IOWR(0x45, struct so_uapi_sync_bo)
#define SO_IOCTL_EXEC_CMD SO_IOWR(0x46, struct so_uapi_exec_cmd)
#define SO_IOCTL_GET_INFO SO_IOWR(0x47, struct so_uapi_get_info)
#define SO_IOCTL_GET_ARRAY SO_IOWR(0x4a, struct so_uapi_get_array)
#define SO_IOCTL_VERSION SO_IOWR(0x00, struct so_drm_version)
#define SO_IOCTL_GEM_CLOSE SO_IOW(0x09, struct so_drm_gem_close)
#define SO_IOCTL_SYNCOBJ_DESTROY SO_IOWR(0xc0, struct so_drm_syncobj_destroy)
#define SO_IOCTL_TIMELINE_WAIT SO_IOWR(0xca, struct so_drm_timeline_wait)

/* ---- the checks ---- */

#define SO_SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)
#define SO_AT(type, field, offset) static_assert(offsetof(struct type, field) == (offset), #type "." #field)

SO_SIZE(so_uapi_qos, 24);
SO_AT(so_uapi_qos, gops, 0);
SO_AT(so_uapi_qos, fps, 4);
SO_AT(so_uapi_qos, dma_bandwidth, 8);
SO_AT(so_uapi_qos, latency, 12);
SO_AT(so_uapi_qos, frame_exec_time, 16);
SO_AT(so_uapi_qos, priority, 20);
SO_SIZE(so_uapi_create_hwctx, 56);
SO_AT(so_uapi_create_hwctx, ext_flags, 8);
SO_AT(so_uapi_create_hwctx, qos_p, 16);
SO_AT(so_uapi_create_hwctx, umq_bo, 24);
SO_AT(so_uapi_create_hwctx, log_buf_bo, 28);
SO_AT(so_uapi_create_hwctx, max_opc, 32);
SO_AT(so_uapi_create_hwctx, num_tiles, 36);
SO_AT(so_uapi_create_hwctx, mem_size, 40);
SO_AT(so_uapi_create_hwctx, umq_doorbell, 44);
SO_AT(so_uapi_create_hwctx, handle, 48);
SO_AT(so_uapi_create_hwctx, syncobj_handle, 52);
SO_SIZE(so_uapi_destroy_hwctx, 8);
SO_AT(so_uapi_destroy_hwctx, pad, 4);
SO_SIZE(so_uapi_cu_config, 8);
SO_AT(so_uapi_cu_config, cu_func, 4);
SO_SIZE(so_uapi_config_cu, 8 + 8 * SO_XDNA_MAX_CUS);
SO_AT(so_uapi_config_cu, cus, 8);
SO_SIZE(so_uapi_config_hwctx, 24);
SO_AT(so_uapi_config_hwctx, param_type, 4);
SO_AT(so_uapi_config_hwctx, param_val, 8);
SO_AT(so_uapi_config_hwctx, param_val_size, 16);
SO_AT(so_uapi_config_hwctx, pad, 20);
SO_SIZE(so_uapi_create_bo, 32);
SO_AT(so_uapi_create_bo, vaddr, 8);
SO_AT(so_uapi_create_bo, size, 16);
SO_AT(so_uapi_create_bo, type, 24);
SO_AT(so_uapi_create_bo, handle, 28);
SO_SIZE(so_uapi_get_bo_info, 48);
SO_AT(so_uapi_get_bo_info, handle, 16);
SO_AT(so_uapi_get_bo_info, map_offset, 24);
SO_AT(so_uapi_get_bo_info, vaddr, 32);
SO_AT(so_uapi_get_bo_info, xdna_addr, 40);
SO_SIZE(so_uapi_sync_bo, 24);
SO_AT(so_uapi_sync_bo, direction, 4);
SO_AT(so_uapi_sync_bo, offset, 8);
SO_AT(so_uapi_sync_bo, size, 16);
SO_SIZE(so_uapi_exec_cmd, 56);
SO_AT(so_uapi_exec_cmd, hwctx, 16);
SO_AT(so_uapi_exec_cmd, type, 20);
SO_AT(so_uapi_exec_cmd, cmd_handles, 24);
SO_AT(so_uapi_exec_cmd, args, 32);
SO_AT(so_uapi_exec_cmd, cmd_count, 40);
SO_AT(so_uapi_exec_cmd, arg_count, 44);
SO_AT(so_uapi_exec_cmd, seq, 48);
SO_SIZE(so_uapi_get_info, 16);
SO_AT(so_uapi_get_info, buffer_size, 4);
SO_AT(so_uapi_get_info, buffer, 8);
SO_SIZE(so_uapi_get_array, 24);
SO_AT(so_uapi_get_array, buffer, 16);
SO_SIZE(so_uapi_aie_version, 8);
SO_SIZE(so_uapi_tile_metadata, 16);
SO_SIZE(so_uapi_aie_metadata, 64);
SO_AT(so_uapi_aie_metadata, cols, 4);
SO_AT(so_uapi_aie_metadata, rows, 6);
SO_AT(so_uapi_aie_metadata, version, 8);
SO_AT(so_uapi_aie_metadata, core, 16);
SO_AT(so_uapi_aie_metadata, mem, 32);
SO_AT(so_uapi_aie_metadata, shim, 48);
SO_SIZE(so_uapi_clock, 24);
SO_AT(so_uapi_clock, freq_mhz, 16);
SO_SIZE(so_uapi_clocks, 48);
SO_SIZE(so_uapi_sensor, 168);
SO_AT(so_uapi_sensor, input, 64);
SO_AT(so_uapi_sensor, status, 80);
SO_AT(so_uapi_sensor, units, 144);
SO_AT(so_uapi_sensor, unitm, 160);
SO_AT(so_uapi_sensor, type, 161);
SO_SIZE(so_uapi_hwctx_info, 64);
SO_AT(so_uapi_hwctx_info, pid, 16);
SO_AT(so_uapi_hwctx_info, command_submissions, 24);
SO_AT(so_uapi_hwctx_info, command_completions, 32);
SO_AT(so_uapi_hwctx_info, errors, 56);
SO_SIZE(so_uapi_firmware, 16);
SO_SIZE(so_uapi_power_mode, 8);
SO_SIZE(so_uapi_resources, 40);
SO_SIZE(so_drm_version, 64);
SO_AT(so_drm_version, name_len, 16);
SO_AT(so_drm_version, name, 24);
SO_SIZE(so_drm_gem_close, 8);
SO_SIZE(so_drm_syncobj_destroy, 8);
SO_SIZE(so_drm_timeline_wait, 40);
SO_AT(so_drm_timeline_wait, points, 8);
SO_AT(so_drm_timeline_wait, timeout_nsec, 16);
SO_AT(so_drm_timeline_wait, count_handles, 24);
SO_AT(so_drm_timeline_wait, flags, 28);
SO_AT(so_drm_timeline_wait, first_signaled, 32);

static_assert(SO_IOCTL_CREATE_HWCTX == 0xc0386440, "CREATE_HWCTX");
static_assert(SO_IOCTL_DESTROY_HWCTX == 0xc0086441, "DESTROY_HWCTX");
static_assert(SO_IOCTL_CONFIG_HWCTX == 0xc0186442, "CONFIG_HWCTX");
static_assert(SO_IOCTL_CREATE_BO == 0xc0206443, "CREATE_BO");
static_assert(SO_IOCTL_GET_BO_INFO == 0xc0306444, "GET_BO_INFO");
static_assert(SO_IOCTL_SYNC_BO == 0xc0186445, "SYNC_BO");
static_assert(SO_IOCTL_EXEC_CMD == 0xc0386446, "EXEC_CMD");
static_assert(SO_IOCTL_GET_INFO == 0xc0106447, "GET_INFO");
static_assert(SO_IOCTL_GET_ARRAY == 0xc018644a, "GET_ARRAY");
static_assert(SO_IOCTL_GEM_CLOSE == 0x40086409, "GEM_CLOSE");
static_assert(SO_IOCTL_SYNCOBJ_DESTROY == 0xc00864c0, "SYNCOBJ_DESTROY");
static_assert(SO_IOCTL_TIMELINE_WAIT == 0xc02864ca, "SYNCOBJ_TIMELINE_WAIT");
static_assert(SO_IOCTL_VERSION == 0xc0406400, "VERSION");

#endif
