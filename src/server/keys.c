#include "server/keys.h"

#include <ctype.h>
#include <errno.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "util/clock.h"
#include "util/error.h"

enum { SECRET_BYTES = 32, MAX_LINE = 512, MAX_SECRET = 512 };

static void hash(const char *bytes, size_t n, uint8_t out[SO_HASH_BYTES]) {
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, n, (const uint8_t *)bytes);
    sha256_digest(&context, SO_HASH_BYTES, out);
}

static bool unhex(const char *text, uint8_t out[SO_HASH_BYTES]) {
    for (int i = 0; i < SO_HASH_BYTES; i++) {
        unsigned byte;
        if (!isxdigit((unsigned char)text[2 * i]) || !isxdigit((unsigned char)text[2 * i + 1])) return false;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1) return false;
        out[i] = (uint8_t)byte;
    }
    return text[2 * SO_HASH_BYTES] == '\0';
}

/** One line; false: malformed. *used: it held a key. */
static bool parse_line(char *line, struct so_key *key, bool *used) {
    char *rest = NULL;
    line[strcspn(line, "#\r\n")] = '\0';
    char *name = strtok_r(line, " \t", &rest), *digest = name ? strtok_r(NULL, " \t", &rest) : NULL;
    char *rate = digest ? strtok_r(NULL, " \t", &rest) : NULL, *end = NULL;
    *key = (struct so_key){0};
    *used = name != NULL;
    if (!name) return true;
    if (!digest || strlen(name) >= SO_KEY_NAME || !unhex(digest, key->hash)) return false;
    memcpy(key->name, name, strlen(name) + 1);
    char *last = rate && strcmp(rate, "admin") != 0 ? strtok_r(NULL, " \t", &rest) : rate;
    key->admin = last && strcmp(last, "admin") == 0;
    if ((last && !key->admin) || (last && strtok_r(NULL, " \t", &rest))) return false;
    if (!rate || last == rate) return true;
    key->per_minute = strtod(rate, &end);
    key->tokens = key->per_minute;
    return *end == '\0' && key->per_minute > 0 && key->per_minute < 1e9;
}

static sotto_status read_file(const char *path, struct so_key **out, size_t *count, sotto_error *err) {
    char line[MAX_LINE];
    struct so_key *keys = calloc(SO_MAX_KEYS, sizeof *keys);
    size_t n = 0;
    if (!keys) return so_fail_memory(err, SO_MAX_KEYS * sizeof *keys, "keys");
    FILE *file = fopen(path, "re");
    sotto_status status = file ? SOTTO_OK : so_fail(err, SOTTO_ERR_IO, "cannot read the keys in '%s': %s", path, strerror(errno));
    for (unsigned number = 1; !status && fgets(line, sizeof line, file); number++) {
        bool used, fits = n < SO_MAX_KEYS && strlen(line) < sizeof line - 1;
        struct so_key key;
        if (!fits || !parse_line(line, &key, &used))
            status = so_fail(err, SOTTO_ERR_ARGUMENT, "line %u of '%s' is not NAME SHA256 [REQUESTS-PER-MINUTE] [admin]", number, path);
        else if (used) keys[n++] = key;
    }
    if (file) fclose(file);
    if (!status && n == 0) status = so_fail(err, SOTTO_ERR_ARGUMENT, "'%s' holds no key", path);
    if (status) free(keys);
    else *out = keys, *count = n;
    return status;
}

sotto_status so_keys_open(struct so_keys *keys, const char *path, sotto_error *err) {
    *keys = (struct so_keys){.path = path};
    pthread_mutex_init(&keys->lock, NULL);
    return path ? so_keys_reload(keys, err) : SOTTO_OK;
}

sotto_status so_keys_reload(struct so_keys *keys, sotto_error *err) {
    struct so_key *fresh;
    size_t n;
    if (!keys->path) return SOTTO_OK;
    sotto_status status = read_file(keys->path, &fresh, &n, err);
    if (status) return status;
    pthread_mutex_lock(&keys->lock);
    free(keys->keys);
    keys->keys = fresh;
    keys->n = n;
    pthread_mutex_unlock(&keys->lock);
    return SOTTO_OK;
}

void so_keys_free(struct so_keys *keys) {
    free(keys->keys);
    keys->keys = NULL;
    pthread_mutex_destroy(&keys->lock);
}

/** Take one token, if there is one. */
static bool take(struct so_key *key, double *wait) {
    double now = so_now(), rate = key->per_minute / 60;
    if (key->at > 0) key->tokens += (now - key->at) * rate;
    if (key->tokens > key->per_minute) key->tokens = key->per_minute;
    key->at = now;
    if (key->tokens < 1) return *wait = (1 - key->tokens) / rate, false;
    key->tokens -= 1;
    return true;
}

bool so_keys_admin(struct so_keys *keys, const char *name) {
    bool admin = false;
    pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < keys->n; i++) admin = admin || (keys->keys[i].admin && strcmp(keys->keys[i].name, name) == 0);
    pthread_mutex_unlock(&keys->lock);
    return admin;
}

enum so_key_verdict so_keys_check(struct so_keys *keys, const char *authorization, bool count, char *name, double *wait) {
    uint8_t digest[SO_HASH_BYTES];
    enum so_key_verdict verdict = SO_KEY_WRONG;
    name[0] = '\0';
    *wait = 0;
    if (!keys->path) return SO_KEY_GOOD;
    if (!authorization || strncasecmp(authorization, "bearer ", 7) != 0) return SO_KEY_WRONG;
    authorization += 7;
    authorization += strspn(authorization, " ");
    size_t n = strnlen(authorization, MAX_SECRET + 1);
    if (n == 0 || n > MAX_SECRET) return SO_KEY_WRONG;
    hash(authorization, n, digest);
    pthread_mutex_lock(&keys->lock);
    struct so_key *found = NULL;
    for (size_t i = 0; i < keys->n; i++)
        if (memeql_sec(keys->keys[i].hash, digest, SO_HASH_BYTES)) found = &keys->keys[i];
    if (found) {
        memcpy(name, found->name, SO_KEY_NAME);
        verdict = count && found->per_minute > 0 && !take(found, wait) ? SO_KEY_TOO_OFTEN : SO_KEY_GOOD;
    }
    pthread_mutex_unlock(&keys->lock);
    return verdict;
}

int so_keys_make(const char *name) {
    uint8_t secret[SECRET_BYTES], digest[SO_HASH_BYTES];
    char key[6 + 2 * SECRET_BYTES + 1] = "sotto-";
    if (!*name || strlen(name) >= SO_KEY_NAME || strpbrk(name, " \t\r\n#")) {
        fprintf(stderr, "sotto: serve: --new-key takes a name of 1 to %d characters without blanks\n", SO_KEY_NAME - 1);
        return 2;
    }
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) return 1;
    for (int i = 0; i < SECRET_BYTES; i++) snprintf(key + 6 + 2 * i, 3, "%02x", secret[i]);
    hash(key, strlen(key), digest);
    printf("key, to be given to the client and kept nowhere else:\n%s\n\nline for the file of --keys:\n%s ", key, name);
    for (int i = 0; i < SO_HASH_BYTES; i++) printf("%02x", digest[i]);
    printf("\n");
    return fflush(stdout) ? 1 : 0;
}
