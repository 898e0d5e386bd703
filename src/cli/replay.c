/* SPDX-License-Identifier: Apache-2.0 */
/* `replay`: one message again, everything of an endpoint that failed, or what of it is asked for. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/local.h"
#include "cli/speak.h"
#include "json/write.h"

#define POLL_US   500000
#define TYPES_MAX 64

static const struct arg_flag flags[] = {
        {"app", "APP", "the workspace: its id or uid", .kind = ARG_TEXT, .required = true},
        {"endpoint", "ENDPOINT", "the endpoint: its id or uid", .kind = ARG_TEXT, .required = true},
        {"since", "DURATION", "without MESSAGE: one new attempt for each that failed this long back, at most 14d",
         .kind = ARG_DURATION},
        {"until", "DURATION", "with --since: only those older than this", .kind = ARG_DURATION},
        {"status", "STATUS", "with --since: not the failed, but those that are success, failed, canceled, or all",
         .kind = ARG_TEXT},
        {"status-class", "NUMBER", "with --since: those whose last answer was 200, 400, 500 …; 0: no answer",
         .kind = ARG_NUMBER},
        {"event-type", "TYPE", "with --since: only messages of this type", .kind = ARG_LIST},
        {"channel", "NAME", "with --since: only messages of this channel", .kind = ARG_TEXT},
        {"tag", "TAG", "with --since: only messages with this tag", .kind = ARG_TEXT},
        {"missing", NULL, "with --since: what fits the endpoint and never went to it", .kind = ARG_SWITCH},
        {"no-wait", NULL, "with --since: do not wait for the end", .kind = ARG_SWITCH},
};

/* What --status may be, and the API's number for it. */
static const struct {
    const char *name;
    int number; /* -1: no filter */
} states[] = {{"success", 0}, {"failed", 2}, {"canceled", 4}, {"all", -1}};

static const char *const filters[] = {"status", "status-class", "event-type", "channel", "tag"};

static const struct arg_page page = {
        .command = "replay",
        .operands = "[MESSAGE]",
        .operands_max = 1,
        .summary = "Sends a message to an endpoint again, or with --since all that failed there.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .example = "postrider replay --app acme --endpoint ep_… --since 1h --status all",
};

static const char *make_path(struct speak *s, const char *message, const char *verb)
{
    struct buf path = BUF_INIT(65536);
    buf_add_str(&path, STR("/api/v1/app/"));
    speak_escape(str_c(args_text(s->args, "app")), &path);
    if (message != NULL) {
        buf_add_str(&path, STR("/msg/"));
        speak_escape(str_c(message), &path);
    }
    buf_add_str(&path, STR("/endpoint/"));
    speak_escape(str_c(args_text(s->args, "endpoint")), &path);
    buf_add_str(&path, str_c(verb));
    const char *text = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    return text;
}

static int resend(struct speak *s, const char *message)
{
    struct speak_answer answer;
    int status = speak_call(s, "POST", make_path(s, message, "/resend"), STR("{}"), &answer);
    if (status != ARGS_GO_ON)
        return status;
    if (s->args->json)
        speak_show(s, &answer, NULL, 0);
    else
        printf("%s is on its way again\n", message);
    return CLI_DONE;
}

static bool is_running(const struct speak_answer *answer, struct str *state)
{
    *state = STR("unknown");
    return json_as_str(json_get(answer->json, STR("status")), state) && str_eq(*state, STR("running"));
}

/* A number of the task's data, 0 when it is not there. */
static long long count_of(const struct speak_answer *answer, const char *name)
{
    int64_t n = 0;
    json_as_i64(json_get(json_get(answer->json, STR("data")), str_c(name)), &n);
    return (long long)n;
}

/* Asks for the task's state until it has ended. */
static int wait_for(struct speak *s, struct speak_answer *answer)
{
    struct str id, state;
    bool terminal = isatty(STDERR_FILENO);
    if (!json_as_str(json_get(answer->json, STR("id")), &id))
        return ARGS_GO_ON;
    const char *path = arena_printf(s->arena, "/api/v1/background-task/" STR_FMT, STR_ARG(id)).ptr;
    int status = ARGS_GO_ON;
    while (status == ARGS_GO_ON && is_running(answer, &state)) {
        if (terminal)
            fprintf(stderr, "\r%lld %%: %lld looked at, %lld to be sent", count_of(answer, "percent"),
                    count_of(answer, "processed"), count_of(answer, "messagesSent"));
        (void)usleep(POLL_US);
        status = speak_call(s, "GET", path, STR_NULL, answer);
    }
    if (terminal)
        fputc('\n', stderr);
    return status;
}

