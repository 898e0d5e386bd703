/* SPDX-License-Identifier: Apache-2.0 */
/* `send`: a message from the command line; the payload keeps its bytes. */
#include <stdio.h>

#include "cli/speak.h"
#include "json/write.h"

#define BODY_MAX ((size_t)65 << 20)

static const struct arg_flag flags[] = {
        {"app", "APP", "the workspace: its id or uid", .kind = ARG_TEXT, .required = true},
        {"type", "TYPE", "the event type", .kind = ARG_TEXT, .required = true},
        {"data", "JSON|FILE|-", "the payload, a JSON object; - reads it from standard input", .def = "-",
         .kind = ARG_TEXT},
        {"id", "ID", "eventId: the second message with it is refused", .kind = ARG_TEXT},
        {"channel", "NAME", "a channel of it", .kind = ARG_LIST},
        {"tag", "TAG", "a tag of it", .kind = ARG_LIST},
        {"idempotency-key", "KEY", "the same key within 12 h gets the first answer again", .kind = ARG_TEXT},
};

static const struct arg_page page = {
        .command = "send",
        .summary = "Sends a message and prints its id: when that is printed the message is on disk.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags),
        .example = "postrider send --app acme --type invoice.paid --data '{\"amount\":12}'",
};

static void write_list(const struct args *a, const char *flag, const char *name, struct json_writer *w)
{
    const char *items[ARGS_GIVEN_MAX];
    size_t n = args_list(a, flag, items, ARRAY_LEN(items));
    if (n == 0)
        return;
    json_w_name(w, str_c(name));
    json_w_array(w);
    for (size_t i = 0; i < n; i++)
        json_w_str(w, str_c(items[i]));
    json_w_array_end(w);
}

static int make_body(struct speak *s, struct buf *out)
{
    const struct args *a = s->args;
    const char *data = args_text(a, "data");
    struct str payload = str_c(data);
    struct json_slice slice;
    struct json_error error;
    struct json_writer w = json_writer(out);
    if (data[0] != '{') {
        int status = speak_read(s, data, &payload);
        if (status != ARGS_GO_ON)
            return status;
    }
    if (json_check(payload, &slice, &error) != ERR_OK)
        return args_refuse(a, "the payload is no JSON: line %zu, column %zu: %s", error.line, error.column, error.what);
    if (slice.type != JSON_OBJECT)
        return args_refuse(a, "the payload is JSON, but no object");
    json_w_object(&w);
    json_w_str_at(&w, "eventType", str_c(args_text(a, "type")));
    if (args_given(a, "id"))
        json_w_str_at(&w, "eventId", str_c(args_text(a, "id")));
    write_list(a, "channel", "channels", &w);
    write_list(a, "tag", "tags", &w);
    json_w_raw_at(&w, "payload", slice.raw);
    json_w_object_end(&w);
    return ARGS_GO_ON;
}

static int send_message(struct speak *s)
{
    struct buf body = BUF_INIT(BODY_MAX), path = BUF_INIT(65536);
    struct speak_answer answer;
    struct str id;
    int status = make_body(s, &body);
    buf_add_str(&path, STR("/api/v1/app/"));
    speak_escape(str_c(args_text(s->args, "app")), &path);
    buf_add_str(&path, STR("/msg"));
    s->idempotency = args_text(s->args, "idempotency-key");
    if (status == ARGS_GO_ON)
        status = speak_call(s, "POST", arena_cstr(s->arena, buf_str(&path)), buf_str(&body), &answer);
    buf_fini(&body);
    buf_fini(&path);
    if (status != ARGS_GO_ON)
        return status;
    if (!s->args->json && json_as_str(json_get(answer.json, STR("id")), &id))
        printf(STR_FMT "\n", STR_ARG(id));
    else
        speak_show(s, &answer, NULL, 0);
    return CLI_DONE;
}

int cli_send(int argc, char **argv)
{
    struct args a;
    struct speak s;
    int status = args_read(&page, argc, argv, &a);
    if (status == ARGS_GO_ON)
        status = speak_open(&s, &a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    status = send_message(&s);
    speak_close(&s);
    return status;
}
