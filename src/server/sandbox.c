#include "server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/limits.h"
#include "server/media.h"
#include "util/compiler.h"

static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(write),         SCMP_SYS(lseek),     SCMP_SYS(fstat),        SCMP_SYS(newfstatat),
    SCMP_SYS(close),         SCMP_SYS(mmap),          SCMP_SYS(munmap),    SCMP_SYS(mremap),       SCMP_SYS(mprotect),
    SCMP_SYS(madvise),       SCMP_SYS(brk),           SCMP_SYS(futex),     SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(time),          SCMP_SYS(getrandom),     SCMP_SYS(exit),      SCMP_SYS(exit_group),   SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
};

/** What libraries ask in passing: refused, but no crime. */
static const int refused[] = {
    SCMP_SYS(open),   SCMP_SYS(openat),   SCMP_SYS(openat2), SCMP_SYS(access),     SCMP_SYS(faccessat),         SCMP_SYS(faccessat2),
    SCMP_SYS(stat),   SCMP_SYS(lstat),    SCMP_SYS(statx),   SCMP_SYS(readlink),   SCMP_SYS(readlinkat),        SCMP_SYS(ioctl),
    SCMP_SYS(sysinfo), SCMP_SYS(uname),   SCMP_SYS(getpid),  SCMP_SYS(gettid),     SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
};

static bool limit(int resource, rlim_t most) {
    struct rlimit value = {most, most};
    return setrlimit(resource, &value) == 0;
}

bool so_sandbox_prepare(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !limit(RLIMIT_CORE, 0)) return false;
    /* Where it is allowed; the list of system calls holds in any case. */
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0) errno = 0;
    int adjust = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (adjust >= 0) {
        ssize_t ignored = write(adjust, "800", 3);
        (void)ignored;
        close(adjust);
    }
    return true;
}

static bool set_limits(uint32_t seconds) {
    if (!SO_SANDBOX_OFF && !limit(RLIMIT_AS, (rlim_t)SO_MEDIA_MEMORY_MIB << 20)) return false;
    alarm(seconds ? seconds : 1);
    return limit(RLIMIT_CPU, SO_MEDIA_CPU_SECONDS) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, 0) &&
           limit(RLIMIT_NOFILE, SO_MEDIA_PIPE + 1) && limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0);
}

static bool filter_calls(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) return false;
    int code = 0;
    for (size_t i = 0; i < SO_COUNT(allowed) && code == 0; i++) code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < SO_COUNT(refused) && code == 0; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    if (code == 0) code = seccomp_load(filter);
    seccomp_release(filter);
    return code == 0;
}

bool so_sandbox_enter(uint32_t seconds) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !set_limits(seconds)) return false;
    return SO_SANDBOX_OFF || filter_calls();
}
