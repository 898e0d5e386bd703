/* SPDX-License-Identifier: Apache-2.0 */
/* The table of resources and verbs. */
#include "cli/resource.h"

#define BODY(n, v, h, k, f)                                                                                            \
    {                                                                                                                  \
        (n), (v), (h), .kind = (k), .place = PLACE_BODY, .field = (f)                                                  \
    }
#define QUERY(n, v, h, k, f)                                                                                           \
    {                                                                                                                  \
        (n), (v), (h), .kind = (k), .place = PLACE_QUERY, .field = (f)                                                 \
    }
#define DATA                                                                                                           \
    {                                                                                                                  \
        "data", "JSON|FILE|-", "the whole object as JSON, or a file with it; flags win", .kind = ARG_TEXT              \
    }
#define APP                                                                                                            \
    {                                                                                                                  \
        "app", "APP", "the workspace: its id or uid", .kind = ARG_TEXT, .required = true, .place = PLACE_PATH          \
    }
#define PAGING                                                                                                         \
    QUERY("limit", "N", "entries at most, 1 to 250 (default: 50)", ARG_NUMBER, "limit"),                               \
            QUERY("iterator", "ID", "go on after this entry", ARG_TEXT, "iterator"),                                   \
            QUERY("order", "ORDER", "ascending or descending", ARG_TEXT, "order")
#define WINDOW                                                                                                         \
    QUERY("limit", "N", "entries at most, 1 to 250 (default: 50)", ARG_NUMBER, "limit"),                               \
            QUERY("iterator", "ID", "go on after this entry", ARG_TEXT, "iterator"),                                   \
            QUERY("before", "TIME", "only older ones, such as 2026-11-21T09:30:00Z", ARG_TEXT, "before"),              \
            QUERY("after", "TIME", "only newer ones", ARG_TEXT, "after"),                                              \
            QUERY("event-type", "TYPE", "only of this type; may be repeated", ARG_TEXT, "event_types"),                \
            QUERY("channel", "NAME", "only of this channel", ARG_TEXT, "channel"),                                     \
            QUERY("tag", "TAG", "only with this tag", ARG_TEXT, "tag")

#define PAGE(cmd, ops, n, sum, fl, ex)                                                                                 \
    {                                                                                                                  \
        .command = (cmd), .operands = (ops), .operands_min = (n), .operands_max = (n), .summary = (sum),               \
        .flags = (fl), .flag_count = ARRAY_LEN(fl), .example = (ex)                                                    \
    }
#define BARE(cmd, ops, n, sum, ex)                                                                                     \
    {                                                                                                                  \
        .command = (cmd), .operands = (ops), .operands_min = (n), .operands_max = (n), .summary = (sum),               \
        .example = (ex)                                                                                                \
    }

static const struct arg_flag paging[] = {PAGING};
static const struct arg_flag in_app[] = {APP};
static const struct arg_flag paging_in_app[] = {APP, PAGING};

static const struct arg_flag app_fields[] = {
        BODY("name", "TEXT", "its name", ARG_TEXT, "name"),
        BODY("uid", "UID", "your own id for it", ARG_TEXT, "uid"),
        BODY("profile", "NAME", "how its deliveries look: standard, myra, metapulse, …", ARG_TEXT, "profile"),
        BODY("throttle-rate", "N", "messages per second", ARG_NUMBER, "throttleRate"),
        BODY("metadata", "JSON", "an object of strings", ARG_JSON, "metadata"),
        DATA,
};

