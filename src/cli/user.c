/* SPDX-License-Identifier: Apache-2.0 */
/* `user create`: asks for a password on the terminal; without one, prints a one-time link. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/resource.h"
#include "cli/speak.h"
#include "json/write.h"

#define BODY_MAX     65536
#define PASSWORD_MAX 1026

/* A line from the terminal, not shown. False: none. */
static bool read_hidden(const char *prompt, char *out, size_t size)
{
    struct termios old, hidden;
    if (tcgetattr(STDIN_FILENO, &old) != 0)
        return false;
    hidden = old;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool good = fgets(out, (int)size, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    fputc('\n', stderr);
    if (good)
        out[strcspn(out, "\r\n")] = '\0';
    return good;
}

/* The null str: a link is wanted. False: what was typed does not match. */
static bool ask_password(const struct args *a, struct arena *arena, struct str *out)
{
    char first[PASSWORD_MAX] = "", again[PASSWORD_MAX] = "";
    *out = STR_NULL;
    if (args_on(a, "link") || !isatty(STDIN_FILENO) ||
        !read_hidden("password (empty: print a one-time link instead): ", first, sizeof first) || first[0] == '\0')
        return true;
    bool same = read_hidden("once more: ", again, sizeof again) && strcmp(first, again) == 0;
    if (same)
        *out = arena_str(arena, str_c(first));
    explicit_bzero(first, sizeof first);
    explicit_bzero(again, sizeof again);
    return same;
}

static struct str make_body(struct speak *s, struct str password)
{
    const struct args *a = s->args;
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&body);
    json_w_object(&w);
    json_w_str_at(&w, "email", str_c(a->operands[0]));
    json_w_str_at(&w, "role", str_c(args_text(a, "role")));
    if (args_given(a, "app"))
        json_w_str_at(&w, "app", str_c(args_text(a, "app")));
    if (password.ptr != NULL)
        json_w_str_at(&w, "password", password);
    json_w_object_end(&w);
    struct str text = arena_str(s->arena, buf_str(&body));
    mem_free_secret(body.ptr, body.len);
    return text;
}

int user_create_run(const struct args *a)
{
    struct speak s;
    struct speak_answer answer;
    struct str password, link;
    int status = speak_open(&s, a, args_text(a, "env"));
    if (status != ARGS_GO_ON)
        return status;
    if (!ask_password(a, s.arena, &password))
        status = args_refuse(a, "the two passwords are not the same");
    if (status == ARGS_GO_ON)
        status = resource_call(&s, true, "POST", "/api/v1/console/user", make_body(&s, password), &answer);
    if (status == ARGS_GO_ON && a->json)
        printf(STR_FMT "\n", STR_ARG(answer.text));
    else if (status == ARGS_GO_ON && json_as_str(json_get(answer.json, STR("link")), &link))
        printf(STR_FMT "\n", STR_ARG(link));
    speak_close(&s);
    return status == ARGS_GO_ON ? CLI_DONE : status;
}
