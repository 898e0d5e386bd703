/* SPDX-License-Identifier: Apache-2.0 */
#include "api/describe.h"

#define V1   "/api/v1"
#define APP  V1 "/app/{app_id}"
#define EP   APP "/endpoint/{endpoint_id}"
#define MSG  APP "/msg/{msg_id}"
#define TYPE V1 "/event-type/{event_type_name}"
#define PROF V1 "/profile/{name}"
#define KEY  V1 "/auth/api-key"
#define TASK V1 "/background-task"
#define ATT  MSG "/attempt/{attempt_id}"
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

#define GET    HTTP_M_GET
#define POST   HTTP_M_POST
#define PUT    HTTP_M_PUT
#define PATCH  HTTP_M_PATCH
#define DELETE HTTP_M_DELETE

#define PAGE     "limit iterator"
#define ORDERED  PAGE " order"
#define MESSAGES PAGE " channel tag event_types with_content before after"
#define ATTEMPTS MESSAGES " status status_code_class with_msg expanded_statuses"

/* clang-format off */
const struct description api_descriptions[] = {
    {GET,    V1 "/app", "v1.application.list", "List the applications", NULL, "[ApplicationOut]", 200, ORDERED " exclude_apps_with_no_endpoints exclude_apps_with_disabled_endpoints exclude_apps_with_svix_play_endpoints", 0},
    {POST,   V1 "/app", "v1.application.create", "Create an application", "ApplicationIn", "ApplicationOut", 201, "get_if_exists", 0},
    {GET,    APP, "v1.application.get", "Get an application", NULL, "ApplicationOut", 200, NULL, 0},
    {PUT,    APP, "v1.application.update", "Replace an application, or create it", "ApplicationIn", "ApplicationOut", 200, NULL, 201},
    {PATCH,  APP, "v1.application.patch", "Change an application", "ApplicationPatch", "ApplicationOut", 200, NULL, 0},
    {DELETE, APP, "v1.application.delete", "Delete an application with all that is in it", NULL, NULL, 204, NULL, 0},

    {GET,    V1 "/event-type", "v1.event-type.list", "List the event types", NULL, "[EventTypeOut]", 200, ORDERED " include_archived with_content", 0},
    {POST,   V1 "/event-type", "v1.event-type.create", "Create an event type, or bring back an archived one", "EventTypeIn", "EventTypeOut", 201, NULL, 0},
    {GET,    TYPE, "v1.event-type.get", "Get an event type", NULL, "EventTypeOut", 200, NULL, 0},
    {PUT,    TYPE, "v1.event-type.update", "Replace an event type, or create it", "EventTypeUpdate", "EventTypeOut", 200, NULL, 201},
    {PATCH,  TYPE, "v1.event-type.patch", "Change an event type", "EventTypePatch", "EventTypeOut", 200, NULL, 0},
    {DELETE, TYPE, "v1.event-type.delete", "Archive an event type, or remove it", NULL, NULL, 204, "expunge", 0},

    {GET,    APP "/endpoint", "v1.endpoint.list", "List the endpoints", NULL, "[EndpointOut]", 200, ORDERED, 0},
    {POST,   APP "/endpoint", "v1.endpoint.create", "Create an endpoint", "EndpointIn", "EndpointOut", 201, NULL, 0},
    {GET,    EP, "v1.endpoint.get", "Get an endpoint", NULL, "EndpointOut", 200, NULL, 0},
    {PUT,    EP, "v1.endpoint.update", "Replace an endpoint, or create it", "EndpointUpdate", "EndpointOut", 200, NULL, 201},
    {PATCH,  EP, "v1.endpoint.patch", "Change an endpoint", "EndpointPatch", "EndpointOut", 200, NULL, 0},
    {DELETE, EP, "v1.endpoint.delete", "Delete an endpoint; what is pending for it fails", NULL, NULL, 204, NULL, 0},
    {GET,    EP "/headers", "v1.endpoint.get-headers", "Get the custom headers, sensitive values masked", NULL, "EndpointHeadersOut", 200, NULL, 0},
    {PUT,    EP "/headers", "v1.endpoint.update-headers", "Replace the custom headers", "EndpointHeadersIn", NULL, 204, NULL, 0},
    {PATCH,  EP "/headers", "v1.endpoint.patch-headers", "Add, change and delete custom headers", "EndpointHeadersPatchIn", NULL, 204, NULL, 0},
    {GET,    EP "/secret", "v1.endpoint.get-secret", "Reveal the signing secret", NULL, "EndpointSecretOut", 200, NULL, 0},
    {POST,   EP "/secret/rotate", "v1.endpoint.rotate-secret", "Replace the signing secret; the old one stays valid for a while", "EndpointSecretRotateIn", NULL, 204, NULL, 0},
    {GET,    EP "/ca", "v1.endpoint.get-server-ca", "Get the certificate authority that the endpoint's server is verified by", NULL, "EndpointServerCaOut", 200, NULL, 0},
    {PUT,    EP "/ca", "v1.endpoint.set-server-ca", "Set it; null: the usual authorities", "EndpointServerCaIn", NULL, 204, NULL, 0},
    {GET,    EP "/transformation", "v1.endpoint.transformation.get", "Get the transformation: its code, its variables, and whether it is in use", NULL, "EndpointTransformationOut", 200, NULL, 0},
    {PATCH,  EP "/transformation", "v1.endpoint.transformation.patch", "Change the transformation; messages that were accepted before keep the one they had", "EndpointTransformationPatch", NULL, 204, NULL, 0},
    {POST,   EP "/transformation/simulate", "v1.endpoint.transformation.simulate", "Try code on a payload; nothing is kept or sent", "TransformationSimulateIn", "TransformationSimulateOut", 200, NULL, 0},
    {GET,    EP "/mtls", "v1.endpoint.get-mtls", "Get the client certificate, without its key; 404 if there is none", NULL, "EndpointMtlsConfigOut", 200, NULL, 0},
    {PUT,    EP "/mtls", "v1.endpoint.set-mtls-config", "Set the client certificate and its private key", "EndpointMtlsConfigIn", NULL, 204, NULL, 0},
    {DELETE, EP "/mtls", "v1.endpoint.delete-mtls-config", "Show no client certificate any more", NULL, NULL, 204, NULL, 0},
    {GET,    EP "/mtls-config", "v1.endpoint.get-mtls-2", "Get whether there is a client certificate, and which", NULL, "EndpointMtlsOut", 200, NULL, 0},
    {GET,    EP "/oauth", "v1.endpoint.get-oauth", "Get where its deliveries' access tokens come from, without secrets; 404 if they have none", NULL, "EndpointOauthConfigOut", 200, NULL, 0},
    {PUT,    EP "/oauth", "v1.endpoint.set-oauth-config", "Let its deliveries carry access tokens", "EndpointOauthConfigIn", NULL, 204, NULL, 0},
    {DELETE, EP "/oauth", "v1.endpoint.delete-oauth-config", "Send no access tokens any more", NULL, NULL, 204, NULL, 0},
    {GET,    EP "/oauth-config", "v1.endpoint.get-oauth-2", "Get whether its deliveries carry access tokens, and from where", NULL, "EndpointOauthOut", 200, NULL, 0},
    {GET,    EP "/stats", "v1.endpoint.get-stats", "Count the deliveries by their state", NULL, "EndpointStats", 200, "since until", 0},
    {GET,    EP "/rate-limit-status", "v1.endpoint.get-throttling-status", "Whether the rate limit of an endpoint holds messages back", NULL, "EndpointRateStatusOut", 200, NULL, 0},
    {GET,    EP "/msg", "v1.message-attempt.list-attempted-messages", "List the messages that went, or go, to an endpoint", NULL, "[EndpointMessageOut]", 200, MESSAGES " status failing expanded_statuses", 0},
    {POST,   EP "/recover", "v1.endpoint.recover", "Try once more what failed since a time", "RecoverIn", "BackgroundTaskOut", 202, NULL, 0},
    {POST,   EP "/bulk-replay", "v1.endpoint.bulk-replay", "Send again what went to an endpoint, as far as it fits", "BulkReplayIn", "BackgroundTaskOut", 202, NULL, 0},
    {POST,   EP "/replay-missing", "v1.endpoint.replay-missing", "Send what fits an endpoint and never went to it", "ReplayIn", "BackgroundTaskOut", 202, NULL, 0},
    {POST,   EP "/cancel-msgs", "v1.endpoint.cancel-msgs", "Cancel what is pending for an endpoint", "CancelMsgsIn", NULL, 204, NULL, 0},
    {POST,   EP "/send-example", "v1.endpoint.send-example", "Send an example of an event type to this endpoint", "EventExampleIn", "MessageOut", 202, NULL, 0},

    {GET,    V1 "/app/stats/count-active", "v1.application.count-active", "Count the applications that have an active endpoint", NULL, "ActiveAppCount", 200, "exclude_svix_play exclude_disabled", 0},
    {GET,    APP "/stats/attempts", "v1.application.stats.attempts", "Count the attempts by event type", NULL, "AppAttemptStatsOut", 200, "since until event_types", 0},
    {GET,    APP "/stats/timeline", "v1.stats.timeline", "Attempts over time, of an application or of one endpoint", NULL, "TimelineOut", 200, "endpoint_id since until bucket event_types", 0},
    {GET,    V1 "/stats/app/{app_id}/attempt", "v1.stats.app-attempts", "Count the attempts of an application over time", NULL, "AttemptStatisticsResponse", 200, "startDate endDate period event_types", 0},
    {POST,   V1 "/stats/usage/app", "v1.statistics.aggregate-app-stats", "Count the attempts of each application, as a background task", "AppUsageStatsIn", "AppUsageStatsOut", 202, NULL, 0},
    {PUT,    V1 "/stats/usage/event-types", "v1.statistics.aggregate-event-types", "List the event types of each application, as a background task", NULL, "AggregateEventTypesOut", 202, NULL, 0},
    {GET,    V1 "/stats/endpoint/count", "v1.statistics.endpoint-count", "Count the endpoints of all applications", NULL, "EndpointCountOut", 200, "exclude_svix_play", 0},

    {POST,   APP "/msg/search", "v1.message.search", "Search for messages", "MessageSearchIn", "[MessageOut]", 200, NULL, 0},
    {POST,   APP "/msg/precheck/active", "v1.message.precheck", "Whether a message of this type would go to any endpoint", "MessagePrecheckIn", "MessagePrecheckOut", 200, NULL, 0},
    {POST,   EP "/msg/test-attempt", "v1.message.test-attempt", "Send a message to this endpoint once and wait for its answer", "MessageIn", "MessageAttemptOut", 201, NULL, 0},
    {GET,    APP "/attempt/endpoint/{endpoint_id}/count", "v1.message-attempt.count-by-endpoint", "Count the attempts of an endpoint, up to a limit", NULL, "CountOut", 200, "status status_code_class channel tag event_types before after", 0},
    {GET,    APP "/msg", "v1.message.list", "List the messages", NULL, "[MessageOut]", 200, MESSAGES, 0},
    {POST,   APP "/msg", "v1.message.create", "Send a message to the endpoints that are subscribed to it", "MessageIn", "MessageOut", 202, "with_content", 0},
    {POST,   APP "/msg/bulk-expunge", "v1.message.bulk-expunge-content", "Delete the payloads of some messages", "BulkExpungeContentsIn", "BulkExpungeContentsOut", 200, NULL, 0},
    {POST,   APP "/msg/expunge-all-contents", "v1.message.expunge-all-contents", "Delete the payloads of all messages of an application", NULL, "BackgroundTaskOut", 202, NULL, 0},
    {POST,   V1 "/msg/broadcast", "v1.message.broadcast", "Send a message to every application", "MessageBroadcastIn", "BackgroundTaskOut", 202, NULL, 0},
    {GET,    MSG, "v1.message.get", "Get a message", NULL, "MessageOut", 200, "with_content", 0},
    {GET,    MSG "/raw", "v1.message.get-raw-payload", "Get the payload as it was posted", NULL, "MessageRawOut", 200, NULL, 0},
    {DELETE, MSG "/content", "v1.message.expunge-content", "Delete the payload; what is pending of the message fails", NULL, NULL, 204, NULL, 0},
    {GET,    MSG "/endpoint", "v1.message-attempt.list-attempted-destinations", "List the endpoints that a message goes to, and how it is doing there", NULL, "[MessageEndpointOut]", 200, ORDERED, 0},
    {GET,    MSG "/endpoint/{endpoint_id}/body", "v1.message-attempt.get-body", "Get the body that an endpoint is sent for a message, byte for byte", NULL, "SentBodyOut", 200, NULL, 0},
    {POST,   MSG "/endpoint/{endpoint_id}/resend", "v1.message-attempt.resend", "Send a message to an endpoint again", NULL, "EmptyOut", 202, NULL, 0},
    {GET,    ATT, "v1.message-attempt.get", "Get an attempt", NULL, "MessageAttemptOut", 200, "expanded_statuses", 0},
    {GET,    ATT "/headers", "v1.message-attempt.get-headers", "Get the headers that an attempt sent and got", NULL, "MessageAttemptHeadersOut", 200, NULL, 0},
    {DELETE, ATT "/content", "v1.message-attempt.expunge-content", "Delete the answer that an attempt got", NULL, NULL, 204, NULL, 0},
    {GET,    APP "/attempt", "v1.message-attempt.list", "List the attempts of a workspace", NULL, "[MessageAttemptOut]", 200, ATTEMPTS " endpoint_id", 0},
    {GET,    APP "/attempt/endpoint/{endpoint_id}", "v1.message-attempt.list-by-endpoint", "List the attempts of an endpoint", NULL, "[MessageAttemptOut]", 200, ATTEMPTS, 0},
    {GET,    APP "/attempt/msg/{msg_id}", "v1.message-attempt.list-by-msg", "List the attempts of a message", NULL, "[MessageAttemptOut]", 200, ATTEMPTS " endpoint_id", 0},

    {GET,    TASK, "v1.background-task.list", "List the background tasks", NULL, "[BackgroundTaskOut]", 200, ORDERED " task_status task app_id", 0},
    {GET,    TASK "/{task_id}", "v1.background-task.get", "Get a background task", NULL, "BackgroundTaskOut", 200, "messages_from", 0},
    {POST,   TASK "/{task_id}/cancel", "v1.background-task.cancel", "End a background task before it is done", NULL, "BackgroundTaskOut", 200, NULL, 0},

    {GET,    V1 "/profile", "v1.profile.list", "List the profiles of deliveries", NULL, "[ProfileOut]", 200, ORDERED, 0},
    {POST,   V1 "/profile", "v1.profile.create", "Create a profile", "ProfileIn", "ProfileOut", 201, NULL, 0},
    {GET,    PROF, "v1.profile.get", "Get a profile", NULL, "ProfileOut", 200, NULL, 0},
    {PUT,    PROF, "v1.profile.update", "Replace a profile; what was accepted before keeps the old one", "ProfileIn", "ProfileOut", 200, NULL, 0},
    {DELETE, PROF, "v1.profile.delete", "Delete a profile that nobody uses", NULL, NULL, 204, NULL, 0},
    {POST,   PROF "/preview", "v1.profile.preview", "Render a message as the exact request that would be sent", "ProfilePreviewIn", "ProfilePreviewOut", 200, NULL, 0},
    {GET,    V1 "/provider", "v1.provider.list", "List the senders of requests that triggers know by name", NULL, "ProvidersOut", 200, NULL, 0},

    {POST,   V1 "/filter/test", "v1.filter.test", "Try a content filter on a payload", "FilterTestIn", "FilterTestOut", 200, NULL, 0},

    {GET,    OPW, "v1.operational-webhook.endpoint.list", "List the endpoints of operational webhooks", NULL, "[EndpointOut]", 200, ORDERED, 0},
    {POST,   OPW, "v1.operational-webhook.endpoint.create", "Create an endpoint of operational webhooks", "EndpointIn", "EndpointOut", 201, NULL, 0},
    {GET,    OPEP, "v1.operational-webhook.endpoint.get", "Get an endpoint of operational webhooks", NULL, "EndpointOut", 200, NULL, 0},
    {PUT,    OPEP, "v1.operational-webhook.endpoint.update", "Replace an endpoint of operational webhooks, or create it", "EndpointUpdate", "EndpointOut", 200, NULL, 201},
    {PATCH,  OPEP, "v1.operational-webhook.endpoint.patch", "Change an endpoint of operational webhooks", "EndpointPatch", "EndpointOut", 200, NULL, 0},
    {DELETE, OPEP, "v1.operational-webhook.endpoint.delete", "Delete an endpoint of operational webhooks", NULL, NULL, 204, NULL, 0},
    {GET,    OPEP "/headers", "v1.operational-webhook.endpoint.get-headers", "Get its custom headers, sensitive values masked", NULL, "EndpointHeadersOut", 200, NULL, 0},
    {PUT,    OPEP "/headers", "v1.operational-webhook.endpoint.update-headers", "Replace its custom headers", "EndpointHeadersIn", NULL, 204, NULL, 0},
    {GET,    OPEP "/secret", "v1.operational-webhook.endpoint.get-secret", "Reveal its signing secret", NULL, "EndpointSecretOut", 200, NULL, 0},
    {POST,   OPEP "/secret/rotate", "v1.operational-webhook.endpoint.rotate-secret", "Replace its signing secret; the old one stays valid for a while", "EndpointSecretRotateIn", NULL, 204, NULL, 0},

    {GET,    V1 "/record-type", "v1.record-type.list", "List the types of records, built-in ones first", NULL, "RecordTypesOut", 200, NULL, 0},
    {POST,   V1 "/record-type", "v1.record-type.create", "Add a type of records", "RecordTypeIn", "RecordTypeOut", 201, NULL, 0},
    {GET,    V1 "/record-type/{name}", "v1.record-type.get", "Get an added type of records", NULL, "RecordTypeOut", 200, NULL, 0},
    {PUT,    V1 "/record-type/{name}", "v1.record-type.update", "Replace an added type of records", "RecordTypeIn", "RecordTypeOut", 200, NULL, 0},
    {DELETE, V1 "/record-type/{name}", "v1.record-type.delete", "Delete an added type of records that has none", NULL, NULL, 204, NULL, 0},
    {GET,    APP "/record-type", "v1.application.record-type.list", "List the types of records that an application has", NULL, "RecordTypesOut", 200, NULL, 0},
    {GET,    APP "/record/{type}", "v1.record.list", "List records, newest first", NULL, "[RecordOut]", 200, ORDERED " tag where search", 0},
    {POST,   APP "/record/{type}", "v1.record.create", "Create a record; its changes cause the events of its type", "RecordIn", "RecordOut", 201, "upsert", 0},
    {GET,    REC, "v1.record.get", "Get a record by id or key", NULL, "RecordOut", 200, NULL, 0},
    {PUT,    REC, "v1.record.update", "Replace a record, or create it under its key", "RecordIn", "RecordOut", 200, NULL, 0},
    {PATCH,  REC, "v1.record.patch", "Merge data into a record (RFC 7396); tags, when given, replace the ones before", "RecordPatch", "RecordOut", 200, NULL, 0},
    {DELETE, REC, "v1.record.delete", "Delete a record; its history stays", NULL, NULL, 204, NULL, 0},
    {POST,   APP "/record/{type}/import", "v1.record.import", "Import records from a file, CSV with a header or lines of JSON, in the background", "file", "BackgroundTaskOut", 202, "format separator mode map empty import_tag dry_run file", 0},
    {GET,    APP "/record/{type}/import/{import_id}", "v1.record.import.get", "How far an import is, and what went wrong", NULL, "BackgroundTaskOut", 200, NULL, 0},
    {POST,   APP "/record/{type}/import/{import_id}/cancel", "v1.record.import.cancel", "End an import; what was imported stays", NULL, "BackgroundTaskOut", 200, NULL, 0},
    {GET,    REC "/history", "v1.record.history", "What changed in a record, newest first", NULL, "[RecordChangeOut]", 200, PAGE, 0},
    {GET,    REC "/run", "v1.record.run.list", "List the runs of automations that are about a record, newest first", NULL, "[RunOut]", 200, PAGE " run_status", 0},
    {POST,   REC "/tag/{tag}", "v1.record.tag.add", "Add a tag", NULL, "RecordOut", 200, NULL, 0},
    {DELETE, REC "/tag/{tag}", "v1.record.tag.remove", "Remove a tag", NULL, "RecordOut", 200, NULL, 0},

    {GET,    TRIG, "v1.trigger.get", "Get a trigger", NULL, "TriggerOut", 200, NULL, 0},
    {GET,    TRIG "/request", "v1.trigger.list-requests", "List the requests that a trigger received", NULL, "[TriggerRequestOut]", 200, ORDERED " outcome", 0},
    {GET,    TRIG "/request/{request_id}", "v1.trigger.get-request", "Get a request with its whole body", NULL, "TriggerRequestDetailOut", 200, NULL, 0},
    {POST,   TRIG "/rotate", "v1.trigger.rotate", "Give a trigger another URL; the one before stays valid for a while", "TriggerRotateIn", "TriggerOut", 200, NULL, 0},
    {GET,    AUTO "/sample", "v1.automation.list-samples", "List the requests that may be the sample of an automation", NULL, "[TriggerSampleOut]", 200, ORDERED, 0},
    {POST,   AUTO "/sample/{request_id}/use", "v1.automation.use-sample", "Choose the sample of an automation", NULL, "TriggerSampleOut", 200, NULL, 0},
    {GET,    AUTO "/variable", "v1.automation.list-variables", "List the variables of an automation, and how they changed since its sample", NULL, "VariablesOut", 200, NULL, 0},
    {POST,   IN, "v1.incoming.post", "Send a request to a trigger", "any", "IncomingOut", 202, NULL, 200},
    {PUT,    IN, "v1.incoming.put", "Send a request to a trigger", "any", "IncomingOut", 202, NULL, 200},
    {GET,    IN, "v1.incoming.get", "Send a request to a trigger", NULL, "IncomingOut", 202, NULL, 200},
    {GET,    SRC, "v1.ingest.source.list", "List the ingest sources", NULL, "[IngestSourceOut]", 200, ORDERED, 0},
    {POST,   SRC, "v1.ingest.source.create", "Create an ingest source", "IngestSourceIn", "IngestSourceOut", 201, NULL, 0},
    {GET,    SRC1, "v1.ingest.source.get", "Get an ingest source", NULL, "IngestSourceOut", 200, NULL, 0},
    {PUT,    SRC1, "v1.ingest.source.upsert", "Replace an ingest source, or create it", "IngestSourceIn", "IngestSourceOut", 200, NULL, 201},
    {PATCH,  SRC1, "v1.ingest.source.patch", "Change an ingest source", "IngestSourcePatch", "IngestSourceOut", 200, NULL, 0},
    {DELETE, SRC1, "v1.ingest.source.delete", "Delete an ingest source with its endpoints; its URL is unknown from then on", NULL, NULL, 204, NULL, 0},
    {POST,   SRC1 "/token/rotate", "v1.ingest.source.rotate-token", "Give an ingest source another URL; those before stay valid for 48 hours", NULL, "RotateTokenOut", 200, NULL, 0},
    {POST,   SRC1 "/dashboard", "v1.ingest.authentication.consumer-portal-access", "Get a link to the portal of an ingest source", "IngestSourceConsumerPortalAccessIn", "AppPortalAccessOut", 200, NULL, 0},
    {GET,    SRC1 "/log", "v1.ingest.log.list", "List the requests that an ingest source received, and what became of them", NULL, "[IngestLogOut]", 200, ORDERED, 0},
    {GET,    SRCEP, "v1.ingest.endpoint.list", "List the endpoints of an ingest source", NULL, "[EndpointOut]", 200, ORDERED, 0},
    {POST,   SRCEP, "v1.ingest.endpoint.create", "Create an endpoint of an ingest source", "EndpointIn", "EndpointOut", 201, NULL, 0},
    {GET,    SRCE1, "v1.ingest.endpoint.get", "Get an endpoint of an ingest source", NULL, "EndpointOut", 200, NULL, 0},
    {PUT,    SRCE1, "v1.ingest.endpoint.upsert", "Replace an endpoint of an ingest source, or create it", "EndpointUpdate", "EndpointOut", 200, NULL, 201},
    {PATCH,  SRCE1, "v1.ingest.endpoint.patch", "Change an endpoint of an ingest source", "EndpointPatch", "EndpointOut", 200, NULL, 0},
    {DELETE, SRCE1, "v1.ingest.endpoint.delete", "Delete an endpoint of an ingest source", NULL, NULL, 204, NULL, 0},
    {GET,    SRCE1 "/headers", "v1.ingest.endpoint.get-headers", "Get its custom headers, sensitive values masked", NULL, "EndpointHeadersOut", 200, NULL, 0},
    {PUT,    SRCE1 "/headers", "v1.ingest.endpoint.set-headers", "Replace its custom headers", "EndpointHeadersIn", NULL, 204, NULL, 0},
    {GET,    SRCE1 "/secret", "v1.ingest.endpoint.get-secret", "Reveal its signing secret", NULL, "EndpointSecretOut", 200, NULL, 0},
    {POST,   SRCE1 "/secret/rotate", "v1.ingest.endpoint.rotate-secret", "Replace its signing secret; the old one stays valid for a while", "EndpointSecretRotateIn", NULL, 204, NULL, 0},
    {GET,    SRCE1 "/transformation", "v1.ingest.endpoint.transformation.get", "Get its transformation", NULL, "EndpointTransformationOut", 200, NULL, 0},
    {PATCH,  SRCE1 "/transformation", "v1.ingest.endpoint.transformation.patch", "Change its transformation", "EndpointTransformationPatch", NULL, 204, NULL, 0},
    {POST,   SRCIN, "v1.ingest.in.post", "Send a request to an ingest source", "any", "IngestedOut", 202, NULL, 200},
    {PUT,    SRCIN, "v1.ingest.in.put", "Send a request to an ingest source", "any", "IngestedOut", 202, NULL, 200},
    {GET,    SRCIN, "v1.ingest.in.get", "Send a request to an ingest source", NULL, "IngestedOut", 202, NULL, 200},
    {POST,   SRCIN "/{rest}", "v1.ingest.in.post-path", "The same; what stands behind the token goes along in a header", "any", "IngestedOut", 202, NULL, 200},
    {PUT,    SRCIN "/{rest}", "v1.ingest.in.put-path", "The same; what stands behind the token goes along in a header", "any", "IngestedOut", 202, NULL, 200},
    {GET,    SRCIN "/{rest}", "v1.ingest.in.get-path", "The same; what stands behind the token goes along in a header", NULL, "IngestedOut", 202, NULL, 200},
    {POST,   APP "/inbound/rotate-url", "v1.inbound.rotate-url", "Give the application a new inbound URL; one before is unknown from then on", NULL, "RotatedUrlOut", 200, NULL, 0},
    {POST,   INMSG, "v1.inbound.msg", "Send a message to the application by its inbound URL", "any", "MessageOut", 202, "event_type", 200},
    {PUT,    INMSG, "v1.inbound.msg.put", "Send a message to the application by its inbound URL", "any", "MessageOut", 202, "event_type", 200},

    {GET,    APP "/settings", "v1.application.get-settings", "Get the settings of an application", NULL, "ApplicationSettings", 200, NULL, 0},
    {PATCH,  APP "/settings", "v1.application.patch-settings", "Change the settings of an application", "ApplicationSettings", "ApplicationSettings", 200, NULL, 0},
    {GET,    V1 "/settings/egress", "v1.settings.egress", "Where deliveries come from", NULL, "EgressOut", 200, NULL, 0},
    {GET,    KEY, "v1.api-key.list", "List the API keys", NULL, "[ApiKeyOut]", 200, PAGE, 0},
    {POST,   KEY, "v1.api-key.create", "Create an API key, which only this answer shows", "ApiKeyIn", "ApiKeyCreatedOut", 201, NULL, 0},
    {DELETE, KEY "/{key_id}", "v1.api-key.revoke", "Revoke an API key", NULL, NULL, 204, NULL, 0},
    {GET,    V1 "/auth/whoami", "v1.authentication.whoami", "Who the token stands for", NULL, "WhoamiOut", 200, NULL, 0},
    {POST,   V1 "/auth/app-portal-access/{app_id}", "v1.authentication.app-portal-access", "Give access to the portal of an application", "AppPortalAccessIn", "AppPortalAccessOut", 200, NULL, 0},
    {POST,   V1 "/auth/dashboard-access/{app_id}", "v1.authentication.dashboard-access", "The former name of app-portal-access", "AppPortalAccessIn", "AppPortalAccessOut", 200, NULL, 0},
    {POST,   V1 "/auth/app/{app_id}/expire-all", "v1.authentication.expire-all", "End all access to the portal of an application", "ApplicationTokenExpireIn", NULL, 204, NULL, 0},
    {POST,   V1 "/auth/logout", "v1.authentication.logout", "End the portal token that asks", NULL, NULL, 204, NULL, 0},
    {POST,   V1 "/auth/one-time-token", "v1.authentication.exchange-one-time-token", "Exchange the key of a portal link for a token, once", "OneTimeTokenIn", "OneTimeTokenOut", 200, NULL, 0},

    {POST,   V1 "/event-type/import/openapi", "v1.event-type.import-openapi", "Make event types of the webhooks of an OpenAPI document", "EventTypeImportOpenApiIn", "EventTypeImportOpenApiOut", 200, NULL, 0},
    {POST,   V1 "/event-type/export/openapi", "v1.event-type.export-openapi", "Get the event types as an OpenAPI document: in the data of the task that this starts", NULL, "BackgroundTaskOut", 202, NULL, 0},
    {GET,    TYPE "/retry-schedule", "v1.event-type.get-retry-schedule", "Get the retry schedule of an event type; null: it has none of its own", NULL, "RetryScheduleInOut", 200, NULL, 0},
    {PUT,    TYPE "/retry-schedule", "v1.event-type.set-retry-schedule", "Give an event type a retry schedule, or take it away with null", "RetryScheduleInOut", "RetryScheduleInOut", 200, NULL, 0},
    {GET,    V1 "/environment/settings", "v1.environment.get-settings", "What the portal shows", NULL, "EnvironmentSettingsOut", 200, NULL, 0},
    {POST,   V1 "/environment/export", "v1.environment.export", "Get event types, settings and connectors of this environment", NULL, "EnvironmentOut", 200, NULL, 0},
    {POST,   V1 "/environment/import", "v1.environment.import", "Take over event types, settings and connectors, all or nothing", "EnvironmentIn", NULL, 204, NULL, 0},
    {GET,    MENV "-settings", "v1.management.environment-settings.get", "Get the settings of this environment", NULL, "SettingsInternalOut", 200, NULL, 0},
    {PUT,    MENV "-settings", "v1.management.environment-settings.update", "Replace the settings of this environment", "SettingsInternalIn", "SettingsInternalOut", 200, NULL, 0},
    {PATCH,  MENV "-settings", "v1.management.environment-settings.patch", "Change settings of this environment", "SettingsInternalPatch", "SettingsInternalOut", 200, NULL, 0},
    {GET,    MENV, "v1.management.environment.list", "List this environment and those that it has made", NULL, "[EnvironmentModelOut]", 200, ORDERED, 0},
    {POST,   MENV, "v1.management.environment.create", "Make an environment that this one owns", "EnvironmentModelIn", "EnvironmentModelOut", 201, NULL, 0},
    {GET,    MENV "/{env_id}", "v1.management.environment.get", "Get an environment", NULL, "EnvironmentModelOut", 200, NULL, 0},
    {PUT,    MENV "/{env_id}", "v1.management.environment.update", "Name an environment", "EnvironmentModelUpdate", "EnvironmentModelOut", 200, NULL, 0},
    {DELETE, MENV "/{env_id}", "v1.management.environment.delete", "Delete an environment with all that is in it", NULL, NULL, 204, NULL, 0},
    {GET,    MTOK, "v1.management.authentication.list-api-tokens", "List the API tokens of an environment", NULL, "[ApiTokenCensoredOut]", 200, ORDERED, 0},
    {POST,   MTOK, "v1.management.authentication.create-api-token", "Make an API token, which only this answer shows", "ApiTokenIn", "ApiTokenOut", 200, NULL, 0},
    {GET,    MTOK "/{key_id}", "v1.management.authentication.get-api-token", "Get an API token, without its text", NULL, "ApiTokenCensoredOut", 200, NULL, 0},
    {PUT,    MTOK "/{key_id}", "v1.management.authentication.update-api-token", "Name an API token", "ApiTokenUpdate", "ApiTokenCensoredOut", 200, NULL, 0},
    {PATCH,  MTOK "/{key_id}", "v1.management.authentication.patch-api-token", "Change name and scopes of an API token", "ApiTokenPatch", "ApiTokenCensoredOut", 200, NULL, 0},
    {POST,   MTOK "/{key_id}/expire", "v1.management.authentication.expire-api-token", "End an API token, now or in some seconds", "ApiTokenExpireIn", NULL, 204, NULL, 0},
    {GET,    AUTOS, "v1.automation.list", "List automations", NULL, "[AutomationOut]", 200, ORDERED " with_runs", 0},
    {POST,    AUTOS, "v1.automation.create", "Create an automation, as a draft", "AutomationIn", "AutomationOut", 201, NULL, 0},
    {GET,    AUTO, "v1.automation.get", "Get an automation with its newest version", NULL, "AutomationOut", 200, NULL, 0},
    {PUT,    AUTO, "v1.automation.update", "Replace an automation; what is published stays in force until the change is published", "AutomationIn", "AutomationOut", 200, NULL, 0},
    {DELETE, AUTO, "v1.automation.delete", "Delete an automation; runs under way go on", NULL, NULL, 204, NULL, 0},
    {POST,   AUTO "/publish", "v1.automation.publish", "Put the newest version in force; runs under way keep theirs", NULL, "AutomationOut", 200, NULL, 0},
    {POST,   AUTO "/pause", "v1.automation.pause", "Let nothing start it; runs under way go on", NULL, "AutomationOut", 200, NULL, 0},
    {POST,   AUTO "/resume", "v1.automation.resume", "Let it start again", NULL, "AutomationOut", 200, NULL, 0},
    {GET,    AUTO "/version", "v1.automation.versions", "List its versions, newest first", NULL, "AutomationVersionsOut", 200, NULL, 0},
    {POST,   AUTO "/test", "v1.automation.test", "Try the newest version, or other steps, with a sample: what each step would do; nothing is done", "AutomationTestIn", "AutomationTestOut", 200, NULL, 0},
    {POST,   AUTO "/preview", "v1.automation.preview", "What texts with expressions become, behind some steps, with a sample", "AutomationPreviewIn", "AutomationPreviewOut", 200, NULL, 0},
    {GET,    AUTO "/run", "v1.automation.run.list", "List its runs, newest first", NULL, "[RunOut]", 200, PAGE " run_status", 0},
    {GET,    AUTO "/run/{run_id}", "v1.automation.run.get", "Get a run with its steps", NULL, "RunDetailOut", 200, NULL, 0},
    {POST,   AUTO "/run/{run_id}/cancel", "v1.automation.run.cancel", "Cancel a run", NULL, NULL, 204, NULL, 0},
    {POST,   AUTO "/run/{run_id}/retry", "v1.automation.run.retry", "Go on with a failed run from the step that failed", NULL, NULL, 204, NULL, 0},

    {GET,    INTG, "v1.integration.list", "List the integrations of an application", NULL, "[IntegrationOut]", 200, ORDERED, 0},
    {POST,   INTG, "v1.integration.create", "Create an integration; it gets its key by rotating it", "IntegrationIn", "IntegrationOut", 201, NULL, 0},
    {GET,    INTG "/{integ_id}", "v1.integration.get", "Get an integration", NULL, "IntegrationOut", 200, NULL, 0},
    {PUT,    INTG "/{integ_id}", "v1.integration.update", "Replace an integration; its key stays", "IntegrationIn", "IntegrationOut", 200, NULL, 0},
    {DELETE, INTG "/{integ_id}", "v1.integration.delete", "Delete an integration and end its key", NULL, NULL, 204, NULL, 0},
    {GET,    INTG "/{integ_id}/key", "v1.integration.get-key", "The key is not shown again; 404 while there is none", NULL, "Error", 410, NULL, 0},
    {POST,   INTG "/{integ_id}/key/rotate", "v1.integration.rotate-key", "Make a key, which only this answer shows; the one before ends", NULL, "IntegrationKeyOut", 200, NULL, 0},
    {GET,    CON "/system", "v1.console.system", "How the server is doing", NULL, "ConsoleSystemOut", 200, NULL, 0},
    {GET,    POLL, "v1.message.poller.poll", "Read the messages of a polling endpoint behind an iterator", NULL, "PollingEndpointOut", 200, "limit iterator event_type channel after", 0},
    {GET,    POLL CONS, "v1.message.poller.consumer-poll", "Read the next messages of a consumer", NULL, "PollingEndpointOut", 200, "limit iterator", 0},
    {POST,   POLL CONS "/seek", "v1.message.poller.consumer-seek", "Let a consumer go on behind a time", "PollingEndpointConsumerSeekIn", "PollingEndpointConsumerSeekOut", 200, NULL, 0},
    {GET,    APP "/polling-endpoint/{sink_id}" CONS, "v1.message.pollerv2.consumer-poll", "Lease the next messages to a consumer, until their offset is committed or the lease is over", NULL, "PollerV2PollOut", 200, "limit lease_duration_ms starting_position", 0},
    {POST,   APP "/polling-endpoint/{sink_id}" CONS "/commit", "v1.message.pollerv2.consumer-commit", "Commit the messages of a consumer up to an offset", "PollerV2CommitIn", NULL, 204, NULL, 0},
    {GET,    PTOK, "v1.authentication.get-poller-token", "Get the token of a polling endpoint, of its text only the beginning", NULL, "ApiTokenOut", 200, NULL, 0},
    {POST,   PTOK "/rotate", "v1.authentication.rotate-poller-token", "Make a token that may poll this endpoint and nothing else; only this answer shows it", "RotatePollerTokenIn", "ApiTokenOut", 201, NULL, 0},
    {GET,    APP "/events", "v1.message.events", "Read all messages of an application in order", NULL, "MessageEventsOut", 200, "limit iterator event_types channels after", 0},
    {GET,    V1 "/events", "v1.events.stream", "Read the operational events of the environment in order", NULL, "MessageEventsOut", 200, "limit iterator event_types channels after", 0},
    {GET,    V1 "/audit-log", "v1.audit-log.list", "Who did what, newest first; each entry has the hash of the one before", NULL, "[AuditEntryOut]", 200, PAGE, 0},
    {GET,    APP "/live", "v1.live.application", "What happens in an application, as server-sent events: message, attempt, endpoint, request, run, lagged", NULL, NULL, 200, NULL, 0},
    {GET,    V1 "/live", "v1.live.environment", "What happens in the environment, as server-sent events", NULL, NULL, 200, NULL, 0},
    {POST,   SES, "v1.console.session.create", "Sign in to the console; a cookie holds the session", "ConsoleSignInIn", "ConsoleSessionOut", 200, NULL, 0},
    {POST,   SES "/portal", "v1.console.session.portal", "Exchange the key of a portal link for a session, once", "ConsolePortalIn", "ConsoleSessionOut", 200, NULL, 0},
    {GET,    SES, "v1.console.session.get", "The session of the cookie", NULL, "ConsoleSessionOut", 200, NULL, 0},
    {DELETE, SES, "v1.console.session.delete", "Sign out", NULL, NULL, 204, NULL, 0},
    {POST,   SES "/confirm", "v1.console.session.confirm", "Enter the password once more: secrets are shown for 15 minutes", "ConsoleSessionConfirmIn", NULL, 204, NULL, 0},
    {GET,    SES "/list", "v1.console.session.list", "One's own sessions, newest first", NULL, "ConsoleSessionsOut", 200, NULL, 0},
    {DELETE, SES "/{session_id}", "v1.console.session.end", "End one of one's own sessions", NULL, NULL, 204, NULL, 0},
    {POST,   CON "/password/forgot", "v1.console.password.forgot", "Ask for a link that sets a new password; the answer is always the same", "ConsoleForgotIn", "EmptyOut", 202, NULL, 0},
    {PUT,    CON "/password", "v1.console.password.update", "Change one's own password; other sessions end", "ConsolePasswordIn", NULL, 204, NULL, 0},
    {POST,   CON "/totp", "v1.console.totp.create", "Make a secret for an authenticator; nothing asks for codes yet", NULL, "ConsoleTotpOut", 200, NULL, 0},
    {PUT,    CON "/totp", "v1.console.totp.update", "Turn on codes at signing in, with the first one", "ConsoleCodeIn", NULL, 204, NULL, 0},
    {DELETE, CON "/totp", "v1.console.totp.delete", "Turn off codes", "ConsoleConfirmIn", NULL, 204, NULL, 0},
    {GET,    CON "/member", "v1.console.member.list", "List the members of the environment and of its applications", NULL, "[ConsoleMemberOut]", 200, ORDERED, 0},
    {POST,   CON "/member", "v1.console.member.create", "Invite somebody; the link is for them alone", "ConsoleMemberIn", "ConsoleInvitationOut", 201, NULL, 0},
    {PUT,    CON "/member/{member_id}", "v1.console.member.update", "Change the role of a member", "ConsoleMemberUpdate", "ConsoleMemberOut", 200, NULL, 0},
    {DELETE, CON "/member/{member_id}", "v1.console.member.delete", "End a membership", NULL, NULL, 204, NULL, 0},
    {GET,    CON "/user", "v1.console.user.list", "List the users of all environments (the operator only)", NULL, "[ConsoleUserOut]", 200, PAGE, 0},
    {POST,   CON "/user", "v1.console.user.create", "Make a user, with a password or a link (the operator only)", "ConsoleUserIn", "ConsoleUserCreatedOut", 201, NULL, 0},
    {DELETE, CON "/user/{email}", "v1.console.user.delete", "Delete a user (the operator only)", NULL, NULL, 204, NULL, 0},
    {POST,   CON "/user/{email}/link", "v1.console.user.link", "Make a link that sets a new password (the operator only)", "ConsoleUserLinkIn", "ConsoleUserLinkOut", 200, NULL, 0},
    {POST,   CON "/user/{email}/disable", "v1.console.user.disable", "Keep a user out, and end their sessions (the operator only)", NULL, "ConsoleUserOut", 200, NULL, 0},
    {POST,   CON "/user/{email}/enable", "v1.console.user.enable", "Let a user in again (the operator only)", NULL, "ConsoleUserOut", 200, NULL, 0},
    {GET,    CON "/link/{token}", "v1.console.link.get", "What a one-time link is for", NULL, "ConsoleLinkOut", 200, NULL, 0},
    {POST,   CON "/link/{token}", "v1.console.link.use", "Use a one-time link: choose a password, or agree to an invitation", "ConsoleLinkIn", "ConsoleSessionOut", 200, NULL, 0},

    {GET,    V1 "/health", "v1.health.get", "Whether it is well", NULL, "HealthOut", 200, NULL, 0},
    {GET,    V1 "/health/ping", "v1.health.ping", "Whether it answers", NULL, NULL, 204, NULL, 0},
    {GET,    "/health", "health.get", "Whether it is well", NULL, "HealthOut", 200, NULL, 0},
    {GET,    "/health/ping", "health.ping", "Whether it answers", NULL, NULL, 204, NULL, 0},
    {GET,    V1 "/openapi.json", "v1.openapi.get", "This description", NULL, "any", 200, NULL, 0},
    {GET,    "/openapi.json", "openapi.get", "This description", NULL, "any", 200, NULL, 0},
    {GET,    "/docs", "docs.get", "This description as a page", NULL, NULL, 200, NULL, 0},
};
/* clang-format on */
const size_t api_description_count = ARRAY_LEN(api_descriptions);