static const struct arg_flag endpoint_fields[] = {
        APP,
        BODY("url", "URL", "where deliveries go", ARG_TEXT, "url"),
        BODY("name", "TEXT", "its name", ARG_TEXT, "name"),
        BODY("uid", "UID", "your own id for it", ARG_TEXT, "uid"),
        BODY("description", "TEXT", "what it is for", ARG_TEXT, "description"),
        BODY("event-type", "TYPE", "only messages of this type", ARG_LIST, "eventTypes"),
        BODY("channel", "NAME", "only messages of this channel", ARG_LIST, "channels"),
        BODY("profile", "NAME", "instead of the workspace's", ARG_TEXT, "profile"),
        BODY("throttle-rate", "N", "deliveries per second", ARG_NUMBER, "throttleRate"),
        BODY("retry-schedule", "JSON", "delays in seconds, such as '[5,300]'", ARG_JSON, "retrySchedule"),
        BODY("timeout-ms", "N", "of one attempt", ARG_NUMBER, "timeoutMs"),
        BODY("fifo", "true|false", "strictly one after the other", ARG_YES_NO, "fifo"),
        BODY("http2", "true|false", "speak HTTP/2", ARG_YES_NO, "http2"),
        BODY("disabled", "true|false", "deliver nothing", ARG_YES_NO, "disabled"),
        BODY("metadata", "JSON", "an object of strings", ARG_JSON, "metadata"),
        DATA,
};

static const struct arg_flag type_fields[] = {
        BODY("name", "NAME", "such as invoice.paid", ARG_TEXT, "name"),
        BODY("description", "TEXT", "when it happens", ARG_TEXT, "description"),
        BODY("group", "NAME", "of which group", ARG_TEXT, "groupName"),
        BODY("schemas", "JSON", "JSON schemas by version", ARG_JSON, "schemas"),
        BODY("archived", "true|false", "out of use", ARG_YES_NO, "archived"),
        DATA,
};

static const struct arg_flag message_fields[] = {
        APP,
        BODY("type", "TYPE", "the event type", ARG_TEXT, "eventType"),
        BODY("payload", "JSON", "the payload, an object", ARG_JSON, "payload"),
        BODY("event-id", "ID", "unique in the workspace", ARG_TEXT, "eventId"),
        BODY("channel", "NAME", "a channel of it", ARG_LIST, "channels"),
        BODY("tag", "TAG", "a tag of it", ARG_LIST, "tags"),
        BODY("deliver-at", "TIME", "not before this time", ARG_TEXT, "deliverAt"),
        DATA,
};

static const struct arg_flag message_list[] = {APP, WINDOW};

static const struct arg_flag attempt_list[] = {
        APP,
        {"endpoint", "ENDPOINT", "those to this endpoint", .kind = ARG_TEXT, .place = PLACE_PATH},
        {"message", "MESSAGE", "those of this message", .kind = ARG_TEXT, .place = PLACE_PATH},
        QUERY("status", "N", "0 success, 1 pending, 2 fail, 3 sending", ARG_NUMBER, "status"),
        QUERY("status-code-class", "N", "100, 200, 300, 400, 500, or 0: no answer", ARG_NUMBER, "status_code_class"),
        WINDOW,
};

static const struct arg_flag attempt_get[] = {
        APP,
        {"message", "MESSAGE", "of this message", .kind = ARG_TEXT, .required = true, .place = PLACE_PATH},
};

static const struct arg_flag profile_data[] = {
        {"data", "JSON|FILE|-", "the row as JSON, or a file with it", .kind = ARG_TEXT, .required = true},
};

static const struct arg_flag preview_data[] = {
        {"data", "JSON|FILE|-", "the message as JSON, or a file with it", .kind = ARG_TEXT, .required = true},
};

#define RECORD_TYPE                                                                                                    \
    {                                                                                                                  \
        "type", "TYPE", "of which type: contact, deal, …", .kind = ARG_TEXT, .required = true, .place = PLACE_PATH     \
    }
#define RECORD_WANTED                                                                                                  \
    QUERY("tag", "TAG", "only with this tag", ARG_TEXT, "tag"),                                                        \
            QUERY("where", "FIELD:VALUE", "only with this value", ARG_LIST, "where"),                                  \
            QUERY("search", "TEXT", "only with this text in the key, a tag, or a value", ARG_TEXT, "search")

