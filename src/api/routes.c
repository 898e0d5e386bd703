/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. A row says it all: method, path, handler, who may (API.md section 2), area for scopes, flags. */
#include "api/routes.h"

#define V1   "/api/v1"
#define APP  V1 "/app/{app_id}"
#define EP   APP "/endpoint/{endpoint_id}"
#define MSG  APP "/msg/{msg_id}"
#define TYPE V1 "/event-type/{event_type_name}"
#define PROF V1 "/profile/{name}"
#define KEY  V1 "/auth/api-key"
#define MENV V1 "/management/environment"
#define MTOK V1 "/management/authentication/{env_id}/api-token"
#define INTG APP "/integration"
#define REC  APP "/record/{type}/{record_id}"
#define OPW  V1 "/operational-webhook/endpoint"
#define OPEP OPW "/{endpoint_id}"

#define POLL  APP "/poller/{sink_id}"
#define CONS  "/consumer/{consumer_id}"
#define PTOK  V1 "/auth/app/{app_id}/poller/{endpoint_id}/token"
#define AUTOS APP "/automation"
#define AUTO  APP "/automation/{auto_id}"
#define TRIG  APP "/trigger/{trigger_id}"
#define IN    "/v1/webhooks/in/{token}"
#define SRC   "/ingest/api/v1/source"
#define SRC1  SRC "/{source_id}"
#define SRCEP SRC1 "/endpoint"
#define SRCE1 SRCEP "/{endpoint_id}"
#define SRCIN SRC1 "/in/{token}"
#define INMSG APP "/inbound/msg/{token}"

#define CON V1 "/console"
#define SES CON "/session"

#define A(sym)      AUTH_AREA_##sym
#define GET         HTTP_M_GET
#define POST        HTTP_M_POST
#define PUT         HTTP_M_PUT
#define PATCH       HTTP_M_PATCH
#define DELETE      HTTP_M_DELETE
#define OPERATIONAL (ROUTE_NEW_ENV | ROUTE_OPERATIONAL)
#define OWN_PAGE    (ROUTE_PUBLIC | ROUTE_OWN_PAGE)
#define WHO_STAFF   (WHO_OWNER | WHO_EDITOR | WHO_VIEWER)

