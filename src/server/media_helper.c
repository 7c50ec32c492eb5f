/* The helper's side: a process that forks a locked-in child for each recording. It has one thread, so a fork is a whole copy. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/limits.h"
#include "server/media.h"
#include "server/sandbox.h"

static bool write_all(const void *bytes, size_t n) {
    for (const char *at = bytes; n > 0;) {
        ssize_t wrote = write(SO_MEDIA_PIPE, at, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        at += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

static bool tell(uint32_t kind, const void *bytes, size_t n) {
    struct so_media_header header = {kind, (uint32_t)n};
    return write_all(&header, sizeof header) && write_all(bytes, n);
}

static void tell_error(sotto_status status, const sotto_error *err) {
    char message[sizeof(uint32_t) + sizeof err->message];
    uint32_t code = status;
    size_t n = strlen(err->message);
    memcpy(message, &code, sizeof code);
    memcpy(message + sizeof code, err->message, n);
    tell(SO_MEDIA_ERROR, message, sizeof code + n);
}

static void decode(const struct so_media_order *order) {
    static float samples[SO_MEDIA_BLOCK];
    sotto_error err = {0};
    sotto_audio *audio;
    sotto_status status = sotto_audio_open_fd(SO_MEDIA_FILE, order->label, true, &audio, &err);
    if (status) {
        tell_error(status, &err);
        return;
    }
    double duration = sotto_audio_duration(audio);
    if (!tell(SO_MEDIA_DURATION, &duration, sizeof duration) || order->probe) return;
    for (;;) {
        size_t n;
        status = sotto_audio_read(audio, samples, SO_MEDIA_BLOCK, &n, &err);
        if (status || n == 0) break;
        if (!tell(SO_MEDIA_SAMPLES, samples, n * sizeof *samples)) return;
    }
    if (status) tell_error(status, &err);
    else tell(SO_MEDIA_END, "", 0);
}

/** In the child: take the descriptors' fixed places, lock in, decode. Never returns. */
static void child(struct so_media_order *order, int file, int pipe) {
    order->label[sizeof order->label - 1] = '\0';
    signal(SIGPIPE, SIG_DFL); /* nobody listens any more: that is the end */
    signal(SIGCHLD, SIG_DFL);
    /* The fixed places may be taken by each other: first out of the way. */
    int high_file = fcntl(file, F_DUPFD, 16), high_pipe = fcntl(pipe, F_DUPFD, 16);
    if (high_file < 0 || high_pipe < 0) _exit(1);
    if (dup2(high_file, SO_MEDIA_FILE) < 0 || dup2(high_pipe, SO_MEDIA_PIPE) < 0) _exit(1);
    if (close_range(SO_MEDIA_PIPE + 1, ~0U, 0) != 0) _exit(1);
    for (int fd = 0; fd <= SO_MEDIA_SOCKET; fd++) close(fd);
    if (!so_sandbox_enter(order->seconds)) _exit(1);
    decode(order);
    _exit(0);
}

/** The next order and its two descriptors; false at the end of the server. */
static bool receive(struct so_media_order *order, int descriptors[2], bool *whole) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec body = {order, sizeof *order};
    struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do got = recvmsg(SO_MEDIA_SOCKET, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *whole = got == (ssize_t)sizeof *order && c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(2 * sizeof(int));
    if (*whole) memcpy(descriptors, CMSG_DATA(c), 2 * sizeof(int));
    return true;
}

int so_media_helper(void) {
    struct so_media_order order;
    int descriptors[2];
    bool whole;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_range(SO_MEDIA_SOCKET + 1, ~0U, 0);
    signal(SIGCHLD, SIG_IGN); /* children leave no trace */
    if (!so_sandbox_prepare()) return 1;
    while (receive(&order, descriptors, &whole)) {
        if (!whole) continue;
        if (fork() == 0) child(&order, descriptors[0], descriptors[1]);
        close(descriptors[0]);
        close(descriptors[1]);
    }
    return 0;
}
