/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server.h"

enum { BACKLOG = 4096 };

/* "host:port", "[v6]:port", ":port". */
static bool split_address(struct str address, struct str *host, struct str *port)
{
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    *host = str_take(address, colon - 1);
    *port = str_skip(address, colon);
    uint64_t n;
    if (str_to_u64(*port, &n) != ERR_OK || n > 65535)
        return false;
    if (host->len > 0 && host->ptr[0] == '[') {
        if (host->len < 3 || host->ptr[host->len - 1] != ']')
            return false;
        *host = str_of(host->ptr + 1, host->len - 2);
        return true;
    }
    return str_find(*host, ':') == host->len;
}

static int listen_on(const struct addrinfo *a, bool both_families)
{
    int one = 1;
    int v6_only = !both_families;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

enum err http_listen(struct str address, int *fd_out)
{
    struct str host, port;
    if (!split_address(address, &host, &port))
        return ERR_INVALID;
    AUTO_FREE char *host_z = mem_strndup(host.len > 0 ? host.ptr : "::", host.len > 0 ? host.len : 2);
    AUTO_FREE char *port_z = mem_strndup(port.ptr, port.len);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host_z, port_z, &hints, &found) != 0)
        return ERR_INVALID;
    int fd = -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = listen_on(a, host.len == 0);
    freeaddrinfo(found);
    if (fd < 0 && host.len == 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port_z, NULL, 10))};
        struct addrinfo v4 = {.ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof any};
        fd = listen_on(&v4, false);
    }
    if (fd < 0)
        return ERR_IO;
    *fd_out = fd;
    return ERR_OK;
}

int http_listen_port(int fd)
{
    struct sockaddr_in6 at = {.sin6_port = 0}; /* an IPv4 address has its port at the same place */
    socklen_t len = sizeof at;
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    return ntohs(at.sin6_port);
}