static bool has_filter(const struct args *a)
{
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        any = any || args_given(a, filters[i]);
    return any;
}

static const char *verb_of(const struct args *a)
{
    return args_on(a, "missing") ? "/replay-missing" : has_filter(a) ? "/bulk-replay" : "/recover";
}

static void write_filters(const struct args *a, struct json_writer *w)
{
    const char *types[TYPES_MAX];
    size_t n = args_list(a, "event-type", types, TYPES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(states) && args_given(a, "status"); i++) {
        if (strcmp(states[i].name, args_text(a, "status")) == 0 && states[i].number >= 0)
            json_w_i64_at(w, "status", states[i].number);
    }
    if (args_given(a, "status-class"))
        json_w_i64_at(w, "statusCodeClass", args_number(a, "status-class"));
    for (size_t i = 3; i < ARRAY_LEN(filters); i++) {
        if (args_given(a, filters[i]))
            json_w_str_at(w, filters[i], str_c(args_text(a, filters[i])));
    }
    if (n == 0)
        return;
    json_w_name(w, STR("eventTypes"));
    json_w_array(w);
    for (size_t i = 0; i < n; i++)
        json_w_str(w, str_c(types[i]));
    json_w_array_end(w);
}

static void write_body(const struct args *a, const char *since, struct buf *body)
{
    char until[TIME_TEXT_SIZE];
    struct json_writer w = json_writer(body);
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
    time_format(now_ms + TIME_SECOND_MS - args_duration_ms(a, "until"), until);
    json_w_object(&w);
    json_w_str_at(&w, "since", str_c(since));
    if (args_given(a, "until"))
        json_w_str_at(&w, "until", str_c(until));
    write_filters(a, &w);
    json_w_object_end(&w);
}

static int replay_many(struct speak *s)
{
    char since[TIME_TEXT_SIZE];
    struct buf body = BUF_INIT(65536);
    struct speak_answer answer;
    struct str state, why;
    const char *verb = verb_of(s->args);
    time_format((int64_t)time(NULL) * TIME_SECOND_MS - args_duration_ms(s->args, "since"), since);
    write_body(s->args, since, &body);
    int status = speak_call(s, "POST", make_path(s, NULL, verb), buf_str(&body), &answer);
    buf_fini(&body);
    if (status == ARGS_GO_ON && !args_on(s->args, "no-wait"))
        status = wait_for(s, &answer);
    if (status != ARGS_GO_ON)
        return status;
    bool running = is_running(&answer, &state);
    if (s->args->json)
        speak_show(s, &answer, NULL, 0);
    else
        printf("%s since %s: " STR_FMT ", %lld messages, %lld without a payload\n", verb + 1, since, STR_ARG(state),
               count_of(&answer, "messagesSent"), count_of(&answer, "skipped"));
    if (!s->args->json && json_as_str(json_get(json_get(answer.json, STR("data")), STR("error")), &why))
        printf(STR_FMT "\n", STR_ARG(why));
    return running || str_eq(state, STR("finished")) ? CLI_DONE : CLI_NO;
}

/* ARGS_GO_ON, or the exit status after a line on stderr. */
static int check_flags(const struct args *a)
{
    bool since = args_given(a, "since"), known = !args_given(a, "status");
    if ((a->operand_count == 1) == since)
        return args_refuse(a, "name a MESSAGE, or say --since for all that failed");
    if (!since && (args_given(a, "until") || has_filter(a) || args_on(a, "missing")))
        return args_refuse(a, "--until, --missing and filters go with --since");
    if (args_on(a, "missing") && has_filter(a))
        return args_refuse(a, "--missing takes no filters: what the endpoint is subscribed to is the filter");
    for (size_t i = 0; i < ARRAY_LEN(states) && !known; i++)
        known = strcmp(states[i].name, args_text(a, "status")) == 0;
    return known ? ARGS_GO_ON : args_refuse(a, "--status is success, failed, canceled or all");
}

int cli_replay(int argc, char **argv)
{
    struct args a;
    struct speak s;
    int status = args_read(&page, argc, argv, &a);
    if (status != ARGS_GO_ON)
        return status;
    status = check_flags(&a);
    if (status != ARGS_GO_ON)
        return status;
    status = speak_open(&s, &a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    status = a.operand_count == 1 ? resend(&s, a.operands[0]) : replay_many(&s);
    speak_close(&s);
    return status;
}
