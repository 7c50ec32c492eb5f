#include "audio/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/memory.h"

static void set_name(struct so_input *input, const char *path) {
    size_t length = strlen(path);
    const char *shown = path;
    char *name = input->name;
    if (length > SO_INPUT_NAME_MAX) {
        shown += length - SO_INPUT_NAME_MAX;
        while (((unsigned char)*shown & 0xc0) == 0x80) shown++; /* not from the middle of a UTF-8 character */
        memcpy(name, "...", 3);
        name += 3;
    }
    memcpy(name, shown, strlen(shown) + 1);
}

static struct so_input *allocate(const char *path) {
    struct so_input *input = so_calloc(1, sizeof *input);
    if (!input) return NULL;
    input->fd = -1;
    set_name(input, path);
    return input;
}

/** What kind of file the descriptor is: refuses what cannot be a recording. */
static sotto_status examine(struct so_input *input, sotto_error *err) {
    struct stat info;
    if (fstat(input->fd, &info) != 0)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", input->name, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return so_fail(err, SOTTO_ERR_IO, "'%s' is a folder, not a recording", input->name);
    if (!S_ISREG(info.st_mode)) return SOTTO_OK;
    off_t here = lseek(input->fd, 0, SEEK_CUR);
    if (here < 0) return SOTTO_OK;
    input->seekable = true;
    input->start = (uint64_t)here;
    input->size = info.st_size > here ? (uint64_t)(info.st_size - here) : 0;
    if (input->size == 0) return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is empty", input->name);
    return SOTTO_OK;
}

sotto_status so_input_open(const char *path, struct so_input **out, sotto_error *err) {
    *out = NULL;
    if (!path || !*path) return so_fail(err, SOTTO_ERR_ARGUMENT, "the name of the recording is empty");
    bool standard = strcmp(path, "-") == 0;
    struct so_input *input = allocate(standard ? "standard input" : path);
    if (!input) return so_fail_memory(err, sizeof *input, "an input file");
    if (standard) {
        input->fd = STDIN_FILENO;
    } else {
        do input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        while (input->fd < 0 && errno == EINTR);
        if (input->fd < 0) {
            so_fail(err, SOTTO_ERR_IO, "cannot open '%s': %s", input->name, strerror(errno));
            so_free(input);
            return SOTTO_ERR_IO;
        }
        input->owned = true;
    }
    sotto_status status = examine(input, err);
    if (status != SOTTO_OK) {
        so_input_close(input);
        return status;
    }
    *out = input;
    return SOTTO_OK;
}

sotto_status so_input_fd(int fd, const char *label, struct so_input **out, sotto_error *err) {
    *out = NULL;
    if (fd < 0) return so_fail(err, SOTTO_ERR_ARGUMENT, "no descriptor to read '%.100s' from", label);
    struct so_input *input = allocate(label);
    if (!input) return so_fail_memory(err, sizeof *input, "an input file");
    input->fd = fd;
    sotto_status status = examine(input, err);
    if (status != SOTTO_OK) {
        so_input_close(input);
        return status;
    }
    *out = input;
    return SOTTO_OK;
}

sotto_status so_input_memory(const void *data, size_t size, const char *name, struct so_input **out,
                             sotto_error *err) {
    *out = NULL;
    struct so_input *input = allocate(name);
    if (!input) return so_fail_memory(err, sizeof *input, "an input file");
    input->memory = data;
    input->size = size;
    input->seekable = true;
    *out = input;
    return SOTTO_OK;
}

static void advance(struct so_input *input, uint64_t bytes) {
    input->position += bytes;
    if (input->position > input->furthest) input->furthest = input->position;
}

int64_t so_input_read_some(struct so_input *input, void *buffer, size_t size) {
    if (size > INT32_MAX) size = INT32_MAX;
    if (input->fd < 0) {
        uint64_t left = input->size > input->position ? input->size - input->position : 0;
        if (size > left) size = (size_t)left;
        if (size) memcpy(buffer, input->memory + input->position, size);
        advance(input, size);
        return (int64_t)size;
    }
    if (input->position < input->n_peeked) {
        size = so_min(size, input->n_peeked - (size_t)input->position);
        memcpy(buffer, input->peeked + input->position, size);
        advance(input, size);
        return (int64_t)size;
    }
    ssize_t got;
    do got = read(input->fd, buffer, size);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (!input->error) input->error = errno ? errno : EIO;
        return -1;
    }
    advance(input, (uint64_t)got);
    return got;
}

size_t so_input_read(struct so_input *input, void *buffer, size_t size) {
    size_t done = 0;
    while (done < size) {
        int64_t got = so_input_read_some(input, (uint8_t *)buffer + done, size - done);
        if (got <= 0) break;
        done += (size_t)got;
    }
    return done;
}

size_t so_input_peek(struct so_input *input, uint8_t bytes[SO_INPUT_PEEK]) {
    input->n_peeked = so_input_read(input, input->peeked, SO_INPUT_PEEK);
    input->position = 0;
    memcpy(bytes, input->peeked, input->n_peeked);
    return input->n_peeked;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size) {
    while (size) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/** The rest of `input` to `fd`. */
static sotto_status copy_to(int fd, struct so_input *input, sotto_error *err) {
    uint8_t buffer[65536];
    for (size_t n; (n = so_input_read(input, buffer, sizeof buffer)) > 0;) {
        if (input->position > SO_INPUT_SPOOL_MAX)
            return so_fail(err, SOTTO_ERR_MEDIA, "'%s' is too long to be stored, which its format needs",
                           input->name);
        if (!write_all(fd, buffer, n))
            return so_fail(err, SOTTO_ERR_IO, "cannot store '%s' in a temporary file: %s", input->name,
                           strerror(errno));
    }
    if (input->error)
        return so_fail(err, SOTTO_ERR_IO, "cannot read '%s': %s", input->name, strerror(input->error));
    return SOTTO_OK;
}

sotto_status so_input_spool(struct so_input *input, sotto_error *err) {
    FILE *file = tmpfile(); /* for its name, which is gone at once; the descriptor is all that is used */
    int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
    int code = errno;
    if (file) fclose(file);
    if (fd < 0)
        return so_fail(err, SOTTO_ERR_IO, "cannot store '%s' in a temporary file: %s", input->name,
                       strerror(code));
    sotto_status status = copy_to(fd, input, err);
    if (status == SOTTO_OK && lseek(fd, 0, SEEK_SET) != 0)
        status = so_fail(err, SOTTO_ERR_IO, "cannot store '%s' in a temporary file: %s", input->name,
                         strerror(errno));
    if (status != SOTTO_OK) {
        close(fd);
        return status;
    }
    if (input->owned) close(input->fd);
    input->fd = fd;
    input->owned = input->seekable = true;
    input->size = input->position;
    input->position = input->start = input->n_peeked = 0;
    return SOTTO_OK;
}

bool so_input_seek(struct so_input *input, uint64_t position) {
    if (!input->seekable || position > (uint64_t)INT64_MAX - input->start) return false;
    if (input->fd >= 0 && lseek(input->fd, (off_t)(input->start + position), SEEK_SET) < 0) return false;
    input->position = position;
    return true;
}

void so_input_close(struct so_input *input) {
    if (!input) return;
    if (input->owned) close(input->fd);
    so_free(input);
}
