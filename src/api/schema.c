/* SPDX-License-Identifier: Apache-2.0 */
#include "api/describe.h"

#include "api/console.h"
#include "api/environment.h"
#include "api/portal.h"
#include "api/record.h"
#include "incoming/source.h"
#include "model/config.h"
#include "model/event_type.h"

#define MESSAGE_OUT                                                                                                    \
    "id:string eventId:string? eventUuid:string eventType:string payload:object channels:[string]? tags:[string]? "    \
    "actor:Actor? timestamp:time occurredAt:time deliverAt:time?"
#define DELIVERY_OUT                                                                                                   \
    "status:int statusText:string statusReason:string? lastAttemptFailed:bool attempted:bool nextAttempt:time?"
#define ENDPOINT_EXTRA                                                                                                 \
    "id:string effectiveRetrySchedule:[number] effectiveTimeoutMs:int effectiveProfile:string state:EndpointState "    \
    "createdAt:time updatedAt:time"
#define REQUEST_OUT                                                                                                    \
    "id:string receivedAt:time outcome:string status:int reason:string? runId:string? method:string headers:object "   \
    "query:object contentType:string? address:string? size:int body:any? bodyTruncated:bool selected:bool"
#define AUTOMATION_TRY_IN "trigger:object sample:string steps:[object] target:object"
#define RUN_OUT                                                                                                        \
    "id:string automationId:string automationName:string? status:string version:int step:string? stepType:string? "    \
    "waitingFor:RunWait? request:string? parent:string? target:string? record:RunRecord? error:string? "               \
    "startedAt:time endedAt:time? dueAt:time?"
#define KEY_OUT                                                                                                        \
    "id:string name:string role:string appId:string? scopes:[string]? censoredToken:string createdAt:time "            \
    "expiresAt:time? lastUsedAt:time?"
#define PROFILE_ROW                                                                                                    \
    "description:string- body:object- headers:strings- signedString:string- signatureSeparator:string- "               \
    "signatureFormat:string- algorithm:string- encoding:string- secret:object- keys:[object]- newSecret:string- "      \
    "retrySchedule:[number]- timeoutMs:int- disableOn410:bool- eventTypes:[object]- verify:object-"

#define CHANGED_TYPE .fields = event_type_fields + 1, .field_count = &event_type_change_field_count
#define TABLE(name)  .fields = name##_fields, .field_count = &name##_field_count

