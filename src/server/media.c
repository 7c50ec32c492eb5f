/* The server's side: start the helper, hand it files, read samples. */
#include "server/media.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/limits.h"
#include "util/error.h"
#include "util/memory.h"

struct so_media {
    pthread_mutex_t lock;
    int socket;
    pid_t helper;
};

static sotto_status spawn(struct so_media *m, sotto_error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return so_fail(err, SOTTO_ERR_IO, "the media helper cannot be started: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *const arguments[] = {(char[]){"sotto"}, (char[]){SO_MEDIA_COMMAND}, NULL}, *const environment[] = {NULL};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0); /* an interrupt at the terminal is the server's to handle */
    int code = posix_spawn_file_actions_adddup2(&actions, pair[1], SO_MEDIA_SOCKET);
    if (!code) code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code) code = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    /* dup2 of a descriptor onto itself would leave it closed on exec. */
    if (!code && pair[1] == SO_MEDIA_SOCKET) code = fcntl(pair[1], F_SETFD, 0) < 0 ? errno : 0;
    if (!code) code = posix_spawn(&m->helper, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(pair[1]);
    m->socket = pair[0];
    if (!code) return SOTTO_OK;
    close(pair[0]);
    m->socket = -1;
    m->helper = 0;
    return so_fail(err, SOTTO_ERR_IO, "the media helper cannot be started: %s", strerror(code));
}

static void end_helper(struct so_media *m) {
    if (m->socket >= 0) close(m->socket); /* the helper ends at the end of its orders */
    m->socket = -1;
    if (m->helper > 0) {
        kill(m->helper, SIGKILL);
        while (waitpid(m->helper, NULL, 0) < 0 && errno == EINTR) continue;
    }
    m->helper = 0;
}

sotto_status so_media_start(struct so_media **out, sotto_error *err) {
    *out = NULL;
    struct so_media *m = so_calloc(1, sizeof *m);
    if (!m) return so_fail_memory(err, sizeof *m, "the media helper");
    pthread_mutex_init(&m->lock, NULL);
    sotto_status status = spawn(m, err);
    if (status) so_media_stop(m);
    else *out = m;
    return status;
}

void so_media_stop(struct so_media *m) {
    if (!m) return;
    end_helper(m);
    pthread_mutex_destroy(&m->lock);
    so_free(m);
}

static bool send_order(int to, const struct so_media_order *order, int file, int pipe) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec body = {(void *)(uintptr_t)order, sizeof *order};
    struct msghdr message = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(c), (int[]){file, pipe}, 2 * sizeof(int));
    ssize_t sent;
    do sent = sendmsg(to, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *order;
}

/** Hand the file over; a helper that is gone is replaced, one time. */
static sotto_status order(struct so_media *m, const struct so_media_order *what, int file, int pipe, sotto_error *err) {
    sotto_status status = SOTTO_OK;
    pthread_mutex_lock(&m->lock);
    bool sent = m->socket >= 0 && send_order(m->socket, what, file, pipe);
    if (!sent) {
        end_helper(m);
        status = spawn(m, err);
        if (!status && !send_order(m->socket, what, file, pipe))
            status = so_fail(err, SOTTO_ERR_IO, "the media helper does not listen");
    }
    pthread_mutex_unlock(&m->lock);
    return status;
}

