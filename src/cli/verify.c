/* SPDX-License-Identifier: Apache-2.0 */
/* `verify`: a request as it was received, on standard input; is its signature good? Needs no server. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/local.h"
#include "cli/profiles.h"
#include "signing/profile_incoming.h"
#include "json/write.h"

#define REQUEST_MAX ((size_t)64 << 20)
#define HEADERS_MAX 256

static const struct arg_flag flags[] = {
        {"profile", "NAME",
         "standard, github, stripe, slack, shopify, twilio, or another provider's; or one of the server's",
         .def = "standard"},
        {"secret", "SECRET", "what the endpoint was given; one of several is enough", .kind = ARG_LIST},
        {"secret-file", "FILE", "a file with the secret, which then does not show in the list of processes",
         .kind = ARG_TEXT},
        {"tolerance", "DURATION", "how old or new a signed time may be; 0: any", .def = "5m", .kind = ARG_DURATION},
        {"url", "URL", "the URL that the sender used, for profiles that sign it", .kind = ARG_TEXT},
        {"quiet", NULL, "print nothing, only exit", .kind = ARG_SWITCH},
};

static const struct arg_page page = {
        .command = "verify",
        .summary = "Verifies a request: its headers, an empty line and its body on standard input. Exit status 0: "
                   "valid; 1: not.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .notes = "A request line such as \"POST /hook HTTP/1.1\" may stand before the headers. The body is taken byte "
                 "for byte.",
        .example = "postrider verify --profile standard --secret whsec_… < request.txt",
};

struct request {
    struct profile_header headers[HEADERS_MAX];
    struct profile_request rq;
};

/* A line without its end; moves on. */
static struct str take_line(struct str *rest)
{
    struct str line = str_split(rest, '\n');
    return line.len > 0 && line.ptr[line.len - 1] == '\r' ? str_take(line, line.len - 1) : line;
}

/* NULL, or what is wrong with the text. */
static const char *read_request(struct str text, struct request *out)
{
    struct str rest = text;
    *out = (struct request){.rq = {.headers = out->headers}};
    for (bool first = true; rest.len > 0; first = false) {
        struct str line = take_line(&rest);
        if (line.len == 0) {
            out->rq.body = rest;
            return out->rq.header_count > 0 ? NULL : "there are no headers";
        }
        struct str value = line, name = str_split(&value, ':');
        if (first && (name.len == line.len || str_find(name, ' ') < name.len)) {
            out->rq.method = str_split(&line, ' ');
            continue;
        }
        if (name.len == line.len || name.len == 0)
            return "a line before the empty one is no header";
        if (out->rq.header_count == HEADERS_MAX)
            return "there are too many headers";
        out->headers[out->rq.header_count++] = (struct profile_header){str_trim(name), str_trim(value)};
    }
    return "there is no empty line between headers and body";
}

static bool read_all(FILE *from, size_t max, struct buf *out)
{
    *out = BUF_INIT(max);
    size_t n;
    do {
        char *at = buf_reserve(out, 65536);
        if (at == NULL)
            return false;
        n = fread(at, 1, 65536, from);
        out->len += n;
    } while (n > 0);
    return !ferror(from);
}

static bool read_secret_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    bool good = f != NULL && read_all(f, (size_t)1 << 20, out);
    if (f != NULL)
        (void)fclose(f);
    return good;
}

static int say(const struct args *a, bool valid, const char *why)
{
    struct buf out = BUF_INIT(4096);
    struct json_writer w = json_writer(&out);
    if (args_on(a, "quiet"))
        return valid ? CLI_DONE : CLI_NO;
    if (!a->json) {
        printf(valid ? "valid\n" : "not valid: %s\n", why);
        return valid ? CLI_DONE : CLI_NO;
    }
    json_w_object(&w);
    json_w_bool_at(&w, "valid", valid);
    json_w_opt_str_at(&w, "reason", valid ? STR_NULL : str_c(why));
    json_w_object_end(&w);
    local_print(&out);
    return valid ? CLI_DONE : CLI_NO;
}

static int verify_with(const struct args *a, const struct profile *p, const struct str *secrets, size_t count)
{
    static struct request rq;
    struct buf input;
    const char *why = NULL;
    int status;
    for (size_t i = 0; i < count; i++)
        if (profile_check_incoming(p, secrets[i], &why) != ERR_OK)
            return args_refuse(a, "the secret is none of this profile: %s", why);
    if (!read_all(stdin, REQUEST_MAX, &input)) {
        status = local_could_not(a, "standard input", "cannot be read, or is over 64 MiB");
    } else if ((why = read_request(buf_str(&input), &rq)) != NULL) {
        status = args_refuse(a, "%s", why);
    } else {
        rq.rq.url = str_c(args_text(a, "url"));
        rq.rq.now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
        rq.rq.tolerance_s = (args_duration_ms(a, "tolerance") + 999) / TIME_SECOND_MS;
        bool valid = profile_verify(p, secrets, count, &rq.rq, &why) == ERR_OK;
        status = say(a, valid, why);
    }
    buf_fini(&input);
    return status;
}

int cli_verify(int argc, char **argv)
{
    struct args a;
    const char *texts[ARGS_GIVEN_MAX];
    struct str secrets[ARGS_GIVEN_MAX + 1];
    struct buf file = BUF_INIT(1);
    struct profile *p = NULL;
    int status = args_read(&page, argc, argv, &a);
    if (status != ARGS_GO_ON)
        return status;
    size_t count = args_list(&a, "secret", texts, ARRAY_LEN(texts));
    for (size_t i = 0; i < count; i++)
        secrets[i] = str_c(texts[i]);
    const char *path = args_text(&a, "secret-file");
    if (path != NULL && !read_secret_file(path, &file))
        return args_refuse(&a, "--secret-file %s cannot be read", path);
    if (path != NULL)
        secrets[count++] = str_trim(buf_str(&file));
    if (count == 0)
        status = args_refuse(&a, "--secret SECRET is missing");
    if (status == ARGS_GO_ON)
        status = profiles_find(&a, args_text(&a, "profile"), &p);
    if (status == ARGS_GO_ON)
        status = verify_with(&a, p, secrets, count);
    profile_free(p);
    mem_free_secret(file.ptr, file.cap);
    return status;
}
