/* Multipart bodies in pieces of every size, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/multipart.h"
#include "util/compiler.h"

/** What a reader told, as text: "name(filename)=data;" for each part. */
struct told {
    char text[4096];
    size_t n;
    size_t stop_after; /* bytes of data, 0: never */
    size_t bytes;
};

static void add(struct told *t, const char *bytes, size_t n) {
    assert_true(t->n + n < sizeof t->text);
    memcpy(t->text + t->n, bytes, n);
    t->n += n;
    t->text[t->n] = '\0';
}

static bool begin(void *context, const char *name, const char *filename) {
    add(context, name, strlen(name));
    if (filename) add(context, "(", 1), add(context, filename, strlen(filename)), add(context, ")", 1);
    add(context, "=", 1);
    return true;
}

static bool data(void *context, const char *bytes, size_t n) {
    struct told *t = context;
    assert_true(n > 0);
    add(t, bytes, n);
    t->bytes += n;
    return t->stop_after == 0 || t->bytes < t->stop_after;
}

static bool end(void *context) {
    add(context, ";", 1);
    return true;
}

static bool read_body(const char *type, const char *body, size_t n, size_t piece, struct told *t, struct so_multipart *m) {
    struct so_multipart_sink sink = {t, begin, data, end};
    *t = (struct told){.stop_after = t->stop_after};
    assert_true(so_multipart_init(m, type, &sink));
    for (size_t at = 0; at < n; at += piece)
        if (!so_multipart_feed(m, body + at, n - at < piece ? n - at : piece)) return false;
    return so_multipart_finish(m);
}

#define PART(name, rest) "--b0\r\nContent-Disposition: form-data; name=\"" name "\"" rest "\r\n\r\n"

static void pieces_of_every_size_give_the_same_parts(void **state) {
    (void)state;
    static const char body[] = "preamble\r\n" PART("a", "") "1\r\n--b\r\n\r--b0\r\r\n" PART("file", "; filename=\"x \\\"y\\\".wav\"")
        "\r\n\r\n--b0x is not it? no:\r\n--b1\r\n" "--b0-- \r\nepilogue";
    /* "--b0x" after CR LF is a boundary followed by something else, so the second part must not hold it. */
    static const char good[] = "preamble\r\n" PART("a", "") "1\r\n--b\r\n\r--b\r\r\n" PART("file", "; filename=\"x \\\"y\\\".wav\"")
        "\r\n\r\n--b1\r\n-\r\n--b0--\r\nepilogue\r\n--b0\r\n";
    struct so_multipart m;
    struct told t = {0};
    for (size_t piece = 1; piece < sizeof good; piece++) {
        assert_true(read_body("multipart/form-data; boundary=b0", good, sizeof good - 1, piece, &t, &m));
        assert_string_equal(t.text, "a=1\r\n--b\r\n\r--b\r;file(x \"y\".wav)=\r\n\r\n--b1\r\n-;");
        assert_false(read_body("multipart/form-data; boundary=b0", body, sizeof body - 1, piece, &t, &m));
        assert_non_null(m.wrong);
    }
}

static void an_empty_part_begins_and_ends(void **state) {
    (void)state;
    static const char body[] = PART("a", "") "\r\n" PART("b", "") "\r\n--b0--";
    struct so_multipart m;
    struct told t = {0};
    assert_true(read_body("Multipart/Form-Data ; charset=x; boundary=\"b0\"", body, sizeof body - 1, 1, &t, &m));
    assert_string_equal(t.text, "a=;b=;");
}

static void a_body_cut_anywhere_is_not_whole(void **state) {
    (void)state;
    static const char body[] = PART("a", "") "1\r\n--b0--";
    struct so_multipart m;
    struct told t = {0};
    for (size_t n = 0; n < sizeof body - 1; n++) {
        assert_false(read_body("multipart/form-data; boundary=b0", body, n, 7, &t, &m));
        assert_non_null(m.wrong);
    }
}

static void what_is_wrong_is_said(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "--b0\r\n\r\n1\r\n--b0--",
        "--b0\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b0--",
        "--b0\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--b0--",
        "--b0\r\nContent-Disposition: file; name=a\r\n\r\n1\r\n--b0--",
        "--b0\nContent-Disposition: form-data; name=a\n\n1\n--b0--",
        PART("a", "\r\nContent-Transfer-Encoding: base64") "1\r\n--b0--",
        PART("a", "; filename") "1\r\n--b0--",
        "--b0-x",
        "--b0\rx",
    };
    struct so_multipart m;
    struct told t = {0};
    for (size_t i = 0; i < SO_COUNT(bodies); i++) {
        assert_false(read_body("multipart/form-data; boundary=b0", bodies[i], strlen(bodies[i]), 3, &t, &m));
        assert_non_null(m.wrong);
    }
}

static void headers_and_parts_have_bounds(void **state) {
    (void)state;
    static char body[SO_PART_HEADER_BYTES + 200];
    struct so_multipart m;
    struct told t = {0};
    int n = snprintf(body, sizeof body, "--b0\r\nX: ");
    memset(body + n, 'y', SO_PART_HEADER_BYTES + 50);
    assert_false(read_body("multipart/form-data; boundary=b0", body, sizeof body - 1, 100, &t, &m));
    assert_non_null(strstr(m.wrong, "too long"));
    static const char nul[] = "--b0\r\nX: \0\r\n\r\n";
    assert_false(read_body("multipart/form-data; boundary=b0", nul, sizeof nul - 1, 100, &t, &m));
    struct so_multipart_sink sink = {&t, begin, data, end};
    assert_true(so_multipart_init(&m, "multipart/form-data; boundary=b0", &sink));
    bool ok = true;
    unsigned parts = 0;
    for (; ok && parts < 2 * SO_MAX_PARTS; parts++) {
        t = (struct told){0};
        ok = so_multipart_feed(&m, PART("a", "") "\r\n", sizeof PART("a", "") "\r\n" - 1);
    }
    assert_int_equal(parts, SO_MAX_PARTS + 1);
}

static void a_sink_may_stop_the_reading(void **state) {
    (void)state;
    static const char body[] = PART("a", "") "123456\r\n--b0--";
    struct so_multipart m;
    struct told t = {.stop_after = 3};
    assert_false(read_body("multipart/form-data; boundary=b0", body, sizeof body - 1, 1, &t, &m));
    assert_string_equal(t.text, "a=123");
    assert_null(m.wrong);
}

static void only_form_data_with_a_boundary_is_taken(void **state) {
    (void)state;
    static const char *const types[] = {
        "", "text/plain", "multipart/form-data", "multipart/form-data;", "multipart/form-data; boundary", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"", "multipart/form-data; boundary=\"a", "multipart/form-data; boundary=\"a\rb\"",
        "multipart/form-data; boundary=\"a \"", "multipart/form-dataX; boundary=a", "multipart/form-data boundary=a",
        "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789X",
    };
    struct so_multipart m;
    struct so_multipart_sink sink = {NULL, begin, data, end};
    assert_false(so_multipart_init(&m, NULL, &sink));
    for (size_t i = 0; i < SO_COUNT(types); i++)
        if (so_multipart_init(&m, types[i], &sink)) fail_msg("taken: %s", types[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_every_size_give_the_same_parts), cmocka_unit_test(an_empty_part_begins_and_ends),
        cmocka_unit_test(a_body_cut_anywhere_is_not_whole),         cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(headers_and_parts_have_bounds),            cmocka_unit_test(a_sink_may_stop_the_reading),
        cmocka_unit_test(only_form_data_with_a_boundary_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
