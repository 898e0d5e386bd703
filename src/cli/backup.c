/* SPDX-License-Identifier: Apache-2.0 */
/* `backup` and `restore`. The keys file is not in the database: a copy without it opens no secret. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/local.h"
#include "json/write.h"

#define KEYS_MAX ((size_t)1 << 20)

static const struct arg_flag backup_flags[] = {
        {"with-keys", NULL, "also copy the keys file, to FILE.keys (0600)", .kind = ARG_SWITCH},
};

static const struct arg_page backup_page = {
        .command = "backup",
        .operands = "FILE",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Copies the store into a new file, also while the server runs. The copy is the state of one moment, "
                   "checked\nand on disk when the command ends.",
        .flags = backup_flags,
        .flag_count = ARRAY_LEN(backup_flags),
        .notes = "The store is that of POSTRIDER_DATABASE. Keep postrider.keys too: without it the secrets in a copy "
                 "cannot be\nopened.",
        .example = "postrider backup /var/backups/postrider-monday.db --with-keys",
};

static const struct arg_flag restore_flags[] = {
        {"force", NULL, "replace the store that is there", .kind = ARG_SWITCH},
};

static const struct arg_page restore_page = {
        .command = "restore",
        .operands = "FILE",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Checks a file made by backup and puts it in the place of POSTRIDER_DATABASE. The server must be "
                   "stopped.",
        .flags = restore_flags,
        .flag_count = ARRAY_LEN(restore_flags),
        .notes = "Put the postrider.keys of that time beside the database before the server starts.",
        .example = "postrider restore /var/backups/postrider-monday.db",
};

static void print_facts(const char *what, const char *path, const struct store_facts *f)
{
    printf("%s %s: %lld bytes, schema %d\n", what, path, (long long)f->bytes, f->schema_version);
    printf("messages %llu, deliveries %llu, attempts %llu, objects %llu\nsha256 of the rows %s\n",
           (unsigned long long)f->messages, (unsigned long long)f->deliveries, (unsigned long long)f->attempts,
           (unsigned long long)f->objects, f->sha256);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static bool read_whole(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? 1 : -1;
    while (n > 0) {
        char *at = buf_reserve(out, 4096);
        n = at != NULL ? read(fd, at, 4096) : -1;
        out->len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    return n == 0;
}

static bool write_new(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    int trouble = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !good)
        (void)unlink(path);
    errno = trouble;
    return good;
}

static int copy_keys(const struct args *a, const char *from, const char *to)
{
    struct buf text = BUF_INIT(KEYS_MAX);
    if (buf_reserve(&text, KEYS_MAX) == NULL)
        return CLI_COULD_NOT;
    bool good = read_whole(from, &text) && write_new(to, buf_str(&text));
    int trouble = errno;
    mem_free_secret(text.ptr, text.cap);
    return good ? CLI_DONE : local_could_not(a, "the keys file could not be copied", strerror(trouble));
}

/* What the keys at hand do for the secrets in the file; a line for people. */
static const char *judge_keys(const struct settings *set, const struct store_facts *f)
{
    struct keyring *keys;
    const char *why;
    if (f->key_id_count == 0)
        return "no secret in it needs a key";
    if (local_keys(set, &keys, &why) != ERR_OK)
        return "its secrets need the postrider.keys of that time beside the database: put it there before you start";
    bool all = local_keys_fit(keys, f);
    keyring_free(keys);
    return all ? "the keys at hand belong to it"
               : "its secrets were sealed under a key that is not at hand: put the postrider.keys of that time beside "
                 "the database";
}

/* ---- backup ------------------------------------------------------------------------------------------------------ */

static int report_backup(const struct args *a, const struct settings *set, const struct store_facts *f,
                         const char *keys_copy)
{
    const char *to = a->operands[0];
    if (a->json) {
        struct buf out = BUF_INIT(65536);
        struct json_writer w = json_writer(&out);
        json_w_object(&w);
        json_w_str_at(&w, "file", str_c(to));
        local_write_facts(f, &w);
        json_w_opt_str_at(&w, "keys", str_c(keys_copy));
        json_w_object_end(&w);
        local_print(&out);
    } else {
        print_facts("copied to", to, f);
    }
    if (keys_copy == NULL && set->master_key == NULL)
        fprintf(stderr, "keep %s too (or say --with-keys): without it the secrets in the copy cannot be opened\n",
                set->keys_path);
    else if (keys_copy == NULL)
        fprintf(stderr, "keep the value of POSTRIDER_MASTER_KEY too: the secrets in the copy need it\n");
    return CLI_DONE;
}

static int backup(const struct args *a, const struct settings *set)
{
    struct store_facts facts;
    const char *why = NULL;
    struct buf name = BUF_INIT((size_t)1 << 16);
    buf_addf(&name, "%s.keys", a->operands[0]);
    AUTO_FREE char *keys = buf_take(&name, NULL);
    bool with_keys = args_on(a, "with-keys");
    if (with_keys && access(keys, F_OK) == 0)
        return local_could_not(a, keys, "exists already: name another file");
    enum err e = store_backup_path(set->sqlite_path, a->operands[0], local_progress, (void *)"copying", &facts, &why);
    if (e != ERR_OK)
        return local_could_not(a, e == ERR_CONFLICT ? a->operands[0] : set->sqlite_path, why);
    int status = with_keys ? copy_keys(a, set->keys_path, keys) : CLI_DONE;
    return status == CLI_DONE ? report_backup(a, set, &facts, with_keys ? keys : NULL) : status;
}

int cli_backup(int argc, char **argv)
{
    struct args a;
    struct settings set;
    int status = args_read(&backup_page, argc, argv, &a);
    if (status == ARGS_GO_ON)
        status = local_store_settings(&a, &set);
    if (status != ARGS_GO_ON)
        return status;
    status = backup(&a, &set);
    settings_fini(&set);
    return status;
}

/* ---- restore ----------------------------------------------------------------------------------------------------- */

static int restore(const struct args *a, const struct settings *set)
{
    struct store_facts facts;
    const char *why = NULL;
    enum err e = store_restore_path(a->operands[0], set->sqlite_path, args_on(a, "force"), &facts, &why);
    if (e == ERR_CONFLICT)
        return local_could_not(a, set->sqlite_path, why);
    if (e != ERR_OK)
        return local_could_not(a, a->operands[0], why);
    const char *keys = judge_keys(set, &facts);
    if (a->json) {
        struct buf out = BUF_INIT(65536);
        struct json_writer w = json_writer(&out);
        json_w_object(&w);
        json_w_str_at(&w, "database", str_c(set->sqlite_path));
        local_write_facts(&facts, &w);
        json_w_str_at(&w, "keys", str_c(keys));
        json_w_object_end(&w);
        local_print(&out);
    } else {
        print_facts("restored", set->sqlite_path, &facts);
        printf("%s\n", keys);
    }
    return CLI_DONE;
}

int cli_restore(int argc, char **argv)
{
    struct args a;
    struct settings set;
    int status = args_read(&restore_page, argc, argv, &a);
    if (status == ARGS_GO_ON)
        status = local_store_settings(&a, &set);
    if (status != ARGS_GO_ON)
        return status;
    status = restore(&a, &set);
    settings_fini(&set);
    return status;
}
