/**
 * Bearer keys. A file holds a line for each: NAME SHA256 [REQUESTS-PER-MINUTE] [admin]; '#' begins a comment. Keys are 256 random bits, so
 * a plain hash is enough: there is nothing to guess. They are compared by their hashes, all of them, in constant time.
 */
#ifndef SO_SERVER_KEYS_H
#define SO_SERVER_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/limits.h"
#include "sotto.h"

enum { SO_KEY_NAME = 48, SO_HASH_BYTES = 32 };

struct so_key {
    char name[SO_KEY_NAME];
    uint8_t hash[SO_HASH_BYTES];
    bool admin;        /**< may change the server while it runs */
    double per_minute; /**< requests, 0: any number */
    double tokens, at; /**< the bucket: what is in it, and the clock when that was so */
};

struct so_keys {
    pthread_mutex_t lock;
    const char *path; /**< NULL: no key is asked for */
    struct so_key *keys;
    size_t n;
};

/** path NULL: none needed. An error names the line. so_keys_free is needed in any case. */
sotto_status so_keys_open(struct so_keys *keys, const char *path, sotto_error *err);
sotto_status so_keys_reload(struct so_keys *keys, sotto_error *err); /**< on an error the old ones stay */
void so_keys_free(struct so_keys *keys);

enum so_key_verdict { SO_KEY_GOOD, SO_KEY_WRONG, SO_KEY_TOO_OFTEN };

/**
 * What an Authorization header (NULL: there is none) is worth. name: of the key, [SO_KEY_NAME]. *wait: seconds until the next request
 * is allowed. count: this is a request that the rate limit is about.
 */
enum so_key_verdict so_keys_check(struct so_keys *keys, const char *authorization, bool count, char *name, double *wait);

/** Whether the key of this name may change the server while it runs. */
bool so_keys_admin(struct so_keys *keys, const char *name);

/** Make a key; print it, and its line for the file, to standard output. Returns the exit status. */
int so_keys_make(const char *name);

#endif
