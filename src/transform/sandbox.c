/* SPDX-License-Identifier: Apache-2.0 */
#include "transform/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no list of system calls for this architecture"
#endif

/* Calls that take no name of anything outside: memory, time, own threads, the socket. Everything else is EPERM; those
 * that take protection bits are looked at more closely below. */
static const int allowed[] = {
        SYS_read,          SYS_write,           SYS_close,        SYS_futex,        SYS_munmap,
        SYS_mremap,        SYS_madvise,         SYS_brk,          SYS_sched_yield,  SYS_sched_getaffinity,
        SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep,    SYS_gettimeofday, SYS_getpid,
        SYS_gettid,        SYS_getrandom,       SYS_getrusage,    SYS_sysinfo,      SYS_membarrier,
        SYS_rt_sigaction,  SYS_rt_sigprocmask,  SYS_rt_sigreturn, SYS_sigaltstack,  SYS_restart_syscall,
        SYS_exit,          SYS_exit_group};
/* Only without PROT_EXEC in the third argument. */
static const int memory[] = {SYS_mmap, SYS_mprotect};

enum { FILTER_MAX = 2 * ARRAY_LEN(allowed) + 5 * ARRAY_LEN(memory) + 8 };

struct filter {
    struct sock_filter rows[FILTER_MAX];
    unsigned short len;
};

static void row(struct filter *f, unsigned code, unsigned char jt, unsigned char jf, uint32_t k)
{
    CHECK(f->len < FILTER_MAX);
    f->rows[f->len++] = (struct sock_filter){(unsigned short)code, jt, jf, k};
}

static void load(struct filter *f, size_t offset)
{
    row(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct filter *f, uint32_t what)
{
    row(f, BPF_RET | BPF_K, 0, 0, what);
}

static bool lock_calls(void)
{
    struct filter f = {.len = 0};
    load(&f, offsetof(struct seccomp_data, arch));
    row(&f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
    answer(&f, SECCOMP_RET_KILL_PROCESS);
    load(&f, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        row(&f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)allowed[i]);
        answer(&f, SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < ARRAY_LEN(memory); i++) {
        row(&f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)memory[i]);
        load(&f, offsetof(struct seccomp_data, args[2])); /* the low half on machines of this byte order */
        row(&f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, PROT_EXEC);
        answer(&f, SECCOMP_RET_ERRNO | EPERM);
        answer(&f, SECCOMP_RET_ALLOW);
    }
    answer(&f, SECCOMP_RET_ERRNO | EPERM);
    struct sock_fprog program = {.len = f.len, .filter = f.rows};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool limit(int what, rlim_t to)
{
    struct rlimit l = {.rlim_cur = to, .rlim_max = to};
    return setrlimit((__rlimit_resource_t)what, &l) == 0;
}

/* What is mapped now: engines reserve much more than they use. */
static size_t mapped_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    bool ok = f != NULL && fscanf(f, "%lu", &pages) == 1;
    if (f != NULL)
        fclose(f);
    return ok ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

void sandbox_enter(int keep_fd)
{
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(0); /* the server was gone before that */
    if (close_range((unsigned)keep_fd + 1, ~0U, 0) != 0)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "transform");
}

const char *sandbox_lock(size_t memory_bytes)
{
    size_t mapped = mapped_bytes();
    if (mapped == 0 || !limit(RLIMIT_AS, mapped + memory_bytes))
        return "the memory of transformations cannot be limited: is /proc mounted?";
    if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NOFILE, 0) || !limit(RLIMIT_NPROC, 0) ||
        !limit(RLIMIT_MEMLOCK, 0))
        return "the limits of transformations cannot be set";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !lock_calls())
        return "transformations cannot be locked in: the kernel does not offer seccomp";
    return NULL;
}