const struct schema api_schemas[] = {
        {.name = "Error", .use = SCHEMA_OUT, .more = "code:string detail:string"},
        {.name = "ValidationError", .use = SCHEMA_OUT, .more = "detail:[Problem]"},
        {.name = "Problem", .use = SCHEMA_OUT, .more = "loc:[string] msg:string type:string"},

        {.name = "ApplicationIn", .use = SCHEMA_IN, TABLE(app)},
        {.name = "ApplicationPatch", .use = SCHEMA_PATCH, TABLE(app)},
        {.name = "ApplicationOut", .use = SCHEMA_OUT, TABLE(app), .more = "id:string createdAt:time updatedAt:time"},

        {.name = "EventTypeIn", .use = SCHEMA_IN, TABLE(event_type)},
        {.name = "EventTypeUpdate", .use = SCHEMA_IN, CHANGED_TYPE},
        {.name = "EventTypePatch", .use = SCHEMA_PATCH, CHANGED_TYPE},
        {.name = "EventTypeOut",
         .use = SCHEMA_OUT,
         TABLE(event_type),
         .more = "profile:string? createdAt:time updatedAt:time"},

        {.name = "EndpointIn", .use = SCHEMA_IN, TABLE(endpoint), .more = "secret:string"},
        {.name = "EndpointUpdate", .use = SCHEMA_IN, TABLE(endpoint)},
        {.name = "EndpointPatch", .use = SCHEMA_PATCH, TABLE(endpoint)},
        {.name = "EndpointOut", .use = SCHEMA_OUT, TABLE(endpoint), .more = ENDPOINT_EXTRA},
        {.name = "EndpointState",
         .use = SCHEMA_OUT,
         .more = "status:string reason:string? since:time? nextAttempt:time?"},
        {.name = "EndpointRateStatusOut", .use = SCHEMA_OUT, .more = "status:string throttledSince:time?"},
        {.name = "EndpointHeadersIn", .use = SCHEMA_IN, .more = "headers:strings!"},
        {.name = "EndpointHeadersPatchIn", .use = SCHEMA_IN, .more = "headers:strings! deleteHeaders:[string]"},
        {.name = "EndpointHeadersOut", .use = SCHEMA_OUT, .more = "headers:strings sensitive:[string]"},
        {.name = "EndpointSecretOut", .use = SCHEMA_OUT, .more = "key:string"},
        {.name = "EndpointSecretRotateIn", .use = SCHEMA_IN, .more = "key:string gracePeriodSeconds:int"},
        {.name = "EndpointServerCaIn", .use = SCHEMA_IN, .more = "cert:string"},
        {.name = "EndpointServerCaOut", .use = SCHEMA_OUT, .more = "cert:string?"},
        {.name = "EndpointTransformationPatch",
         .use = SCHEMA_PATCH,
         .more = "code:string enabled:bool variables:strings"},
        {.name = "EndpointTransformationOut",
         .use = SCHEMA_OUT,
         .more = "code:string? enabled:bool variables:strings? updatedAt:time?"},
        {.name = "TransformationSimulateIn",
         .use = SCHEMA_IN,
         .more = "code:string! eventType:string! channels:[string] payload:object! variables:strings"},
        {.name = "TransformationSimulateOut",
         .use = SCHEMA_OUT,
         .more = "url:string payload:string method:string cancel:bool headers:strings logs:[string]"},
        {.name = "EndpointMtlsConfigIn", .use = SCHEMA_IN, .more = "identity:string!"},
        {.name = "EndpointMtlsConfigOut",
         .use = SCHEMA_OUT,
         .more = "certificate:string subject:string expiresAt:time"},
        {.name = "EndpointMtlsOut", .use = SCHEMA_OUT, .more = "enabled:bool config:EndpointMtlsConfigOut?"},
        {.name = "EndpointOauthConfigIn", .use = SCHEMA_IN, TABLE(oauth)},
        {.name = "EndpointOauthConfigOut", .use = SCHEMA_OUT, TABLE(oauth)},
        {.name = "EndpointOauthOut", .use = SCHEMA_OUT, .more = "enabled:bool config:EndpointOauthConfigOut?"},
        {.name = "EndpointStats",
         .use = SCHEMA_OUT,
         .more = "success:int pending:int sending:int fail:int canceled:int"},
        {.name = "BulkReplayIn",
         .use = SCHEMA_IN,
         .more = "since:time! until:time eventTypes:[string] channel:string tag:string status:int statusCodeClass:int"},
        {.name = "ReplayIn", .use = SCHEMA_IN, .more = "since:time! until:time"},
        {.name = "CancelMsgsIn", .use = SCHEMA_IN, .more = "createdBefore:time!"},
        {.name = "BulkExpungeContentsIn", .use = SCHEMA_IN, .more = "ids:[string]"},
        {.name = "BulkExpungeContentsOut", .use = SCHEMA_OUT, .more = "results:strings"},
        {.name = "AppUsageStatsIn", .use = SCHEMA_IN, .more = "since:time! until:time! appIds:[string]"},
        {.name = "AppUsageStatsOut",
         .use = SCHEMA_OUT,
         .more = "id:string status:string task:string unresolvedAppIds:[string]- updatedAt:time"},
        {.name = "AggregateEventTypesOut",
         .use = SCHEMA_OUT,
         .more = "id:string status:string task:string updatedAt:time"},
        {.name = "ActiveAppCount", .use = SCHEMA_OUT, .more = "count:int"},
        {.name = "EndpointCountOut", .use = SCHEMA_OUT, .more = "active:int disabled:int"},
        {.name = "CountOut", .use = SCHEMA_OUT, .more = "count:int approximated:bool"},
        {.name = "AppAttemptStatsOut",
         .use = SCHEMA_OUT,
         .more = "by_event_type:object total_success:int total_failure:int total_canceled:int since:time until:time"},
        {.name = "AttemptStatisticsResponse",
         .use = SCHEMA_OUT,
         .more = "startDate:time endDate:time period:string data:AttemptStatisticsData"},
        {.name = "AttemptStatisticsData",
         .use = SCHEMA_OUT,
         .more = "successCount:[int] failureCount:[int] canceledCount:[int]"},
        {.name = "TimelineOut",
         .use = SCHEMA_OUT,
         .more = "endpointId:string? since:time until:time bucket:string data:[TimelinePoint]"},
        {.name = "TimelinePoint", .use = SCHEMA_OUT, .more = "at:time success:int fail:int meanMs:int? longestMs:int?"},
        {.name = "MessageSearchIn",
         .use = SCHEMA_IN,
         .more = "limit:int iterator:string channel:string tag:string event_types:[string] before:time after:time "
                 "with_content:bool"},
        {.name = "MessagePrecheckIn", .use = SCHEMA_IN, .more = "eventType:string! channels:[string]"},
        {.name = "MessagePrecheckOut", .use = SCHEMA_OUT, .more = "active:bool"},
        {.name = "RecoverIn", .use = SCHEMA_IN, .more = "since:time! until:time"},
        {.name = "EventExampleIn", .use = SCHEMA_IN, .more = "eventType:string! exampleIndex:int"},
        {.name = "EmptyOut", .use = SCHEMA_OUT, .more = ""},

        {.name = "Actor", .use = SCHEMA_OUT, .more = "type:string id:string?- name:string?-"},
        {.name = "MessageIn",
         .use = SCHEMA_IN,
         .more = "eventType:string! payload:object! eventId:string channels:[string] tags:[string] actor:Actor "
                 "occurredAt:time deliverAt:time payloadRetentionPeriod:int payloadRetentionHours:int "
                 "transformationsParams:object application:ApplicationIn"},
        {.name = "MessageBroadcastIn",
         .use = SCHEMA_IN,
         .more = "eventType:string! payload:object! eventId:string channels:[string] tags:[string] actor:Actor "
                 "occurredAt:time deliverAt:time payloadRetentionPeriod:int payloadRetentionHours:int "
                 "transformationsParams:object"},
        {.name = "MessageOut", .use = SCHEMA_OUT, .more = MESSAGE_OUT},
        {.name = "SentBodyOut", .use = SCHEMA_OUT, .more = "body:string"},
        {.name = "MessageRawOut", .use = SCHEMA_OUT, .more = "payload:string"},
        {.name = "EndpointMessageOut", .use = SCHEMA_OUT, .more = MESSAGE_OUT " " DELIVERY_OUT},
        {.name = "MessageEndpointOut",
         .use = SCHEMA_OUT,
         TABLE(endpoint),
         .more = "id:string createdAt:time updatedAt:time " DELIVERY_OUT},
        {.name = "MessageAttemptOut",
         .use = SCHEMA_OUT,
         .more = "id:string msgId:string endpointId:string url:string response:string responseEncoding:string "
                 "responseTruncated:bool responseStatusCode:int responseDurationMs:int status:int statusText:string "
                 "triggerType:int timestamp:time trigger:string attempt:int eventType:string? cause:string? "
                 "error:string? "
                 "peer:string? nextAttempt:time? phases:AttemptPhases requestHeaders:[[string]]- "
                 "responseHeaders:[[string]]- msg:MessageOut?"},
        {.name = "AttemptPhases",
         .use = SCHEMA_OUT,
         .more = "dnsUs:int connectUs:int tlsUs:int sentUs:int firstByteUs:int totalUs:int"},
        {.name = "MessageAttemptHeadersOut",
         .use = SCHEMA_OUT,
         .more = "sentHeaders:strings responseHeaders:[[string]] sensitive:[string]"},
        {.name = "BackgroundTaskOut",
         .use = SCHEMA_OUT,
         .more = "id:string status:string task:string data:object updatedAt:time"},

        {.name = "ProfileIn", .use = SCHEMA_IN, .more = "name:string! " PROFILE_ROW},
        {.name = "ProfileOut",
         .use = SCHEMA_OUT,
         .more = "name:string " PROFILE_ROW " version:string builtin:bool createdAt:time updatedAt:time"},
        {.name = "ProfilePreviewIn",
         .use = SCHEMA_IN,
         .more = "eventType:string! payload:object! eventId:string channels:[string] tags:[string] actor:Actor "
                 "occurredAt:time transformationsParams:object url:string attempt:int timestamp:time secret:string"},
        {.name = "ProfilePreviewOut",
         .use = SCHEMA_OUT,
         .more = "method:string url:string headers:strings body:string secret:string"},
        {.name = "FilterTestIn", .use = SCHEMA_IN, .more = "filter:object! payload:object!"},
        {.name = "FilterTestOut", .use = SCHEMA_OUT, .more = "matches:bool"},
        {.name = "ProvidersOut", .use = SCHEMA_OUT, .more = "data:[ProviderOut]"},
        {.name = "ProviderOut",
         .use = SCHEMA_OUT,
         .more = "name:string title:string secret:string header:string dedupe:string?"},
        {.name = "EgressOut", .use = SCHEMA_OUT, .more = "addresses:[string] proxy:string?"},

        {.name = "ApiKeyIn", .use = SCHEMA_IN, TABLE(api_key)},
        {.name = "ApiKeyOut", .use = SCHEMA_OUT, .more = KEY_OUT},
        {.name = "ApiKeyCreatedOut", .use = SCHEMA_OUT, .more = KEY_OUT " token:string"},
        {.name = "ApiTokenIn", .use = SCHEMA_IN, TABLE(api_token)},
        {.name = "ApiTokenPatch", .use = SCHEMA_PATCH, TABLE(api_token)},
        {.name = "ApiTokenUpdate",
         .use = SCHEMA_IN,
         .fields = api_token_fields,
         .field_count = &api_token_update_field_count},
        {.name = "ApiTokenExpireIn", .use = SCHEMA_IN, TABLE(api_token_expire)},
        {.name = "ApiTokenCensoredOut", .use = SCHEMA_OUT, .more = KEY_OUT},
        {.name = "ApiTokenOut", .use = SCHEMA_OUT, .more = KEY_OUT " token:string"},
        {.name = "EnvironmentModelIn", .use = SCHEMA_IN, TABLE(environment)},
        {.name = "EnvironmentModelUpdate",
         .use = SCHEMA_IN,
         .fields = environment_fields,
         .field_count = &environment_change_field_count},
        {.name = "EnvironmentModelOut",
         .use = SCHEMA_OUT,
         .more = "id:string name:string type:string region:string owner:string? createdAt:time updatedAt:time"},
        {.name = "SettingsInternalIn", .use = SCHEMA_IN, TABLE(env_settings)},
        {.name = "SettingsInternalPatch", .use = SCHEMA_PATCH, TABLE(env_settings)},
        {.name = "SettingsInternalOut",
         .use = SCHEMA_OUT,
         TABLE(env_settings),
         .more = "advancedEndpointTypes:[string] applicationAlertEvents:[string] showSvixBrandFooter:bool "
                 "whitelabelLogo:string?"},
        {.name = "EnvironmentSettingsOut",
         .use = SCHEMA_OUT,
         .more = "customColor:string? customLogoUrl:string? logoUrl:string? customFontFamily:string? "
                 "customFontFamilyUrl:string? customThemeOverride:object? customStringsOverride:object? "
                 "displayName:string? enableChannels:bool enableMessageTags:bool enableMessageStream:bool "
                 "enableIntegrationManagement:bool enableTransformations:bool enableEndpointOauthConfig:bool "
                 "enableEndpointMtlsConfig:bool colorPaletteLight:object? colorPaletteDark:object? "
                 "showUseSvixPlay:bool showSvixBrandFooter:bool wipeSuccessfulPayload:bool showFeatureTooltips:bool "
                 "readOnly:bool advancedEndpointTypes:[string]"},
        {.name = "EventTypeImportOpenApiIn", .use = SCHEMA_IN, TABLE(openapi_import), .more = "spec:object"},
        {.name = "EventTypeImportOpenApiOut", .use = SCHEMA_OUT, .more = "data:EventTypeImportOpenApiOutData"},
        {.name = "EventTypeImportOpenApiOutData",
         .use = SCHEMA_OUT,
         .more = "modified:[string] to_modify:[EventTypeFromOpenApi]? to_archive:[string]-"},
        {.name = "EventTypeFromOpenApi",
         .use = SCHEMA_OUT,
         .more = "name:string description:string deprecated:bool schemas:object? groupName:string? "
                 "featureFlags:[string]?"},
        {.name = "EnvironmentIn",
         .use = SCHEMA_IN,
         .more = "version:int eventTypes:[EventTypeIn] settings:SettingsInternalIn connectors:[object]"},
        {.name = "EnvironmentOut",
         .use = SCHEMA_OUT,
         .more = "version:int createdAt:time eventTypes:[EventTypeOut] settings:SettingsInternalOut "
                 "connectors:[object]"},
        {.name = "RetryScheduleInOut", .use = SCHEMA_IN, .more = "retrySchedule:[RetryWait]"},
        {.name = "RetryWait", .use = SCHEMA_OUT, .more = "secs:int nanos:int-"},
        {.name = "AutomationIn",
         .use = SCHEMA_IN,
         .more = "name:string! trigger:object? concurrency:int? steps:[object]!"},
        {.name = "AutomationOut",
         .use = SCHEMA_OUT,
         .more = "id:string name:string status:string version:int publishedVersion:int? trigger:object "
                 "concurrency:int? "
                 "steps:[object] createdAt:time updatedAt:time runCount:int?- lastRun:RunOut?-"},
        {.name = "AutomationVersionsOut", .use = SCHEMA_OUT, .more = "data:[AutomationVersionOut]"},
        {.name = "AutomationVersionOut",
         .use = SCHEMA_OUT,
         .more = "version:int status:string publishedAt:time? trigger:object concurrency:int? steps:[object] "
                 "createdAt:time"},
        {.name = "AutomationTestIn", .use = SCHEMA_IN, .more = AUTOMATION_TRY_IN},
        {.name = "AutomationTestOut",
         .use = SCHEMA_OUT,
         .more = "version:int sample:string? steps:[AutomationTestStep] problems:[Problem]"},
        {.name = "AutomationPreviewIn", .use = SCHEMA_IN, .more = AUTOMATION_TRY_IN " texts:[AutomationText]!"},
        {.name = "AutomationText", .use = SCHEMA_IN, .more = "text:string! as:string"},
        {.name = "AutomationPreviewOut", .use = SCHEMA_OUT, .more = "sample:string? data:[AutomationTextOut]"},
        {.name = "AutomationTextOut", .use = SCHEMA_OUT, .more = "value:any? error:string? missing:[string]"},
        {.name = "AutomationTestStep",
         .use = SCHEMA_OUT,
         .more = "id:string type:string branch:int?- input:object? error:string? record:string? missing:[string]"},
        {.name = "RunOut", .use = SCHEMA_OUT, .more = RUN_OUT},
        {.name = "RunWait", .use = SCHEMA_OUT, .more = "type:string events:[string] until:time?"},
        {.name = "RunRecord", .use = SCHEMA_OUT, .more = "id:string type:string key:string? name:string?"},
        {.name = "RunDetailOut",
         .use = SCHEMA_OUT,
         .more = RUN_OUT " parentAutomationId:string? parentAutomationName:string? trigger:object? vars:object "
                         "definition:[object] steps:[RunStep]"},
        {.name = "RunStep",
         .use = SCHEMA_OUT,
         .more = "id:string type:string status:string startedAt:time endedAt:time? attempts:int input:object? "
                 "output:object? error:string? mail:RunMail?-"},
        {.name = "RunMail",
         .use = SCHEMA_OUT,
         .more = "status:string to:string attempts:int error:string? nextAttempt:time?"},
        {.name = "IntegrationIn", .use = SCHEMA_IN, TABLE(integration)},
        {.name = "IntegrationOut",
         .use = SCHEMA_OUT,
         TABLE(integration),
         .more = "id:string featureFlags:[string] createdAt:time updatedAt:time"},
        {.name = "PollingEndpointMessageOut", .use = SCHEMA_OUT, .more = MESSAGE_OUT " headers:strings"},
        {.name = "PollingEndpointOut",
         .use = SCHEMA_OUT,
         .more = "data:[PollingEndpointMessageOut] iterator:string done:bool"},
        {.name = "PollingEndpointConsumerSeekIn", .use = SCHEMA_IN, TABLE(poller_seek)},
        {.name = "PollingEndpointConsumerSeekOut", .use = SCHEMA_OUT, .more = "iterator:string"},
        {.name = "PollerV2MessageOut", .use = SCHEMA_OUT, .more = MESSAGE_OUT " headers:strings offset:int"},
        {.name = "PollerV2PollOut", .use = SCHEMA_OUT, .more = "data:[PollerV2MessageOut] done:bool"},
        {.name = "PollerV2CommitIn", .use = SCHEMA_IN, TABLE(poller_commit)},
        {.name = "RotatePollerTokenIn", .use = SCHEMA_IN, TABLE(poller_rotate)},
        {.name = "MessageEventsOut", .use = SCHEMA_OUT, .more = "data:[MessageOut] iterator:string done:bool"},
        {.name = "IntegrationKeyOut", .use = SCHEMA_OUT, .more = "key:string"},
        {.name = "WhoamiOut",
         .use = SCHEMA_OUT,
         .more = "envId:string appId:string? streamAppId:string? sessionId:string? permissionSource:string role:string "
                 "name:string?"},
        {.name = "AppPortalAccessIn", .use = SCHEMA_IN, TABLE(portal_access), .more = "application:ApplicationIn"},
        {.name = "AppPortalAccessOut", .use = SCHEMA_OUT, .more = "url:string token:string"},
        {.name = "ApplicationTokenExpireIn", .use = SCHEMA_IN, TABLE(portal_expire)},
        {.name = "OneTimeTokenIn", .use = SCHEMA_IN, TABLE(portal_exchange)},
        {.name = "OneTimeTokenOut", .use = SCHEMA_OUT, .more = "token:string capabilities:[string]"},
        {.name = "ConsoleSignInIn", .use = SCHEMA_IN, TABLE(console_sign_in)},
        {.name = "ConsolePortalIn", .use = SCHEMA_IN, TABLE(console_portal)},
        {.name = "ConsoleSessionOut",
         .use = SCHEMA_OUT,
         .more = "id:string csrf:string user:ConsoleUser? portal:ConsolePortal? memberships:[ConsoleMembership] "
                 "idleExpiresAt:time expiresAt:time"},
        {.name = "ConsoleUser", .use = SCHEMA_OUT, .more = "id:string email:string name:string? totp:bool"},
        {.name = "ConsolePortal",
         .use = SCHEMA_OUT,
         .more = "appId:string appUid:string? appName:string? readOnly:bool capabilities:[string] "
                 "featureFlags:[string]"},
        {.name = "ConsoleMembership",
         .use = SCHEMA_OUT,
         .more = "environment:string environmentName:string app:ConsoleApp? role:string"},
        {.name = "ConsoleApp", .use = SCHEMA_OUT, .more = "id:string uid:string? name:string"},
        {.name = "ConsoleSessionsOut", .use = SCHEMA_OUT, .more = "data:[ConsoleSessionItem]"},
        {.name = "ConsoleSessionItem",
         .use = SCHEMA_OUT,
         .more = "id:string createdAt:time lastUsedAt:time ip:string? userAgent:string? current:bool"},
        {.name = "ConsoleSessionConfirmIn", .use = SCHEMA_IN, TABLE(console_again)},
        {.name = "ConsoleForgotIn", .use = SCHEMA_IN, TABLE(console_forgot)},
        {.name = "ConsolePasswordIn", .use = SCHEMA_IN, TABLE(console_password)},
        {.name = "ConsoleLinkIn", .use = SCHEMA_IN, TABLE(console_link)},
        {.name = "ConsoleLinkOut", .use = SCHEMA_OUT, .more = "kind:string email:string? hasPassword:bool totp:bool"},
        {.name = "ConsoleTotpOut", .use = SCHEMA_OUT, .more = "secret:string uri:string"},
        {.name = "ConsoleCodeIn", .use = SCHEMA_IN, TABLE(console_code)},
        {.name = "ConsoleConfirmIn", .use = SCHEMA_IN, TABLE(console_confirm)},
        {.name = "ConsoleMemberIn", .use = SCHEMA_IN, TABLE(console_member)},
        {.name = "ConsoleMemberUpdate", .use = SCHEMA_IN, TABLE(console_member_change)},
        {.name = "ConsoleMemberOut",
         .use = SCHEMA_OUT,
         .more = "id:string email:string name:string? role:string appId:string? invited:bool disabled:bool totp:bool "
                 "lastSignInAt:time? createdAt:time"},
        {.name = "ConsoleInvitationOut", .use = SCHEMA_OUT, .more = "link:string? member:ConsoleMemberOut"},
        {.name = "ConsoleUserIn", .use = SCHEMA_IN, TABLE(console_user)},
        {.name = "ConsoleUserCreatedOut", .use = SCHEMA_OUT, .more = "email:string link:string?"},
        {.name = "ConsoleUserLinkIn", .use = SCHEMA_IN, TABLE(console_user_link)},
        {.name = "ConsoleUserLinkOut", .use = SCHEMA_OUT, .more = "link:string"},
        {.name = "ConsoleUserOut",
         .use = SCHEMA_OUT,
         .more = "id:string email:string name:string? disabled:bool hasPassword:bool totp:bool memberships:int "
                 "lastSignInAt:time? createdAt:time"},
        {.name = "ConsoleSystemOut",
         .use = SCHEMA_OUT,
         .more = "version:string pendingDeliveries:int oldestPendingSeconds:int deliveriesPerSecond:number "
                 "messagesAccepted:int deliveriesSucceeded:int deliveriesFailed:int endpointsDisabled:int "
                 "databaseBytes:int walBytes:int storageFull:bool errors:object noisyEndpoints:[ConsoleNoisyEndpoint]"},
        {.name = "ConsoleNoisyEndpoint",
         .use = SCHEMA_OUT,
         .more = "endpointId:string appId:string failingSince:time nextAttempt:time"},
        {.name = "AuditEntryOut",
         .use = SCHEMA_OUT,
         .more = "id:string at:time actor:Actor ip:string? action:string target:string? environment:string app:string? "
                 "hash:string previous:string"},
        {.name = "RecordIn", .use = SCHEMA_IN, TABLE(record_in)},
        {.name = "RecordPatch", .use = SCHEMA_PATCH, TABLE(record_in)},
        {.name = "TriggerOut",
         .use = SCHEMA_OUT,
         .more = "id:string type:string url:string verify:object? dedupe:string? effectiveDedupe:string? "
                 "methods:[string] sample:string? automationId:string status:string createdAt:time updatedAt:time"},
        {.name = "TriggerRequestOut", .use = SCHEMA_OUT, .more = REQUEST_OUT},
        {.name = "TriggerRequestDetailOut", .use = SCHEMA_OUT, .more = REQUEST_OUT " raw:string rawEncoding:string"},
        {.name = "TriggerSampleOut", .use = SCHEMA_OUT, .more = REQUEST_OUT " raw:string- rawEncoding:string-"},
        {.name = "IngestSourceIn", .use = SCHEMA_IN, TABLE(source), .more = "config:object"},
        {.name = "IngestSourcePatch",
         .use = SCHEMA_PATCH,
         .fields = source_fields,
         .field_count = &source_patch_field_count},
        {.name = "IngestSourceOut",
         .use = SCHEMA_OUT,
         TABLE(source),
         .more = "id:string config:object- ingestUrl:string? createdAt:time updatedAt:time"},
        {.name = "IngestSourceConsumerPortalAccessIn", .use = SCHEMA_IN, .more = "expiry:int readOnly:bool"},
        {.name = "IngestLogOut",
         .use = SCHEMA_OUT,
         .more = "id:string source_id:string status_code:int error_text:string method:string msgId:string? "
                 "headers:strings payload:string created_at:time updated_at:time"},
        {.name = "RotateTokenOut", .use = SCHEMA_OUT, .more = "ingestUrl:string"},
        {.name = "RotatedUrlOut", .use = SCHEMA_OUT, .more = "url:string"},
        {.name = "IngestedOut", .use = SCHEMA_OUT, .more = "id:string- duplicate:bool-"},
        {.name = "TriggerRotateIn", .use = SCHEMA_IN, .more = "graceSeconds:int"},
        {.name = "VariablesOut",
         .use = SCHEMA_OUT,
         .more = "data:[Variable] sample:string? comparedWith:string? changes:int"},
        {.name = "Variable", .use = SCHEMA_OUT, .more = "path:string type:string example:any? change:string?"},
        {.name = "IncomingOut", .use = SCHEMA_OUT, .more = "id:string captured:bool- duplicate:bool-"},
        {.name = "ApplicationSettings", .use = SCHEMA_PATCH, .more = "incomingRateLimit:int"},
        {.name = "RecordOut",
         .use = SCHEMA_OUT,
         .more = "id:string type:string key:string? data:object tags:[string] version:int createdAt:time "
                 "updatedAt:time"},
        {.name = "RecordChangeOut",
         .use = SCHEMA_OUT,
         .more = "id:string at:time change:string actor:object? changes:[object] import:string-"},
        {.name = "RecordTypeIn",
         .use = SCHEMA_IN,
         .more = "name:string! profile:string key:string schema:object rules:[object]"},
        {.name = "RecordTypeOut",
         .use = SCHEMA_OUT,
         .more = "name:string profile:string? key:string? schema:object? rules:[object] builtin:bool"},
        {.name = "RecordTypesOut", .use = SCHEMA_OUT, .more = "data:[RecordTypeOut]"},
        {.name = "HealthOut", .use = SCHEMA_OUT, .more = "status:string"},
};
const size_t api_schema_count = ARRAY_LEN(api_schemas);

