/* What a child that decodes media can still do: read, write, compute; and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/limits.h"
#include "server/sandbox.h"

enum { FINE = 0, FAILED = 7, REFUSED = 8, NO_SANDBOX = 9 };

/** How a process ends that locks itself in for `seconds` and does `what`: its exit status, or minus the signal. */
static int inside(int (*what)(void), uint32_t seconds) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(so_sandbox_enter(seconds) ? what() : NO_SANDBOX);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int opens_a_file(void) { return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? REFUSED : FAILED; }
static int looks_at_a_path(void) { return readlink("/proc/self/exe", (char[64]){0}, 64) < 0 && errno == EACCES ? REFUSED : FAILED; }
static int makes_a_file(void) { return creat("/tmp/sotto-sandbox-test", 0600) < 0 ? REFUSED : FAILED; }
static int connects(void) { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? REFUSED : FAILED; }
static int makes_a_pair(void) { return socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}) < 0 ? REFUSED : FAILED; }
static int forks(void) { return fork() < 0 ? REFUSED : FAILED; }
static int runs_a_program(void) { return execl("/bin/true", "true", (char *)NULL) < 0 ? REFUSED : FAILED; }
static int traces_its_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? REFUSED : FAILED; }
static int kills_its_parent(void) { return kill(getppid(), 0) < 0 ? REFUSED : FAILED; }

static int takes_all_memory(void) {
    size_t got = 0, step = (size_t)16 << 20;
    while (got < 2 * ((size_t)SO_MEDIA_MEMORY_MIB << 20)) {
        if (mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) return REFUSED;
        got += step;
    }
    return FAILED;
}

static int spins(void) {
    volatile bool on = true;
    while (on) continue;
    return FAILED;
}

static int works(void) {
    char *memory = malloc(1 << 20);
    if (!memory) return FAILED;
    memset(memory, 1, 1 << 20);
    struct stat info;
    bool fine = memory[5] == 1 && fstat(STDERR_FILENO, &info) == 0 && write(STDERR_FILENO, "", 0) == 0;
    free(memory);
    return fine ? FINE : FAILED;
}

static void reading_writing_and_memory_go_on(void **state) {
    (void)state;
    assert_int_equal(inside(works, 60), FINE);
}

static void no_file_can_be_opened_or_named(void **state) {
    (void)state;
    assert_int_equal(inside(opens_a_file, 60), REFUSED);
    assert_int_equal(inside(looks_at_a_path, 60), REFUSED);
    assert_int_equal(inside(makes_a_file, 60), -SIGSYS);
}

static void a_socket_a_process_or_a_program_is_the_end(void **state) {
    (void)state;
    int (*const crimes[])(void) = {connects, makes_a_pair, forks, runs_a_program, traces_its_parent, kills_its_parent};
    for (size_t i = 0; i < sizeof crimes / sizeof *crimes; i++) assert_int_equal(inside(crimes[i], 60), -SIGSYS);
}

static void memory_has_a_bound(void **state) {
    (void)state;
    assert_int_equal(inside(takes_all_memory, 60), REFUSED);
}

static void time_has_a_bound(void **state) {
    (void)state;
    assert_int_equal(inside(spins, 1), -SIGALRM);
}

int main(void) {
    if (SO_SANDBOX_OFF) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_writing_and_memory_go_on), cmocka_unit_test(no_file_can_be_opened_or_named),
        cmocka_unit_test(a_socket_a_process_or_a_program_is_the_end), cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(time_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
