/**
 * The system calls that the device code makes, as a table: the kernel's own, or the emulator's. Everything else in
 * src/backend/xdna is the same code for both.
 */
#ifndef SO_XDNA_SYS_H
#define SO_XDNA_SYS_H

#include <stddef.h>
#include <stdint.h>

/** Results are 0 (or a descriptor, or poll's count) and negative errno values. Calls may come from any thread. */
struct so_sys {
    void *context; /**< handed to each call */
    int (*open)(void *context, const char *path, int flags);
    int (*ioctl)(void *context, int fd, unsigned long request, void *argument);
    int (*map)(void *context, void *address, size_t size, int protection, int flags, int fd, uint64_t offset, void **out);
    int (*unmap)(void *context, void *address, size_t size);
    int (*close)(void *context, int fd);
    int (*poll)(void *context, int fd, int events, int timeout_ms);
    /**
     * Write back and drop the cache lines of [pointer, pointer + size): after the CPU wrote what the device shall read,
     * and before the CPU reads what the device wrote. The array is not coherent with the CPU's caches.
     */
    void (*flush)(void *context, const void *pointer, size_t size);
};

/** The kernel's own calls. */
const struct so_sys *so_sys_native(void);

#endif
