/** Messages over a socket by the WebSocket protocol (RFC 6455), whose frames libwslay reads and writes.
 * Nothing here blocks. */
#ifndef SO_SERVER_LIVE_SOCKET_H
#define SO_SERVER_LIVE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wslay/wslay.h>

struct so_live_socket {
    wslay_event_context_ptr context;
    /** As recv(2) and send(2) that do not block; at the end of the stream `in` returns 0. */
    ssize_t (*in)(void *user, void *bytes, size_t n);
    ssize_t (*out)(void *user, const void *bytes, size_t n);
    void (*message)(void *user, const char *text, size_t n); /**< a whole one */
    void *user;
    size_t room;        /**< bytes that this round may still read */
    unsigned fragments; /**< of the message that is being read */
    uint16_t closing;   /**< code to close with when all is sent that was queued before; 0: none */
    const char *why;
    bool closed;   /**< by us: what still comes is not looked at */
    bool ended;    /**< by the other side, or by a failure */
    bool progress; /**< bytes went out since this was last set to false */
};

/** The fields `in` to `user` are the caller's to set. false: memory is short. */
bool so_live_socket_init(struct so_live_socket *s);
void so_live_socket_free(struct so_live_socket *s);

/** Read some, at most a round: messages come by the callback. */
void so_live_socket_read(struct so_live_socket *s);
void so_live_socket_write(struct so_live_socket *s);

/** Queue a text. false: memory is short, or the connection is closing. */
bool so_live_socket_send(struct so_live_socket *s, const char *text, size_t n);

/** Begin to close: what is queued goes out before, and nothing more is read. reason: static, ASCII, at most
 * 100 characters. */
void so_live_socket_close(struct so_live_socket *s, uint16_t code, const char *reason);

bool so_live_socket_wants_read(struct so_live_socket *s);
bool so_live_socket_wants_write(struct so_live_socket *s);
bool so_live_socket_over(struct so_live_socket *s); /**< nothing more will come or go */

#endif
