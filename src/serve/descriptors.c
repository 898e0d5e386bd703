/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/descriptors.h"

#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>

/* Opened later: readers of the store, a backup, DNS; and of each reactor its loop, client and resolver. */
#define RESERVE             12
#define RESERVE_PER_REACTOR 6
/* With so many to share nobody needs to be told how many idle connections to keep. */
#define PLENTY 4096

static int limit_raised(void)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
        return 1024;
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
    return lim.rlim_max < INT_MAX ? (int)lim.rlim_max : INT_MAX;
}

static int open_now(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return 32;
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

static int between(int n, int min, int max)
{
    return n < min ? min : n > max ? max : n;
}

struct descriptors descriptors_share(unsigned reactors, int clients_max, int attempts_max)
{
    int n = (int)reactors;
    int each = (limit_raised() - open_now() - RESERVE - RESERVE_PER_REACTOR * n) / n;
    each = each > 0 ? each : 0;
    struct descriptors d = {.clients = between(each / 2, 1, clients_max),
                            .attempts = between(each / 3, 1, attempts_max)};
    if (each < PLENTY)
        d.idle = (size_t)between(each / 6, 1, 500);
    return d;
}
