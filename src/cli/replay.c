/* SPDX-License-Identifier: Apache-2.0 */
/* `replay`: one message again, or everything of an endpoint that failed. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/local.h"
#include "cli/speak.h"
#include "json/write.h"

#define POLL_US 500000

static const struct arg_flag flags[] = {
        {"app", "APP", "the workspace: its id or uid", .kind = ARG_TEXT, .required = true},
        {"endpoint", "ENDPOINT", "the endpoint: its id or uid", .kind = ARG_TEXT, .required = true},
        {"since", "DURATION", "without MESSAGE: one new attempt for each that failed this long back, at most 14d",
         .kind = ARG_DURATION},
        {"until", "DURATION", "with --since: only those older than this", .kind = ARG_DURATION},
        {"no-wait", NULL, "with --since: do not wait for the end", .kind = ARG_SWITCH},
};

static const struct arg_page page = {
        .command = "replay",
        .operands = "[MESSAGE]",
        .operands_max = 1,
        .summary = "Sends a message to an endpoint again, or with --since all that failed there.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .example = "postrider replay --app acme --endpoint ep_… --since 1h",
};

static const char *make_path(struct speak *s, const char *message)
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
    buf_add_str(&path, message != NULL ? STR("/resend") : STR("/recover"));
    const char *text = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    return text;
}

static int resend(struct speak *s, const char *message)
{
    struct speak_answer answer;
    int status = speak_call(s, "POST", make_path(s, message), STR("{}"), &answer);
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

/* Asks for the job's state until it has ended. */
static int wait_for(struct speak *s, struct speak_answer *answer)
{
    struct str id, state;
    bool terminal = isatty(STDERR_FILENO);
    int64_t began = (int64_t)time(NULL);
    if (!json_as_str(json_get(answer->json, STR("id")), &id))
        return ARGS_GO_ON;
    const char *path = arena_printf(s->arena, "/api/v1/background-task/" STR_FMT, STR_ARG(id)).ptr;
    int status = ARGS_GO_ON;
    while (status == ARGS_GO_ON && is_running(answer, &state)) {
        if (terminal)
            fprintf(stderr, "\rrunning for %lld s", (long long)time(NULL) - (long long)began);
        (void)usleep(POLL_US);
        status = speak_call(s, "GET", path, STR_NULL, answer);
    }
    if (terminal)
        fputc('\n', stderr);
    return status;
}

static int recover(struct speak *s)
{
    char since[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];
    int64_t now_ms = (int64_t)time(NULL) * TIME_SECOND_MS;
    struct buf body = BUF_INIT(4096);
    struct json_writer w = json_writer(&body);
    struct speak_answer answer;
    struct str state;
    time_format(now_ms - args_duration_ms(s->args, "since"), since);
    time_format(now_ms + TIME_SECOND_MS - args_duration_ms(s->args, "until"), until);
    json_w_object(&w);
    json_w_str_at(&w, "since", str_c(since));
    if (args_given(s->args, "until"))
        json_w_str_at(&w, "until", str_c(until));
    json_w_object_end(&w);
    int status = speak_call(s, "POST", make_path(s, NULL), buf_str(&body), &answer);
    buf_fini(&body);
    if (status == ARGS_GO_ON && !args_on(s->args, "no-wait"))
        status = wait_for(s, &answer);
    if (status != ARGS_GO_ON)
        return status;
    bool running = is_running(&answer, &state);
    if (s->args->json)
        speak_show(s, &answer, NULL, 0);
    else
        printf("recover since %s: " STR_FMT "\n", since, STR_ARG(state));
    return running || str_eq(state, STR("finished")) ? CLI_DONE : CLI_NO;
}

int cli_replay(int argc, char **argv)
{
    struct args a;
    struct speak s;
    int status = args_read(&page, argc, argv, &a);
    if (status != ARGS_GO_ON)
        return status;
    if ((a.operand_count == 1) == args_given(&a, "since"))
        return args_refuse(&a, "name a MESSAGE, or say --since for all that failed");
    if (args_given(&a, "until") && !args_given(&a, "since"))
        return args_refuse(&a, "--until goes with --since");
    status = speak_open(&s, &a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    status = a.operand_count == 1 ? resend(&s, a.operands[0]) : recover(&s);
    speak_close(&s);
    return status;
}