const struct schema *schema_find(struct str name)
{
    for (size_t i = 0; i < api_schema_count; i++) {
        if (str_eq(name, str_c(api_schemas[i].name)))
            return &api_schemas[i];
    }
    return NULL;
}

struct property_walk schema_walk(const struct schema *s)
{
    return (struct property_walk){.schema = s, .rest = s->more != NULL ? str_c(s->more) : STR("")};
}

/* Null has a meaning when the struct's zero is read and written as null (model/field.h). */
static bool field_is_null(const struct field *f)
{
    bool text = f->kind == FIELD_TEXT || f->kind == FIELD_OBJECT || f->kind == FIELD_STRINGS;
    return f->kind != FIELD_BOOL && (f->flags & FIELD_REQUIRED) == 0 && !(text && f->fallback != NULL);
}

static bool next_field(struct property_walk *w, struct property *out)
{
    const struct schema *s = w->schema;
    const unsigned hidden = FIELD_STORED | (s->use == SCHEMA_OUT ? FIELD_ANSWER_NOT | FIELD_KEPT_APART : 0);
    while (s->fields != NULL && w->field < *s->field_count) {
        const struct field *f = &s->fields[w->field];
        bool alias = w->alias;
        w->alias = !alias && f->alias != NULL;
        w->field += w->alias ? 0 : 1;
        if ((f->flags & hidden) != 0)
            continue;
        bool needed = (f->flags & FIELD_REQUIRED) != 0;
        *out = (struct property){.name = str_c(alias ? f->alias : f->name), .field = f};
        out->required = s->use == SCHEMA_OUT || (s->use == SCHEMA_IN && needed && !alias);
        out->nullable = s->use == SCHEMA_OUT ? field_is_null(f) : !needed;
        return true;
    }
    return false;
}

bool schema_next(struct property_walk *w, struct property *out)
{
    if (next_field(w, out))
        return true;
    w->rest = str_trim(w->rest);
    if (w->rest.len == 0)
        return false;
    struct str type = str_split(&w->rest, ' '), name = str_split(&type, ':');
    bool answer = w->schema->use == SCHEMA_OUT;
    bool null = false, must = false, maybe = false;
    for (; type.len > 1 && memchr("?!-", type.ptr[type.len - 1], 3) != NULL; type.len--) {
        null = null || type.ptr[type.len - 1] == '?';
        must = must || type.ptr[type.len - 1] == '!';
        maybe = maybe || type.ptr[type.len - 1] == '-';
    }
    *out = (struct property){.name = name, .type = type};
    out->required = answer ? !maybe : must;
    out->nullable = answer ? null : !must;
    return true;
}