const struct query_parameter query_parameters[] = {
        {"limit", "int", "How many at most: 1 to 250, else 50"},
        {"iterator", "string", "Where the page begins: of the page before; with a leading - it goes back"},
        {"order", "string", "ascending or descending"},
        {"get_if_exists", "bool", "Get what has this uid instead of refusing"},
        {"upsert", "bool", "Change what has this key instead of refusing"},
        {"include_archived", "bool", "Archived ones too"},
        {"exclude_apps_with_no_endpoints", "bool", "Without those that have no endpoints"},
        {"exclude_apps_with_disabled_endpoints", "bool", "Without those whose endpoints are all disabled"},
        {"exclude_apps_with_svix_play_endpoints", "bool", "Without those whose endpoints are all at Svix Play"},
        {"with_content", "bool", "With payloads, or schemas, or answers"},
        {"with_runs", "bool", "With how many runs there are, and the last one"},
        {"expunge", "bool", "Remove it instead of archiving it"},
        {"since", "time", "From this time on"},
        {"until", "time", "Up to this time"},
        {"bucket", "string", "5m, 1h or 1d; else what suits the time asked for"},
        {"startDate", "time", "From this time on"},
        {"endDate", "time", "Up to this time"},
        {"period", "string", "FiveMinutes, OneHour (unless it says) or OneDay"},
        {"exclude_svix_play", "bool", "Without endpoints at Svix Play; true unless it says false"},
        {"exclude_disabled", "bool", "Without disabled endpoints; true unless it says false"},
        {"channel", "string", "Only of this channel"},
        {"tag", "string", "Only with this tag"},
        {"event_types", "[string]", "Only of these types"},
        {"event_type", "string", "The message's event type, else svix.in"},
        {"event_type", "string", "Only of this type"},
        {"channels", "[string]", "Only of one of these channels"},
        {"lease_duration_ms", "int", "How long nobody else gets these messages: 0 to 43200000, else 30000"},
        {"starting_position", "string", "Where a new consumer begins: earliest (unless it says) or latest"},
        {"before", "time", "Older than this"},
        {"after", "time", "Newer than this"},
        {"status", "int", "0 success, 1 pending, 2 fail, 4 canceled"},
        {"outcome", "[string]", "Only those that were accepted, captured, duplicate or refused"},
        {"task", "string", "Only of this kind"},
        {"app_id", "string", "Only of this application"},
        {"where", "[string]", "field:value: only with this value; dots go into fields; may be repeated"},
        {"search", "string", "Only with this text in the key, a tag, or a value"},
        {"format", "string", "csv or jsonl; else what the content type says, or how the file begins"},
        {"separator", "string", "comma, semicolon, tab or pipe; else what the first line is full of"},
        {"mode", "string", "upsert (unless it says), create: records that are there stay, or update: none are created"},
        {"map", "[string]",
         "Where a column goes, column:field or column:field:kind; kinds: text, number, boolean, json, tags; no field: "
         "it is left out"},
        {"empty", "string", "Empty cells: keep (unless it says) or clear the field"},
        {"dry_run", "bool", "Only count what would be done, and what is wrong"},
        {"file", "string", "The name of the file, to be shown"},
        {"failing", "bool", "Only those whose last attempt failed, given up or to be tried again"},
        {"status_code_class", "int", "0 no answer, 100, 200, 300, 400 or 500"},
        {"expanded_statuses", "bool", "Canceled ones with their own status"},
        {"messages_from", "int", "Where the messages of a broadcast go on: messagesNext of the answer before"},
        {"with_msg", "bool", "With its message"},
        {"endpoint_id", "string", "Only to this endpoint"},
};
const size_t query_parameter_count = ARRAY_LEN(query_parameters);

