#include "backend/xdna/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int native_open(void *context, const char *path, int flags) {
    (void)context;
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int native_ioctl(void *context, int fd, unsigned long request, void *argument) {
    (void)context;
    return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

static int native_map(void *context, void *address, size_t size, int protection, int flags, int fd, uint64_t offset,
                      void **out) {
    (void)context;
    void *at = mmap(address, size, protection, flags, fd, (off_t)offset);
    if (at == MAP_FAILED) return -errno;
    *out = at;
    return 0;
}

static int native_unmap(void *context, void *address, size_t size) {
    (void)context;
    return munmap(address, size) < 0 ? -errno : 0;
}

static int native_close(void *context, int fd) {
    (void)context;
    return close(fd) < 0 ? -errno : 0;
}

static int native_poll(void *context, int fd, int events, int timeout_ms) {
    (void)context;
    struct pollfd entry = {.fd = fd, .events = (short)events};
    int n = poll(&entry, 1, timeout_ms);
    return n < 0 ? -errno : n;
}

static void native_flush(void *context, const void *pointer, size_t size) {
    (void)context;
    (void)pointer;
    (void)size;
    atomic_thread_fence(memory_order_seq_cst);
#if defined(__x86_64__) && defined(__GNUC__)
    const char *line = (const char *)((uintptr_t)pointer & ~(uintptr_t)63);
    for (; line < (const char *)pointer + size; line += 64) __builtin_ia32_clflush(line);
    __builtin_ia32_mfence();
#endif
}

const struct so_sys *so_sys_native(void) {
    static const struct so_sys native = {
        .open = native_open,
        .ioctl = native_ioctl,
        .map = native_map,
        .unmap = native_unmap,
        .close = native_close,
        .poll = native_poll,
        .flush = native_flush,
    };
    return &native;
}
