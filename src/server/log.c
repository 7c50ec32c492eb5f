#include "server/log.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINE = 2048, MAX_NAME = 32 };

static const char *const levels[] = {"error", "warning", "info", "debug"};

static void set(json_t *line, const char *name, json_t *value) {
    if (value) json_object_set_new(line, name, value);
}

static json_t *string(const char *text) {
    if (!text) return NULL;
    json_t *value = json_string(text);
    return value ? value : json_string("(not UTF-8)");
}

/** The arguments by their names. */
static void gather(json_t *line, const char *format, va_list arguments) {
    while (*format) {
        char name[MAX_NAME];
        size_t n = strcspn(format, ":");
        if (n >= sizeof name || !format[n] || !format[n + 1]) return;
        memcpy(name, format, n);
        name[n] = '\0';
        switch (format[n + 1]) {
        case 's': set(line, name, string(va_arg(arguments, const char *))); break;
        case 'u': set(line, name, json_integer((json_int_t)va_arg(arguments, unsigned long long))); break;
        case 'f': set(line, name, json_real(rint(va_arg(arguments, double) * 1e6) / 1e6)); break;
        default: return;
        }
        format += n + 2;
        while (*format == ' ') format++;
    }
}

/** "time level event name=value ..": strings with blanks or control characters stay JSON strings, so that no client forges a line. */
static void as_text(json_t *line, char *out, size_t size) {
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(line, key, value) {
        char *shown = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        if (!shown) continue;
        size_t length = strlen(shown);
        bool plain = length > 2 && shown[0] == '"' && !strpbrk(shown + 1, " \\") && !strchr(shown, '=');
        if (plain) shown[length - 1] = '\0';
        const char *text = plain ? shown + 1 : shown;
        bool bare = strcmp(key, "time") == 0 || strcmp(key, "level") == 0 || strcmp(key, "event") == 0;
        int wrote = bare ? snprintf(out + n, size - n, "%s%s", n ? " " : "", text) : snprintf(out + n, size - n, " %s=%s", key, text);
        free(shown);
        if (wrote < 0 || (size_t)wrote >= size - n) break;
        n += (size_t)wrote;
    }
}

void so_note(const struct so_log *log, sotto_log_level level, const char *event, const char *format, ...) {
    if (level > log->level) return;
    char now[40], text[MAX_LINE];
    struct timespec at;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &at);
    gmtime_r(&at.tv_sec, &utc);
    size_t n = strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(now + n, sizeof now - n, ".%03ldZ", at.tv_nsec / 1000000);
    json_t *line = json_pack("{s:s,s:s,s:s}", "time", now, "level", levels[level], "event", event);
    if (!line) return;
    va_list arguments;
    va_start(arguments, format);
    gather(line, format, arguments);
    va_end(arguments);
    char *json = log->json ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (!log->json) as_text(line, text, sizeof text);
    const char *shown = json ? json : text;
    char whole[MAX_LINE + 2];
    int length = snprintf(whole, sizeof whole - 1, "%s", shown);
    if (length > (int)sizeof whole - 2) length = (int)sizeof whole - 2;
    whole[length++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, whole, (size_t)length);
    (void)ignored;
    free(json);
    json_decref(line);
}