const struct description *description_of(const struct route *r)
{
    for (size_t i = 0; i < api_description_count; i++) {
        const struct description *d = &api_descriptions[i];
        if (d->method == r->method && strcmp(d->pattern, r->pattern) == 0)
            return d;
    }
    return NULL;
}

struct str description_group(const struct description *d)
{
    struct str rest = str_c(d->id);
    if (str_starts(rest, STR("v1.")))
        rest = str_skip(rest, 3);
    return str_split(&rest, '.');
}

const struct query_parameter *query_parameter_next(struct str *rest)
{
    /* Names that mean several things: tasks and runs have other states than deliveries, imports give tags. */
    static const struct query_parameter task_status = {"status", "string",
                                                       "Only those that are running, finished or failed"};
    static const struct query_parameter run_status = {
            "status", "[string]", "Only those that are running, waiting, done, failed or cancelled"};
    static const struct query_parameter import_tag = {"tag", "[string]", "Added to every record"};
    struct str name = str_split(rest, ' ');
    if (str_eq(name, STR("task_status")))
        return &task_status;
    if (str_eq(name, STR("run_status")))
        return &run_status;
    if (str_eq(name, STR("import_tag")))
        return &import_tag;
    for (size_t i = 0; i < query_parameter_count && name.len > 0; i++) {
        if (str_eq(name, str_c(query_parameters[i].name)))
            return &query_parameters[i];
    }
    CHECK(name.len == 0);
    return NULL;
}