/** Exactly n bytes; false: the child's end, or the caller's cancellation. */
static bool read_exactly(struct so_media_stream *s, void *buffer, size_t n) {
    for (char *at = buffer; n > 0;) {
        struct pollfd waits = {s->pipe, POLLIN, 0};
        int ready = poll(&waits, 1, SO_TICK_MS);
        if (s->cancel && s->cancel(s->user)) return false;
        if (ready < 0 && errno != EINTR) return false;
        if (ready <= 0) continue;
        ssize_t got = read(s->pipe, at, n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

static sotto_status died(struct so_media_stream *s, sotto_error *err) {
    s->ended = true;
    if (s->cancel && s->cancel(s->user)) return so_fail(err, SOTTO_ERR_CANCELLED, "cancelled");
    return so_fail(err, SOTTO_ERR_MEDIA, "the recording broke the decoder, or took too long to decode: it is damaged or hostile");
}

/** The error a child tells: its status, if a child may have it, and its sentence. */
static sotto_status told(struct so_media_stream *s, uint32_t n, sotto_error *err) {
    uint32_t code;
    char sentence[sizeof err->message] = "";
    s->ended = true;
    if (n <= sizeof code || n - sizeof code >= sizeof sentence || !read_exactly(s, &code, sizeof code) ||
        !read_exactly(s, sentence, n - sizeof code))
        return died(s, err);
    bool known = code == SOTTO_ERR_MEDIA || code == SOTTO_ERR_UNSUPPORTED || code == SOTTO_ERR_MEMORY || code == SOTTO_ERR_IO;
    for (char *c = sentence; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    return so_fail(err, known ? (sotto_status)code : SOTTO_ERR_MEDIA, "%s", sentence);
}

/** The next message's header, of samples or of the end; anything else is an error. */
static sotto_status next_message(struct so_media_stream *s, sotto_error *err) {
    struct so_media_header header;
    if (!read_exactly(s, &header, sizeof header)) return died(s, err);
    if (header.kind == SO_MEDIA_ERROR) return told(s, header.n, err);
    if (header.kind == SO_MEDIA_END) {
        s->ended = true;
        return SOTTO_OK;
    }
    bool whole = header.n > 0 && header.n % sizeof(float) == 0 && header.n / sizeof(float) <= SO_MEDIA_BLOCK;
    if (header.kind != SO_MEDIA_SAMPLES || !whole) return died(s, err);
    s->left = header.n / (uint32_t)sizeof(float);
    return SOTTO_OK;
}

static sotto_status read_duration(struct so_media_stream *s, sotto_error *err) {
    struct so_media_header header;
    if (!read_exactly(s, &header, sizeof header)) return died(s, err);
    if (header.kind == SO_MEDIA_ERROR) return told(s, header.n, err);
    if (header.kind != SO_MEDIA_DURATION || header.n != sizeof s->duration || !read_exactly(s, &s->duration, sizeof s->duration))
        return died(s, err);
    if (!(s->duration >= 0 && s->duration < 1e9)) s->duration = 0;
    return SOTTO_OK;
}

sotto_status so_media_decode(struct so_media *m, int file, const char *label, bool probe, uint32_t seconds,
                           struct so_media_stream *s, sotto_error *err) {
    bool (*cancel)(void *) = s->cancel;
    void *user = s->user;
    *s = (struct so_media_stream){.pipe = -1, .cancel = cancel, .user = user};
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int readable = open(path, O_RDONLY | O_CLOEXEC), ends[2]; /* read-only, with an offset of its own */
    if (readable < 0) return so_fail(err, SOTTO_ERR_IO, "the upload cannot be read: %s", strerror(errno));
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(readable);
        return so_fail(err, SOTTO_ERR_IO, "no pipe to the media helper: %s", strerror(errno));
    }
    struct so_media_order what = {.probe = probe, .seconds = seconds};
    snprintf(what.label, sizeof what.label, "%s", label);
    sotto_status status = order(m, &what, readable, ends[1], err);
    close(readable);
    close(ends[1]);
    s->pipe = ends[0];
    if (!status) status = read_duration(s, err);
    if (status) so_media_close(s);
    return status;
}

sotto_status so_media_read(void *context, float *samples, size_t capacity, size_t *n, sotto_error *err) {
    struct so_media_stream *s = context;
    *n = 0;
    if (s->ended) return SOTTO_OK;
    if (s->left == 0) {
        sotto_status status = next_message(s, err);
        if (status || s->ended) return status;
    }
    size_t take = so_min(capacity, s->left);
    if (!read_exactly(s, samples, take * sizeof *samples)) return died(s, err);
    s->left -= (uint32_t)take;
    *n = take;
    return SOTTO_OK;
}

void so_media_close(struct so_media_stream *s) {
    if (s->pipe >= 0) close(s->pipe);
    s->pipe = -1;
}