static const struct arg_flag in_type[] = {APP, RECORD_TYPE};
static const struct arg_flag record_list[] = {APP, RECORD_TYPE, RECORD_WANTED, PAGING};
static const struct arg_flag record_export[] = {
        APP,
        RECORD_TYPE,
        RECORD_WANTED,
        {"format", "FORMAT", "jsonl: lines of JSON; csv: a column for each field", .def = "jsonl", .kind = ARG_TEXT},
};
static const struct arg_flag record_fields[] = {
        APP,
        RECORD_TYPE,
        BODY("fields", "JSON", "its data, an object", ARG_JSON, "data"),
        BODY("tag", "TAG", "a tag of it", ARG_LIST, "tags"),
        DATA,
};
static const struct arg_flag record_import[] = {
        APP,
        RECORD_TYPE,
        QUERY("format", "FORMAT", "csv or jsonl (default: by how the file begins)", ARG_TEXT, "format"),
        QUERY("separator", "NAME", "comma, semicolon, tab or pipe (default: what the first line is full of)", ARG_TEXT,
              "separator"),
        QUERY("mode", "MODE", "upsert, create or update", ARG_TEXT, "mode"),
        QUERY("map", "COLUMN:FIELD[:KIND]", "where a column goes; kinds: text, number, boolean, json, tags", ARG_LIST,
              "map"),
        QUERY("empty", "WHAT", "empty cells keep or clear their field", ARG_TEXT, "empty"),
        QUERY("tag", "TAG", "added to every record", ARG_LIST, "tag"),
        QUERY("dry-run", NULL, "only count what would be done, and what is wrong", ARG_SWITCH, "dry_run"),
        {"no-wait", NULL, "print the task's id and do not wait for its end", .kind = ARG_SWITCH},
};

static const char *const record_columns[] = {"id", "key", "tags", "updatedAt", "data", NULL};
static const char *const app_columns[] = {"id", "uid", "name", "profile", "createdAt", NULL};
static const char *const endpoint_columns[] = {"id", "uid", "url", "disabled", "eventTypes", "createdAt", NULL};
static const char *const type_columns[] = {"name", "description", "archived", "createdAt", NULL};
static const char *const message_columns[] = {"id", "eventType", "eventId", "timestamp", "payload", NULL};
static const char *const attempt_columns[] = {"id",      "timestamp", "statusText", "responseStatusCode",
                                              "trigger", "url",       "error",      NULL};
static const char *const profile_columns[] = {"name", "description", NULL};

static const struct arg_flag token_create[] = {
        {"name", "TEXT", "what it is for, as lists show it", .def = "command line", .kind = ARG_TEXT},
        {"app", "APP", "for this workspace only: its id or uid", .kind = ARG_TEXT},
        {"role", "ROLE", "owner, editor or viewer (default: owner, with --app editor)", .kind = ARG_TEXT},
        {"scope", "AREA:VERB", "only this, such as message:write or *:read", .kind = ARG_LIST},
        {"expires", "DURATION", "ends after this, such as 30d (default: never)", .kind = ARG_DURATION},
        {"env", "ENVIRONMENT", "of this environment instead of the default one: org_…", .kind = ARG_TEXT},
};

static const struct arg_flag token_list[] = {
        {"env", "ENVIRONMENT", "of this environment instead of the default one: org_…", .kind = ARG_TEXT},
        QUERY("limit", "N", "entries at most, 1 to 250 (default: 50)", ARG_NUMBER, "limit"),
        QUERY("iterator", "ID", "go on after this entry", ARG_TEXT, "iterator"),
};

static const struct arg_flag token_revoke[] = {
        {"env", "ENVIRONMENT", "of this environment instead of the default one: org_…", .kind = ARG_TEXT},
};

static const struct arg_flag user_create[] = {
        {"role", "ROLE", "owner, editor or viewer", .kind = ARG_TEXT, .required = true},
        {"env", "ENV", "the environment to be a member of (default: the server's)", .kind = ARG_TEXT},
        {"app", "APP", "only this workspace of it: its id or uid", .kind = ARG_TEXT},
        {"link", NULL, "print a one-time link instead of asking for a password", .kind = ARG_SWITCH},
};
static const struct arg_flag user_link[] = {
        BODY("without-totp", NULL, "turn off the codes of a lost authenticator too", ARG_SWITCH, "withoutTotp"),
};
static const struct arg_flag user_list[] = {
        QUERY("limit", "N", "entries at most, 1 to 250 (default: 50)", ARG_NUMBER, "limit"),
        QUERY("iterator", "ID", "go on after this entry", ARG_TEXT, "iterator"),
};
static const char *const user_columns[] = {"email", "name", "disabled", "totp", "memberships", "lastSignInAt", NULL};