/* clang-format off */
const struct route api_routes[] = {
    {GET,    V1 "/app",               application_list,       WHO_STAFF, A(APP), 0},
    {POST,   V1 "/app",               application_create,     WHO_ADMIN, A(APP), ROUTE_NEW_ENV},
    {GET,    APP,                     application_get,        WHO_READ,  A(APP), 0},
    {PUT,    APP,                     application_put,        WHO_ADMIN, A(APP), ROUTE_NEW_ENV},
    {PATCH,  APP,                     application_patch,      WHO_ADMIN, A(APP), 0},
    {DELETE, APP,                     application_delete,     WHO_ADMIN, A(APP), 0},

    {GET,    V1 "/event-type",        event_type_list,        WHO_READ,  A(EVENT_TYPE), ROUTE_ENV_SHARED},
    {POST,   V1 "/event-type",        event_type_create,      WHO_SEND,  A(EVENT_TYPE), ROUTE_NEW_ENV},
    {GET,    TYPE,                    event_type_get,         WHO_READ,  A(EVENT_TYPE), ROUTE_ENV_SHARED},
    {PUT,    TYPE,                    event_type_put,         WHO_SEND,  A(EVENT_TYPE), ROUTE_NEW_ENV},
    {PATCH,  TYPE,                    event_type_patch,       WHO_SEND,  A(EVENT_TYPE), 0},
    {DELETE, TYPE,                    event_type_delete,      WHO_SEND,  A(EVENT_TYPE), 0},

    {GET,    APP "/endpoint",         endpoint_list,          WHO_READ,  A(ENDPOINT), 0},
    {POST,   APP "/endpoint",         endpoint_create,        WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP,                      endpoint_get,           WHO_READ,  A(ENDPOINT), 0},
    {PUT,    EP,                      endpoint_put,           WHO_EDIT,  A(ENDPOINT), 0},
    {PATCH,  EP,                      endpoint_patch,         WHO_EDIT,  A(ENDPOINT), 0},
    {DELETE, EP,                      endpoint_delete,        WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP "/headers",           endpoint_headers_get,   WHO_READ,  A(ENDPOINT), 0},
    {PUT,    EP "/headers",           endpoint_headers_put,   WHO_EDIT,  A(ENDPOINT), 0},
    {PATCH,  EP "/headers",           endpoint_headers_patch, WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP "/secret",            endpoint_secret_get,    WHO_EDIT,  A(SECRET), ROUTE_FRESH},
    {POST,   EP "/secret/rotate",     endpoint_secret_rotate, WHO_EDIT,  A(SECRET), ROUTE_FRESH},
    {GET,    EP "/ca",                endpoint_ca_get,        WHO_READ,  A(ENDPOINT), 0},
    {PUT,    EP "/ca",                endpoint_ca_put,        WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP "/mtls",              endpoint_mtls_get,      WHO_READ,  A(ENDPOINT), 0},
    {PUT,    EP "/mtls",              endpoint_mtls_put,      WHO_EDIT,  A(ENDPOINT), 0},
    {DELETE, EP "/mtls",              endpoint_mtls_delete,   WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP "/transformation",    endpoint_transformation_get, WHO_EDIT, A(TRANSFORMATION), 0},
    {PATCH,  EP "/transformation",    endpoint_transformation_patch, WHO_EDIT, A(TRANSFORMATION), 0},
    {POST,   EP "/transformation/simulate", endpoint_transformation_simulate, WHO_EDIT, A(TRANSFORMATION), 0},
    {GET,    EP "/mtls-config",       endpoint_mtls_look,     WHO_READ,  A(ENDPOINT), 0},
    {GET,    EP "/oauth",             endpoint_oauth_get,     WHO_READ,  A(ENDPOINT), 0},
    {PUT,    EP "/oauth",             endpoint_oauth_put,     WHO_EDIT,  A(ENDPOINT), 0},
    {DELETE, EP "/oauth",             endpoint_oauth_delete,  WHO_EDIT,  A(ENDPOINT), 0},
    {GET,    EP "/oauth-config",      endpoint_oauth_look,    WHO_READ,  A(ENDPOINT), 0},
    {GET,    EP "/stats",             endpoint_stats,         WHO_READ,  A(ENDPOINT), 0},
    {GET,    EP "/rate-limit-status", endpoint_rate_status,   WHO_READ,  A(ENDPOINT), 0},
    {GET,    EP "/msg",               endpoint_messages,      WHO_READ,  A(MESSAGE), 0},
    {POST,   EP "/recover",           endpoint_recover,       WHO_EDIT,  A(ATTEMPT), 0},
    {POST,   EP "/bulk-replay",       endpoint_bulk_replay,   WHO_EDIT,  A(ATTEMPT), 0},
    {POST,   EP "/replay-missing",    endpoint_replay_missing, WHO_EDIT, A(ATTEMPT), 0},
    {POST,   EP "/cancel-msgs",       endpoint_cancel_messages, WHO_EDIT, A(ATTEMPT), 0},
    {POST,   EP "/send-example",      endpoint_send_example,  WHO_EDIT,  A(ATTEMPT), 0},

    {GET,    V1 "/app/stats/count-active", application_count_active, WHO_STAFF, A(APP), 0},
    {GET,    APP "/stats/attempts",   application_attempt_stats, WHO_READ, A(ATTEMPT), 0},
    {GET,    APP "/stats/timeline",   stats_timeline,         WHO_READ,  A(ATTEMPT), 0},
    {GET,    V1 "/stats/app/{app_id}/attempt", stats_app_attempts, WHO_READ, A(ATTEMPT), 0},
    {POST,   V1 "/stats/usage/app",   stats_usage_apps,       WHO_SEND,  A(APP), 0},
    {PUT,    V1 "/stats/usage/event-types", stats_usage_event_types, WHO_SEND, A(APP), 0},
    {GET,    V1 "/stats/endpoint/count", stats_endpoint_count, WHO_STAFF, A(ENDPOINT), 0},

    {POST,   APP "/msg/search",       message_search,         WHO_READ,  A(MESSAGE), ROUTE_READ_SCOPE},
    {POST,   APP "/msg/precheck/active", message_precheck,    WHO_READ,  A(MESSAGE), ROUTE_READ_SCOPE},
    {POST,   EP "/msg/test-attempt",  message_test_attempt,   WHO_SEND,  A(MESSAGE), 0},
    {GET,    APP "/attempt/endpoint/{endpoint_id}/count", attempts_count, WHO_READ, A(ATTEMPT), 0},
    {GET,    APP "/msg",              message_list,           WHO_READ,  A(MESSAGE), 0},
    {POST,   APP "/msg",              NULL,                   WHO_SEND,  A(MESSAGE), ROUTE_NEW_ENV | ROUTE_HOT},
    {POST,   APP "/msg/bulk-expunge", message_bulk_expunge,   WHO_SEND,  A(MESSAGE), 0},
    {POST,   APP "/msg/expunge-all-contents", message_expunge_all, WHO_SEND, A(MESSAGE), 0},
    {POST,   V1 "/msg/broadcast",     message_broadcast,      WHO_SEND,  A(MESSAGE), ROUTE_NEW_ENV},
    {GET,    MSG,                     message_get,            WHO_READ,  A(MESSAGE), 0},
    {GET,    MSG "/raw",              message_raw,            WHO_READ,  A(MESSAGE), 0},
    {DELETE, MSG "/content",          message_expunge,        WHO_SEND,  A(MESSAGE), 0},
    {GET,    MSG "/endpoint",         message_endpoints,      WHO_READ,  A(MESSAGE), 0},
    {GET,    MSG "/endpoint/{endpoint_id}/body",   message_sent_body, WHO_READ, A(MESSAGE), 0},
    {POST,   MSG "/endpoint/{endpoint_id}/resend", message_resend, WHO_EDIT, A(ATTEMPT), 0},
    {GET,    MSG "/attempt/{attempt_id}",          attempt_get,     WHO_READ, A(ATTEMPT), 0},
    {GET,    MSG "/attempt/{attempt_id}/headers",  attempt_headers, WHO_READ, A(ATTEMPT), 0},
    {DELETE, MSG "/attempt/{attempt_id}/content",  attempt_expunge, WHO_SEND, A(ATTEMPT), 0},
    {GET,    APP "/attempt",                        attempts_of_app,      WHO_READ, A(ATTEMPT), 0},
    {GET,    APP "/attempt/endpoint/{endpoint_id}", attempts_of_endpoint, WHO_READ, A(ATTEMPT), 0},
    {GET,    APP "/attempt/msg/{msg_id}",           attempts_of_message,  WHO_READ, A(ATTEMPT), 0},

    {GET,    V1 "/background-task",           background_task_list, WHO_READ, A(ATTEMPT), ROUTE_ENV_SHARED},
    {GET,    V1 "/background-task/{task_id}", background_task_get,  WHO_READ, A(ATTEMPT), ROUTE_ENV_SHARED},
    {POST,   V1 "/background-task/{task_id}/cancel", background_task_cancel, WHO_EDIT, A(ATTEMPT), ROUTE_ENV_SHARED},

    {GET,    V1 "/profile",           profile_list,           WHO_READ,  A(PROFILE), ROUTE_ENV_SHARED | ROUTE_NEW_ENV},
    {POST,   V1 "/profile",           profile_create,         WHO_SEND,  A(PROFILE), ROUTE_NEW_ENV},
    {GET,    PROF,                    profile_get,            WHO_READ,  A(PROFILE), ROUTE_ENV_SHARED | ROUTE_NEW_ENV},
    {PUT,    PROF,                    profile_put,            WHO_SEND,  A(PROFILE), ROUTE_NEW_ENV},
    {DELETE, PROF,                    profile_delete,         WHO_SEND,  A(PROFILE), 0},
    {POST,   PROF "/preview",         profile_preview,        WHO_EDIT,  A(PROFILE), ROUTE_NEW_ENV | ROUTE_ENV_SHARED | ROUTE_READ_SCOPE},
    {GET,    V1 "/provider",          provider_list,          WHO_READ,  A(PROFILE), ROUTE_ENV_SHARED},

    {GET,    OPW,                     endpoint_list,          WHO_STAFF, A(ENDPOINT), OPERATIONAL},
    {POST,   OPW,                     endpoint_create,        WHO_ADMIN, A(ENDPOINT), OPERATIONAL},
    {GET,    OPEP,                    endpoint_get,           WHO_STAFF, A(ENDPOINT), OPERATIONAL},
    {PUT,    OPEP,                    endpoint_put,           WHO_ADMIN, A(ENDPOINT), OPERATIONAL},
    {PATCH,  OPEP,                    endpoint_patch,         WHO_ADMIN, A(ENDPOINT), OPERATIONAL},
    {DELETE, OPEP,                    endpoint_delete,        WHO_ADMIN, A(ENDPOINT), OPERATIONAL},
    {GET,    OPEP "/headers",         endpoint_headers_get,   WHO_STAFF, A(ENDPOINT), OPERATIONAL},
    {PUT,    OPEP "/headers",         endpoint_headers_put,   WHO_ADMIN, A(ENDPOINT), OPERATIONAL},
    {GET,    OPEP "/secret",          endpoint_secret_get,    WHO_ADMIN, A(SECRET), OPERATIONAL | ROUTE_FRESH},
    {POST,   OPEP "/secret/rotate",   endpoint_secret_rotate, WHO_ADMIN, A(SECRET), OPERATIONAL | ROUTE_FRESH},

    {POST,   V1 "/filter/test",       filter_test,            WHO_READ,  A(ENDPOINT), ROUTE_ENV_SHARED | ROUTE_READ_SCOPE},

    {GET,    V1 "/record-type",       record_type_list,       WHO_READ,  A(RECORD), ROUTE_ENV_SHARED},
    {POST,   V1 "/record-type",       record_type_create,     WHO_SEND,  A(RECORD), ROUTE_NEW_ENV},
    {GET,    V1 "/record-type/{name}", record_type_get,       WHO_READ,  A(RECORD), ROUTE_ENV_SHARED},
    {PUT,    V1 "/record-type/{name}", record_type_put,       WHO_SEND,  A(RECORD), 0},
    {DELETE, V1 "/record-type/{name}", record_type_delete,    WHO_SEND,  A(RECORD), 0},
    {GET,    APP "/record-type",      record_type_list_app,   WHO_READ,  A(RECORD), 0},
    {GET,    APP "/record/{type}",    record_list,            WHO_READ,  A(RECORD), 0},
    {POST,   APP "/record/{type}",    record_create,          WHO_EDIT,  A(RECORD), 0},
    {GET,    REC,                     record_get,             WHO_READ,  A(RECORD), 0},
    {PUT,    REC,                     record_put,             WHO_EDIT,  A(RECORD), 0},
    {PATCH,  REC,                     record_patch,           WHO_EDIT,  A(RECORD), 0},
    {DELETE, REC,                     record_delete,          WHO_EDIT,  A(RECORD), 0},
    {POST,   APP "/record/{type}/import", record_import,      WHO_EDIT,  A(RECORD), 0},
    {GET,    APP "/record/{type}/import/{import_id}", record_import_get, WHO_READ, A(RECORD), 0},
    {POST,   APP "/record/{type}/import/{import_id}/cancel", record_import_cancel, WHO_EDIT, A(RECORD), 0},
    {GET,    REC "/history",          record_history,         WHO_READ,  A(RECORD), 0},
    {GET,    REC "/run",              record_run_list,        WHO_READ,  A(AUTOMATION), 0},
    {POST,   REC "/tag/{tag}",        record_tag_add,         WHO_EDIT,  A(RECORD), 0},
    {DELETE, REC "/tag/{tag}",        record_tag_remove,      WHO_EDIT,  A(RECORD), 0},

    {GET,    TRIG,                    trigger_get,            WHO_READ,  A(AUTOMATION), 0},
    {GET,    TRIG "/request",         trigger_request_list,   WHO_READ,  A(AUTOMATION), 0},
    {GET,    TRIG "/request/{request_id}", trigger_request_get, WHO_READ, A(AUTOMATION), 0},
    {POST,   TRIG "/rotate",          trigger_rotate_url,     WHO_EDIT,  A(AUTOMATION), 0},
    {GET,    AUTO "/sample",          automation_sample_list, WHO_READ,  A(AUTOMATION), 0},
    {POST,   AUTO "/sample/{request_id}/use", automation_sample_use, WHO_EDIT, A(AUTOMATION), 0},
    {GET,    AUTO "/variable",        automation_variable_list, WHO_READ, A(AUTOMATION), 0},
    {POST,   IN,                      trigger_receive,        WHO_READ,  A(AUTOMATION), ROUTE_PUBLIC},
    {PUT,    IN,                      trigger_receive,        WHO_READ,  A(AUTOMATION), ROUTE_PUBLIC},
    {GET,    IN,                      trigger_receive,        WHO_READ,  A(AUTOMATION), ROUTE_PUBLIC},

    {GET,    SRC,                     source_list,            WHO_STAFF, A(APP), 0},
    {POST,   SRC,                     source_create,          WHO_ADMIN, A(APP), ROUTE_NEW_ENV},
    {GET,    SRC1,                    source_get,             WHO_STAFF, A(APP), 0},
    {PUT,    SRC1,                    source_put,             WHO_ADMIN, A(APP), ROUTE_NEW_ENV},
    {PATCH,  SRC1,                    source_patch,           WHO_ADMIN, A(APP), 0},
    {DELETE, SRC1,                    source_delete,          WHO_ADMIN, A(APP), 0},
    {POST,   SRC1 "/token/rotate",    source_token_rotate,    WHO_ADMIN, A(APP), 0},
    {POST,   SRC1 "/dashboard",       portal_access,          WHO_ADMIN, A(TOKEN), ROUTE_SOURCE},
    {GET,    SRC1 "/log",             source_log_list,        WHO_STAFF, A(MESSAGE), 0},
    {GET,    SRCEP,                   endpoint_list,          WHO_STAFF, A(ENDPOINT), ROUTE_SOURCE},
    {POST,   SRCEP,                   endpoint_create,        WHO_SEND,  A(ENDPOINT), ROUTE_SOURCE},
    {GET,    SRCE1,                   endpoint_get,           WHO_STAFF, A(ENDPOINT), ROUTE_SOURCE},
    {PUT,    SRCE1,                   endpoint_put,           WHO_SEND,  A(ENDPOINT), ROUTE_SOURCE},
    {PATCH,  SRCE1,                   endpoint_patch,         WHO_SEND,  A(ENDPOINT), ROUTE_SOURCE},
    {DELETE, SRCE1,                   endpoint_delete,        WHO_SEND,  A(ENDPOINT), ROUTE_SOURCE},
    {GET,    SRCE1 "/headers",        endpoint_headers_get,   WHO_STAFF, A(ENDPOINT), ROUTE_SOURCE},
    {PUT,    SRCE1 "/headers",        endpoint_headers_put,   WHO_SEND,  A(ENDPOINT), ROUTE_SOURCE},
    {GET,    SRCE1 "/secret",         endpoint_secret_get,    WHO_SEND,  A(SECRET), ROUTE_SOURCE | ROUTE_FRESH},
    {POST,   SRCE1 "/secret/rotate",  endpoint_secret_rotate, WHO_SEND,  A(SECRET), ROUTE_SOURCE | ROUTE_FRESH},
    {GET,    SRCE1 "/transformation", endpoint_transformation_get,   WHO_SEND, A(TRANSFORMATION), ROUTE_SOURCE},
    {PATCH,  SRCE1 "/transformation", endpoint_transformation_patch, WHO_SEND, A(TRANSFORMATION), ROUTE_SOURCE},
    {POST,   SRCIN,                   source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC},
    {PUT,    SRCIN,                   source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC},
    {GET,    SRCIN,                   source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC},
    {POST,   SRCIN "/{rest}",         source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC | ROUTE_REST},
    {PUT,    SRCIN "/{rest}",         source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC | ROUTE_REST},
    {GET,    SRCIN "/{rest}",         source_receive,         WHO_READ,  A(MESSAGE), ROUTE_PUBLIC | ROUTE_REST},
    {POST,   APP "/inbound/rotate-url", inbound_url_rotate,   WHO_SEND,  A(MESSAGE), 0},
    {POST,   INMSG,                   inbound_receive,        WHO_READ,  A(MESSAGE), ROUTE_PUBLIC},
    {PUT,    INMSG,                   inbound_receive,        WHO_READ,  A(MESSAGE), ROUTE_PUBLIC},

    {GET,    APP "/settings",         application_settings_get, WHO_READ, A(SETTINGS), 0},
    {PATCH,  APP "/settings",         application_settings_patch, WHO_ADMIN, A(SETTINGS), 0},
    {GET,    V1 "/settings/egress",   settings_egress,        WHO_READ,  A(SETTINGS), ROUTE_ENV_SHARED},
    {GET,    KEY,                     api_key_list,           WHO_ADMIN, A(TOKEN), 0},
    {POST,   KEY,                     api_key_create,         WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV | ROUTE_FRESH},
    {DELETE, KEY "/{key_id}",         api_key_revoke,         WHO_ADMIN, A(TOKEN), 0},
    {GET,    V1 "/auth/whoami",       whoami,                 WHO_READ,  A(SETTINGS), ROUTE_ENV_SHARED},
    {POST,   V1 "/auth/app-portal-access/{app_id}", portal_access,     WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {POST,   V1 "/auth/dashboard-access/{app_id}",  portal_access,     WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {POST,   V1 "/auth/app/{app_id}/expire-all",    portal_expire_all, WHO_ADMIN, A(TOKEN), 0},
    {POST,   V1 "/auth/logout",       portal_logout,          WHO_READ,  A(SETTINGS), ROUTE_ENV_SHARED | ROUTE_READ_SCOPE},
    {POST,   V1 "/auth/one-time-token", portal_exchange_key,  0, A(TOKEN), ROUTE_PUBLIC},

    {POST,   V1 "/event-type/import/openapi", event_type_import_openapi, WHO_SEND, A(EVENT_TYPE), ROUTE_NEW_ENV},
    {POST,   V1 "/event-type/export/openapi", event_type_export_openapi, WHO_SEND, A(EVENT_TYPE), ROUTE_NEW_ENV | ROUTE_READ_SCOPE},
    {GET,    TYPE "/retry-schedule",  event_type_retry_get,   WHO_READ,  A(EVENT_TYPE), ROUTE_ENV_SHARED},
    {PUT,    TYPE "/retry-schedule",  event_type_retry_put,   WHO_SEND,  A(EVENT_TYPE), 0},
    {GET,    V1 "/environment/settings", env_settings_of_portal, WHO_READ, A(SETTINGS), ROUTE_ENV_SHARED},
    {POST,   V1 "/environment/export", environment_export,    WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV | ROUTE_READ_SCOPE},
    {POST,   V1 "/environment/import", environment_import,    WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {GET,    MENV "-settings",        env_settings_get,       WHO_ADMIN, A(SETTINGS), ROUTE_NEW_ENV},
    {PUT,    MENV "-settings",        env_settings_put,       WHO_ADMIN, A(SETTINGS), ROUTE_NEW_ENV},
    {PATCH,  MENV "-settings",        env_settings_patch,     WHO_ADMIN, A(SETTINGS), ROUTE_NEW_ENV},
    {GET,    MENV,                    environment_list,       WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {POST,   MENV,                    environment_create,     WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {GET,    MENV "/{env_id}",        environment_get,        WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {PUT,    MENV "/{env_id}",        environment_put,        WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {DELETE, MENV "/{env_id}",        environment_delete,     WHO_ADMIN, A(ENVIRONMENT), ROUTE_NEW_ENV},
    {GET,    MTOK,                    api_token_list,         WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {POST,   MTOK,                    api_token_create,       WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV | ROUTE_FRESH},
    {GET,    MTOK "/{key_id}",        api_token_get,          WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {PUT,    MTOK "/{key_id}",        api_token_put,          WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {PATCH,  MTOK "/{key_id}",        api_token_patch,        WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {POST,   MTOK "/{key_id}/expire", api_token_expire,       WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {GET,    AUTOS,                    automation_list,        WHO_READ,  A(AUTOMATION), 0},
    {POST,   AUTOS,                    automation_create,      WHO_EDIT,  A(AUTOMATION), 0},
    {GET,    AUTO,                    automation_get,         WHO_READ,  A(AUTOMATION), 0},
    {PUT,    AUTO,                    automation_put,         WHO_EDIT,  A(AUTOMATION), 0},
    {DELETE, AUTO,                    automation_delete,      WHO_EDIT,  A(AUTOMATION), 0},
    {POST,   AUTO "/publish",         automation_publish,     WHO_EDIT,  A(AUTOMATION), 0},
    {POST,   AUTO "/pause",           automation_pause,       WHO_EDIT,  A(AUTOMATION), 0},
    {POST,   AUTO "/resume",          automation_resume,      WHO_EDIT,  A(AUTOMATION), 0},
    {GET,    AUTO "/version",         automation_versions,    WHO_READ,  A(AUTOMATION), 0},
    {POST,   AUTO "/test",            automation_test,        WHO_EDIT,  A(AUTOMATION), 0},
    {POST,   AUTO "/preview",         automation_preview,     WHO_EDIT,  A(AUTOMATION), 0},
    {GET,    AUTO "/run",             automation_run_list,    WHO_READ,  A(AUTOMATION), 0},
    {GET,    AUTO "/run/{run_id}",    automation_run_get,     WHO_READ,  A(AUTOMATION), 0},
    {POST,   AUTO "/run/{run_id}/cancel", automation_run_cancel, WHO_EDIT, A(AUTOMATION), 0},
    {POST,   AUTO "/run/{run_id}/retry",  automation_run_retry,  WHO_EDIT, A(AUTOMATION), 0},

    {GET,    INTG,                    integration_list,       WHO_ADMIN, A(TOKEN), 0},
    {POST,   INTG,                    integration_create,     WHO_ADMIN, A(TOKEN), 0},
    {GET,    INTG "/{integ_id}",      integration_get,        WHO_ADMIN, A(TOKEN), 0},
    {PUT,    INTG "/{integ_id}",      integration_put,        WHO_ADMIN, A(TOKEN), 0},
    {DELETE, INTG "/{integ_id}",      integration_delete,     WHO_ADMIN, A(TOKEN), 0},
    {GET,    INTG "/{integ_id}/key",  integration_key_get,    WHO_ADMIN, A(TOKEN), ROUTE_FRESH},
    {POST,   INTG "/{integ_id}/key/rotate", integration_rotate, WHO_ADMIN, A(TOKEN), ROUTE_FRESH},
    {GET,    CON "/system",           console_system,         WHO_ADMIN, A(SETTINGS), 0},
    {GET,    POLL,                    poller_poll,            WHO_READ | WHO_POLLER, A(MESSAGE), 0},
    {GET,    POLL CONS,               poller_consumer_poll,   WHO_EDIT | WHO_POLLER, A(MESSAGE), 0},
    {POST,   POLL CONS "/seek",       poller_consumer_seek,   WHO_EDIT | WHO_POLLER, A(MESSAGE), ROUTE_READ_SCOPE},
    {GET,    APP "/polling-endpoint/{sink_id}" CONS, polling_consumer_poll, WHO_EDIT | WHO_POLLER, A(MESSAGE), 0},
    {POST,   APP "/polling-endpoint/{sink_id}" CONS "/commit", polling_consumer_commit, WHO_EDIT | WHO_POLLER, A(MESSAGE), ROUTE_READ_SCOPE},
    {GET,    PTOK,                    poller_token_get,       WHO_EDIT,  A(SECRET), ROUTE_FRESH},
    {POST,   PTOK "/rotate",          poller_token_rotate,    WHO_EDIT,  A(SECRET), ROUTE_FRESH},
    {GET,    APP "/events",           message_events,         WHO_READ,  A(MESSAGE), 0},
    {GET,    V1 "/events",            operational_events,     WHO_STAFF, A(MESSAGE), OPERATIONAL},
    {GET,    V1 "/audit-log",         audit_log_list,         WHO_ADMIN, A(TOKEN), 0},
    {GET,    APP "/live",             live_app,               WHO_READ,  A(MESSAGE), 0},
    {GET,    V1 "/live",              live_env,               WHO_STAFF, A(MESSAGE), ROUTE_NEW_ENV},
    {POST,   SES,                     console_session_create, 0, A(SETTINGS), OWN_PAGE},
    {POST,   SES "/portal",           console_session_portal, 0, A(SETTINGS), OWN_PAGE},
    {GET,    SES,                     console_session_get,    0, A(SETTINGS), ROUTE_SESSION},
    {DELETE, SES,                     console_session_delete, 0, A(SETTINGS), ROUTE_SESSION},
    {POST,   SES "/confirm",          console_session_confirm, 0, A(SETTINGS), ROUTE_SESSION},
    {GET,    SES "/list",             console_session_list,   0, A(SETTINGS), ROUTE_SESSION},
    {DELETE, SES "/{session_id}",     console_session_end,    0, A(SETTINGS), ROUTE_SESSION},
    {POST,   CON "/password/forgot",  console_password_forgot, 0, A(SETTINGS), OWN_PAGE},
    {PUT,    CON "/password",         console_password_put,   0, A(SETTINGS), ROUTE_SESSION},
    {POST,   CON "/totp",             console_totp_create,    0, A(SETTINGS), ROUTE_SESSION},
    {PUT,    CON "/totp",             console_totp_put,       0, A(SETTINGS), ROUTE_SESSION},
    {DELETE, CON "/totp",             console_totp_delete,    0, A(SETTINGS), ROUTE_SESSION},
    {GET,    CON "/member",           console_member_list,    WHO_ADMIN, A(TOKEN), 0},
    {POST,   CON "/member",           console_member_create,  WHO_ADMIN, A(TOKEN), ROUTE_NEW_ENV},
    {PUT,    CON "/member/{member_id}", console_member_put,   WHO_ADMIN, A(TOKEN), 0},
    {DELETE, CON "/member/{member_id}", console_member_delete, WHO_ADMIN, A(TOKEN), 0},
    {GET,    CON "/user",             console_user_list,      WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR},
    {POST,   CON "/user",             console_user_create,    WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR | ROUTE_NEW_ENV},
    {DELETE, CON "/user/{email}",     console_user_delete,    WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR},
    {POST,   CON "/user/{email}/link", console_user_link,     WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR},
    {POST,   CON "/user/{email}/disable", console_user_disable, WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR},
    {POST,   CON "/user/{email}/enable", console_user_enable, WHO_ADMIN, A(TOKEN), ROUTE_OPERATOR},
    {GET,    CON "/link/{token}",     console_link_get,       0, A(SETTINGS), OWN_PAGE},
    {POST,   CON "/link/{token}",     console_link_use,       0, A(SETTINGS), OWN_PAGE},

    {GET,    V1 "/health",            health_report,          0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    V1 "/health/ping",       health_ping,            0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    "/health",               health_report,          0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    "/health/ping",          health_ping,            0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    V1 "/openapi.json",      openapi_get,            0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    "/openapi.json",         openapi_get,            0, A(SETTINGS), ROUTE_PUBLIC},
    {GET,    "/docs",                 reference_get,          0, A(SETTINGS), ROUTE_PUBLIC},
};
/* clang-format on */
const size_t api_route_count = ARRAY_LEN(api_routes);
