/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/preflight.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/pem.h"
#include "mail/letter.h"
#include "store/copy.h"

#define CA_FILE_MAX (8u << 20)

static bool folder_works(const char *path, char *why)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
    if (folder[0] == '\0' || access(folder, W_OK | X_OK) == 0)
        return true;
    snprintf(why, PREFLIGHT_WHY_SIZE, "the folder %s cannot be used: %s; create it, or name another with sqlite:PATH",
             folder, strerror(errno));
    return false;
}

/* Fresh keys beside a database that has secrets under other ones would only add to the confusion. */
static bool keys_are_there(const struct settings *set, char *why)
{
    struct store_facts facts;
    const char *trouble;
    if (set->master_key != NULL || access(set->keys_path, F_OK) == 0 || access(set->sqlite_path, F_OK) != 0)
        return true;
    if (store_look(set->sqlite_path, STORE_LOOK, &facts, &trouble) != ERR_OK || facts.canary_id == 0)
        return true; /* what is wrong with the database is said when it is opened */
    snprintf(why, PREFLIGHT_WHY_SIZE,
             "%s is missing, and the secrets in %s open with nothing else: put it back from your backup, or set "
             "MASTER_KEY",
             set->keys_path, set->sqlite_path);
    return false;
}

static bool ca_file_works(const char *path, char *why)
{
    struct buf text = BUF_INIT(CA_FILE_MAX);
    char chunk[16384];
    size_t n;
    FILE *f = fopen(path, "re");
    while (f != NULL && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&text, chunk, n);
    int count = f != NULL && !text.overflow ? crypto_pem_certificates(buf_str(&text)) : 0;
    if (f == NULL)
        snprintf(why, PREFLIGHT_WHY_SIZE, "%s: %s", path, strerror(errno));
    else if (count <= 0)
        snprintf(why, PREFLIGHT_WHY_SIZE, "%s holds no certificate in PEM form", path);
    if (f != NULL)
        fclose(f);
    buf_fini(&text);
    return count > 0;
}

static bool can_bind(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return false;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int bound = is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof v4) : bind(fd, (struct sockaddr *)&v6, sizeof v6);
    if (fd >= 0)
        close(fd);
    return bound == 0;
}

static bool sources_work(const char *const *addresses, char *why)
{
    for (size_t i = 0; addresses != NULL && addresses[i] != NULL; i++) {
        if (can_bind(addresses[i]))
            continue;
        snprintf(why, PREFLIGHT_WHY_SIZE,
                 "%s is not an address of this machine (what customers are told can differ: "
                 "EGRESS_ADDRESSES)",
                 addresses[i]);
        return false;
    }
    return true;
}

/* A relay needs a sender. */
static bool sender_works(const struct settings *set, char *why)
{
    struct mail_address from;
    if (set->smtp_url == NULL || set->smtp_url[0] == '\0')
        return true;
    struct arena *a = arena_new(1024);
    bool good = mail_address_parse(a, str_c(set->smtp_from), &from) == ERR_OK;
    arena_free(a);
    if (!good)
        snprintf(why, PREFLIGHT_WHY_SIZE, "%s: SMTP_URL needs a sender, such as Hooks <hooks@example.com>",
                 set->smtp_from != NULL ? set->smtp_from : "not set");
    return good;
}

const char *preflight_check(const struct settings *set, char why[PREFLIGHT_WHY_SIZE])
{
    if (!folder_works(set->sqlite_path, why))
        return "DATABASE";
    if (!keys_are_there(set, why))
        return "keys";
    if (set->ca_file != NULL && !ca_file_works(set->ca_file, why))
        return "CA_FILE";
    if (!sender_works(set, why))
        return "SMTP_FROM";
    return sources_work(set->egress_bind, why) ? NULL : "EGRESS_BIND";
}