static const char *const token_columns[] = {"id",        "name",      "role",       "scopes", "appId",
                                            "createdAt", "expiresAt", "lastUsedAt", NULL};

#define V1   "/api/v1"
#define AP   V1 "/app"
#define INAP AP "/{app}"

const struct resource_verb resource_verbs[] = {
        {"user", "create", NULL, NULL, NULL,
         PAGE("user create", "EMAIL", 1,
              "Makes a user of the console. Reads the password from the terminal, or prints a one-time link.",
              user_create, "postrider user create ops@example.com --role owner"),
         .run = user_create_run},
        {"user", "list", "GET", V1 "/console/user", NULL,
         PAGE("user list", NULL, 0, "Lists the users of all environments.", user_list, "postrider user list"),
         .columns = user_columns, .offline = true},
        {"user", "link", "POST", V1 "/console/user/{}/link", NULL,
         PAGE("user link", "EMAIL", 1, "Prints a one-time link that sets a new password.", user_link,
              "postrider user link ops@example.com"),
         .offline = true},
        {"user", "disable", "POST", V1 "/console/user/{}/disable", NULL,
         BARE("user disable", "EMAIL", 1, "Keeps a user out and ends their sessions.",
              "postrider user disable ops@example.com"),
         .offline = true},
        {"user", "enable", "POST", V1 "/console/user/{}/enable", NULL,
         BARE("user enable", "EMAIL", 1, "Lets a user in again.", "postrider user enable ops@example.com"),
         .offline = true},
        {"user", "delete", "DELETE", V1 "/console/user/{}", NULL,
         BARE("user delete", "EMAIL", 1, "Deletes a user with all memberships.",
              "postrider user delete ops@example.com"),
         .offline = true},
        {"token", "create", NULL, NULL, NULL,
         PAGE("token create", NULL, 0, "Makes an API key and prints it, and nothing else. It is shown this once.",
              token_create, "postrider token create --name ci --scope message:write --expires 30d"),
         .run = token_create_run},
        {"token", "list", "GET", V1 "/auth/api-key", NULL,
         PAGE("token list", NULL, 0, "Lists API keys, without their text.", token_list, "postrider token list"),
         .columns = token_columns},
        {"token", "revoke", "DELETE", V1 "/auth/api-key/{}", NULL,
         PAGE("token revoke", "ID", 1, "Ends an API key at once.", token_revoke, "postrider token revoke key_…"),
         .columns = NULL},

        {"app", "create", "POST", AP, NULL,
         PAGE("app create", NULL, 0, "Makes a workspace.", app_fields, "postrider app create --name Acme --uid acme"),
         .columns = NULL},
        {"app", "list", "GET", AP, NULL, PAGE("app list", NULL, 0, "Lists workspaces.", paging, "postrider app list"),
         .columns = app_columns},
        {"app", "get", "GET", AP "/{}", NULL, BARE("app get", "APP", 1, "Shows a workspace.", "postrider app get acme"),
         .columns = NULL},
        {"app", "update", "PATCH", AP "/{}", NULL,
         PAGE("app update", "APP", 1, "Changes what is given.", app_fields, "postrider app update acme --name Acme2"),
         .columns = NULL},
        {"app", "delete", "DELETE", AP "/{}", NULL,
         BARE("app delete", "APP", 1, "Deletes a workspace and all in it.", "postrider app delete acme"),
         .columns = NULL},

        {"endpoint", "create", "POST", INAP "/endpoint", NULL,
         PAGE("endpoint create", NULL, 0, "Makes an endpoint.", endpoint_fields,
              "postrider endpoint create --app acme --url https://example.com/hooks --event-type invoice.paid"),
         .columns = NULL},
        {"endpoint", "list", "GET", INAP "/endpoint", NULL,
         PAGE("endpoint list", NULL, 0, "Lists a workspace's endpoints.", paging_in_app,
              "postrider endpoint list --app acme"),
         .columns = endpoint_columns},
        {"endpoint", "get", "GET", INAP "/endpoint/{}", NULL,
         PAGE("endpoint get", "ENDPOINT", 1, "Shows an endpoint.", in_app, "postrider endpoint get --app acme ep_…"),
         .columns = NULL},
        {"endpoint", "update", "PATCH", INAP "/endpoint/{}", NULL,
         PAGE("endpoint update", "ENDPOINT", 1, "Changes what is given.", endpoint_fields,
              "postrider endpoint update --app acme ep_… --disabled true"),
         .columns = NULL},
        {"endpoint", "delete", "DELETE", INAP "/endpoint/{}", NULL,
         PAGE("endpoint delete", "ENDPOINT", 1, "Deletes an endpoint.", in_app,
              "postrider endpoint delete --app acme ep_…"),
         .columns = NULL},
        {"endpoint", "secret", "GET", INAP "/endpoint/{}/secret", NULL,
         PAGE("endpoint secret", "ENDPOINT", 1, "Reveals the signing secret.", in_app,
              "postrider endpoint secret --app acme ep_…"),
         .columns = NULL},
        {"endpoint", "rotate-secret", "POST", INAP "/endpoint/{}/secret/rotate", NULL,
         PAGE("endpoint rotate-secret", "ENDPOINT", 1, "Makes a new signing secret.", in_app,
              "postrider endpoint rotate-secret --app acme ep_…"),
         .columns = NULL},
        {"endpoint", "stats", "GET", INAP "/endpoint/{}/stats", NULL,
         PAGE("endpoint stats", "ENDPOINT", 1, "Counts its deliveries by state.", in_app,
              "postrider endpoint stats --app acme ep_…"),
         .columns = NULL},

        {"event-type", "create", "POST", V1 "/event-type", NULL,
         PAGE("event-type create", NULL, 0, "Makes an event type.", type_fields,
              "postrider event-type create --name invoice.paid --description 'An invoice was paid'"),
         .columns = NULL},
        {"event-type", "list", "GET", V1 "/event-type", NULL,
         PAGE("event-type list", NULL, 0, "Lists event types.", paging, "postrider event-type list"),
         .columns = type_columns},
        {"event-type", "get", "GET", V1 "/event-type/{}", NULL,
         BARE("event-type get", "NAME", 1, "Shows an event type.", "postrider event-type get invoice.paid"),
         .columns = NULL},
        {"event-type", "update", "PATCH", V1 "/event-type/{}", NULL,
         PAGE("event-type update", "NAME", 1, "Changes what is given.", type_fields,
              "postrider event-type update invoice.paid --archived true"),
         .columns = NULL},
        {"event-type", "delete", "DELETE", V1 "/event-type/{}", NULL,
         BARE("event-type delete", "NAME", 1, "Deletes an event type.", "postrider event-type delete invoice.paid"),
         .columns = NULL},

        {"message", "create", "POST", INAP "/msg", NULL,
         PAGE("message create", NULL, 0, "Accepts a message; see also: postrider send.", message_fields,
              "postrider message create --app acme --type invoice.paid --payload '{\"n\":1}'"),
         .columns = NULL},
        {"message", "list", "GET", INAP "/msg", NULL,
         PAGE("message list", NULL, 0, "Lists messages, newest first.", message_list,
              "postrider message list --app acme --event-type invoice.paid"),
         .columns = message_columns},
        {"message", "get", "GET", INAP "/msg/{}", NULL,
         PAGE("message get", "MESSAGE", 1, "Shows a message.", in_app, "postrider message get --app acme msg_…"),
         .columns = NULL},

        {"attempt", "list", "GET", INAP "/attempt/msg/{message}", INAP "/attempt/endpoint/{endpoint}",
         PAGE("attempt list", NULL, 0, "Lists attempts of a message or to an endpoint, newest first.", attempt_list,
              "postrider attempt list --app acme --endpoint ep_… --status 2"),
         .columns = attempt_columns},
        {"attempt", "get", "GET", INAP "/msg/{message}/attempt/{}", NULL,
         PAGE("attempt get", "ATTEMPT", 1, "Shows an attempt.", attempt_get,
              "postrider attempt get --app acme --message msg_… atmpt_…"),
         .columns = NULL},

        {"profile", "create", "POST", V1 "/profile", NULL,
         PAGE("profile create", NULL, 0, "Makes a profile.", profile_data, "postrider profile create --data row.json"),
         .columns = NULL},
        {"profile", "list", "GET", V1 "/profile", NULL,
         PAGE("profile list", NULL, 0, "Lists profiles.", paging, "postrider profile list"),
         .columns = profile_columns},
        {"profile", "get", "GET", V1 "/profile/{}", NULL,
         BARE("profile get", "NAME", 1, "Shows a profile's row.", "postrider profile get standard --json"),
         .columns = NULL},
        {"profile", "update", "PUT", V1 "/profile/{}", NULL,
         PAGE("profile update", "NAME", 1, "Replaces a profile's row; messages accepted before keep the old one.",
              profile_data, "postrider profile update mine --data row.json"),
         .columns = NULL},
        {"profile", "delete", "DELETE", V1 "/profile/{}", NULL,
         BARE("profile delete", "NAME", 1, "Deletes a profile.", "postrider profile delete mine"), .columns = NULL},
        {"profile", "preview", "POST", V1 "/profile/{}/preview", NULL,
         PAGE("profile preview", "NAME", 1, "Shows the exact request that a message becomes.", preview_data,
              "postrider profile preview myra --data message.json"),
         .columns = NULL},

        {"record", "create", "POST", INAP "/record/{type}", NULL,
         PAGE("record create", NULL, 0, "Makes a record.", record_fields,
              "postrider record create --app acme --type contact --fields '{\"email\":\"ada@example.com\"}'"),
         .columns = NULL},
        {"record", "list", "GET", INAP "/record/{type}", NULL,
         PAGE("record list", NULL, 0, "Lists records, newest first.", record_list,
              "postrider record list --app acme --type deal --where stage:won"),
         .columns = record_columns},
        {"record", "get", "GET", INAP "/record/{type}/{}", NULL,
         PAGE("record get", "RECORD", 1, "Shows a record, by id or key.", in_type,
              "postrider record get --app acme --type contact ada@example.com"),
         .columns = NULL},
        {"record", "update", "PATCH", INAP "/record/{type}/{}", NULL,
         PAGE("record update", "RECORD", 1, "Merges fields into a record; tags replace those before.", record_fields,
              "postrider record update --app acme --type contact ada@example.com --fields '{\"name\":\"Ada\"}'"),
         .columns = NULL},
        {"record", "delete", "DELETE", INAP "/record/{type}/{}", NULL,
         PAGE("record delete", "RECORD", 1, "Deletes a record; its history stays.", in_type,
              "postrider record delete --app acme --type contact ada@example.com"),
         .columns = NULL},
        {"record", "import", NULL, NULL, NULL,
         PAGE("record import", "FILE", 1,
              "Imports records from a file, CSV with a header or lines of JSON; - is standard input. Exit status 1: "
              "some rows are wrong.",
              record_import, "postrider record import --app acme --type contact people.csv --map E-Mail:email"),
         .run = record_import_run},
        {"record", "export", NULL, NULL, NULL,
         PAGE("record export", NULL, 0,
              "Prints records as lines of JSON, or as CSV, oldest first, as `record import` takes them.", record_export,
              "postrider record export --app acme --type contact > contacts.jsonl"),
         .run = record_export_run},
};

const size_t resource_verb_count = ARRAY_LEN(resource_verbs);
