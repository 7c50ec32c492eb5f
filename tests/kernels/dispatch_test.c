/** Which kernels a process gets: the best of the CPU, or at most what $SOTTO_CPU names. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/** The name of the level that a fresh process with this $SOTTO_CPU (NULL: unset) uses, and its
 * so_kernels_check(). */
static int chosen_level(const char *wanted, char name[16]) {
    int pipes[2], status;
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (wanted)
            setenv("SOTTO_CPU", wanted, 1);
        else
            unsetenv("SOTTO_CPU");
        const char *level = so_kernels()->level;
        const ssize_t written = write(pipes[1], level, strlen(level) + 1);
        _exit(written < 0 ? 3 : so_kernels_check() == 0 ? 0 : 1);
    }
    close(pipes[1]);
    const ssize_t size = read(pipes[0], name, 16);
    close(pipes[0]);
    assert_true(size > 0 && name[size - 1] == 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/** The highest level at or below `limit` (NULL: any) that this CPU has. */
static const char *best_level(const char *limit) {
    const char *best = NULL;
    for (const char *const *name = so_kernels_levels(); *name; name++) {
        if (so_kernels_level(*name)) best = *name;
        if (limit && strcmp(*name, limit) == 0) break;
    }
    return best;
}

static void best_level_is_used_unless_told_otherwise(void **state) {
    (void)state;
    char name[16];
    assert_int_equal(chosen_level(NULL, name), 0);
    assert_string_equal(name, best_level(NULL));
    assert_int_equal(chosen_level("", name), 0);
    assert_string_equal(name, best_level(NULL));
}

static void every_level_can_be_asked_for_and_is_never_exceeded(void **state) {
    (void)state;
    for (const char *const *wanted = so_kernels_levels(); *wanted; wanted++) {
        char name[16];
        assert_int_equal(chosen_level(*wanted, name), 0);
        assert_string_equal(name, best_level(*wanted));
    }
}

static void unknown_level_is_reported_and_means_plain_code(void **state) {
    (void)state;
    char name[16];
    assert_int_equal(chosen_level("avx9000", name), 1);
    assert_string_equal(name, "ref");
    assert_null(so_kernels_level("avx9000"));
}

static void each_table_is_complete_and_carries_its_name(void **state) {
    (void)state;
    assert_non_null(so_kernels_level("ref"));
    for (const char *const *name = so_kernels_levels(); *name; name++) {
        const struct so_kernels *kernels = so_kernels_level(*name);
        if (!kernels) continue;
        assert_string_equal(kernels->level, *name);
        void (*entries[sizeof(struct so_kernels) / sizeof(void (*)(void))])(void);
        memcpy(entries, kernels, sizeof entries);
        for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
            if (!entries[i]) fail_msg("%s: entry %zu of the table is empty", *name, i);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(best_level_is_used_unless_told_otherwise),
                                       cmocka_unit_test(every_level_can_be_asked_for_and_is_never_exceeded),
                                       cmocka_unit_test(unknown_level_is_reported_and_means_plain_code),
                                       cmocka_unit_test(each_table_is_complete_and_carries_its_name)};
    return run_kernel_tests("dispatch", tests, sizeof tests / sizeof *tests, argc, argv);
}
