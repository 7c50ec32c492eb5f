#include "server/live_socket.h"

#include <errno.h>
#include <string.h>

#include "server/limits.h"
#include "util/memory.h"

static ssize_t on_read(wslay_event_context_ptr context, uint8_t *bytes, size_t n, int flags, void *user) {
    struct so_live_socket *s = user;
    (void)flags;
    ssize_t got = -1;
    errno = EAGAIN;
    if (s->room > 0) got = s->in(s->user, bytes, so_min(n, s->room));
    if (got > 0) {
        s->room -= (size_t)got;
        return got;
    }
    bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!later) s->ended = true;
    wslay_event_set_error(context, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_write(wslay_event_context_ptr context, const uint8_t *bytes, size_t n, int flags,
                        void *user) {
    struct so_live_socket *s = user;
    (void)flags;
    ssize_t sent = s->out(s->user, bytes, n);
    if (sent > 0) {
        s->progress = true;
        return sent;
    }
    bool later = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (!later) s->ended = true;
    wslay_event_set_error(context, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

/** A message in thousands of pieces takes more memory than its length says. */
static void on_frame(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *user) {
    struct so_live_socket *s = user;
    if (wslay_is_ctrl_frame(frame->opcode)) return;
    s->fragments = frame->opcode == WSLAY_CONTINUATION_FRAME ? s->fragments + 1 : 0;
    if (s->fragments < SO_LIVE_FRAGMENTS) return;
    so_live_socket_close(s, WSLAY_CODE_POLICY_VIOLATION, "a message in too many fragments");
    wslay_event_shutdown_read(context);
}

static void on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
                       void *user) {
    struct so_live_socket *s = user;
    if (s->closed) return;
    if (message->opcode == WSLAY_TEXT_FRAME)
        s->message(s->user, (const char *)message->msg, message->msg_length);
    else if (message->opcode == WSLAY_BINARY_FRAME) {
        so_live_socket_close(s, WSLAY_CODE_UNSUPPORTED_DATA, "messages are JSON text");
        wslay_event_shutdown_read(context);
    }
}

bool so_live_socket_init(struct so_live_socket *s) {
    static const struct wslay_event_callbacks calls = {.recv_callback = on_read,
                                                       .send_callback = on_write,
                                                       .on_frame_recv_start_callback = on_frame,
                                                       .on_msg_recv_callback = on_message};
    s->context = NULL;
    if (wslay_event_context_server_init(&s->context, &calls, s) != 0) return false;
    wslay_event_config_set_max_recv_msg_length(s->context, SO_LIVE_MESSAGE_BYTES);
    return true;
}

void so_live_socket_free(struct so_live_socket *s) {
    if (s->context) wslay_event_context_free(s->context);
    s->context = NULL;
}

void so_live_socket_read(struct so_live_socket *s) {
    s->room = SO_LIVE_ROUND_BYTES;
    if (wslay_event_recv(s->context) != 0) s->ended = true;
}

/** Frames of control overtake messages in libwslay, so the last one waits until they are out. */
static void close_when_sent(struct so_live_socket *s) {
    if (!s->closing || wslay_event_get_queued_msg_count(s->context) > 0) return;
    if (wslay_event_queue_close(s->context, s->closing, (const uint8_t *)s->why, strlen(s->why)) != 0)
        s->ended = true;
    s->closing = 0;
}

void so_live_socket_write(struct so_live_socket *s) {
    close_when_sent(s);
    if (wslay_event_send(s->context) != 0) s->ended = true;
    if (s->closing && wslay_event_get_queued_msg_count(s->context) == 0) so_live_socket_write(s);
}

bool so_live_socket_send(struct so_live_socket *s, const char *text, size_t n) {
    struct wslay_event_msg message = {WSLAY_TEXT_FRAME, (const uint8_t *)text, n};
    return wslay_event_queue_msg(s->context, &message) == 0;
}

void so_live_socket_close(struct so_live_socket *s, uint16_t code, const char *reason) {
    if (s->closed || wslay_event_get_close_sent(s->context)) return;
    s->closed = true;
    s->closing = code;
    s->why = reason;
}

bool so_live_socket_wants_read(struct so_live_socket *s) {
    return !s->closing && wslay_event_want_read(s->context) &&
           wslay_event_get_queued_msg_length(s->context) <= SO_LIVE_UNSENT_BYTES &&
           wslay_event_get_queued_msg_count(s->context) <= SO_LIVE_UNSENT_FRAMES;
}

bool so_live_socket_wants_write(struct so_live_socket *s) {
    return s->closing || wslay_event_want_write(s->context) != 0;
}

bool so_live_socket_over(struct so_live_socket *s) {
    return s->ended ||
           (!s->closing && !wslay_event_want_read(s->context) && !wslay_event_want_write(s->context));
}
