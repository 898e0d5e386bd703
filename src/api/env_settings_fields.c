/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, and what must hold of those that the table alone cannot say. */
#include "api/describe.h"
#include "api/env_settings.h"
#include "model/config.h"

/* clang-format off */
#define AT(member) offsetof(struct env_settings, member)
#define URL_MAX    65536
#define OBJECT_MAX 8192
#define BOOL(text, m)   {.name = (text), .kind = FIELD_BOOL, .at = AT(m)}
#define URL(text, m)    {.name = (text), .kind = FIELD_TEXT, .at = AT(m), .min = 1, .max = URL_MAX}
#define OBJECT(text, m) {.name = (text), .kind = FIELD_OBJECT, .at = AT(m), .max = OBJECT_MAX}

const struct field env_settings_fields[] = {
        {.name = "retryPolicy", .kind = FIELD_SECONDS, .at = AT(retry_policy_ms), .count_at = AT(retry_policy_count),
         .max = RETRY_ITEMS_MAX, .item_max = RETRY_ITEM_MAX_MS},
        BOOL("requireEndpointChannel", require_channel),
        BOOL("whitelabelHeaders", whitelabel_headers),
        BOOL("sendSvixWebhookHeaders", send_svix_headers),
        BOOL("enableMsgAtmptLog", log_attempts),
        BOOL("enableOtlp", otlp),
        {.name = "customColor", .kind = FIELD_TEXT, .at = AT(color), .min = 1, .max = 64},
        URL("customLogoUrl", logo_url),
        OBJECT("customThemeOverride", theme),
        OBJECT("customStringsOverride", strings),
        {.name = "customBaseFontSize", .kind = FIELD_MS, .at = AT(base_font_size), .min = 1, .max = 1000},
        {.name = "customFontFamily", .kind = FIELD_TEXT, .at = AT(font_family), .min = 1, .max = 256},
        URL("customFontFamilyUrl", font_family_url),
        {.name = "disableEndpointOnFailure", .kind = FIELD_BOOL, .at = AT(disable_on_failure), .fallback = "true"},
        {.name = "displayName", .kind = FIELD_TEXT, .at = AT(display_name), .max = 256},
        BOOL("eventCatalogPublished", catalog_published),
        {.name = "enforceHttps", .kind = FIELD_BOOL, .at = AT(enforce_https), .fallback = "true"},
        BOOL("enableChannels", channels),
        BOOL("enableMessageStream", message_stream),
        {.name = "advancedEndpointTypes", .kind = FIELD_NAMES, .flags = FIELD_ANSWER_NOT, .at = AT(endpoint_types),
         .count_at = AT(endpoint_type_count), .max = 50, .item_max = 64, .chars = CHARS_ID},
        BOOL("readOnly", read_only),
        BOOL("enableIntegrationManagement", integration_management),
        BOOL("enableTransformations", transformations),
        BOOL("requireEndpointFilterTypes", require_filter_types),
        BOOL("enableEndpointOauthConfig", endpoint_oauth),
        BOOL("enableEndpointMtlsConfig", endpoint_mtls),
        OBJECT("colorPaletteLight", palette_light),
        OBJECT("colorPaletteDark", palette_dark),
        {.name = "showUseSvixPlay", .kind = FIELD_BOOL, .at = AT(svix_play), .fallback = "true"},
        BOOL("wipeSuccessfulPayload", wipe_payload),
        BOOL("enableApplicationAlerts", alerts),
        {.name = "applicationAlertEvents", .kind = FIELD_NAMES, .flags = FIELD_ANSWER_NOT, .at = AT(alert_events),
         .count_at = AT(alert_event_count), .max = 50, .item_max = 64, .chars = CHARS_ID},
        URL("applicationAlertsDashboardUrl", alerts_dashboard_url),
        URL("applicationAlertsLogoUrl", alerts_logo_url),
        BOOL("showFeatureTooltips", tooltips),
        BOOL("webhooksAutoConfig", autoconfig),
        {.name = "endpointsPerAppLimit", .kind = FIELD_INT, .at = AT(endpoints_limit), .min = 1, .max = 10000},
        BOOL("mcpToken", mcp_token),
};
/* clang-format on */
const size_t env_settings_field_count = ARRAY_LEN(env_settings_fields);

static bool is_one_of(struct str s, const char *const *names)
{
    while (*names != NULL && !str_eq(s, str_c(*names)))
        names++;
    return *names != NULL;
}

bool env_settings_is_public(const struct field *f)
{
    static const char *const names[] = {"customColor",
                                        "customLogoUrl",
                                        "customFontFamily",
                                        "customFontFamilyUrl",
                                        "customThemeOverride",
                                        "customStringsOverride",
                                        "displayName",
                                        "enableChannels",
                                        "enableMessageStream",
                                        "enableIntegrationManagement",
                                        "enableTransformations",
                                        "enableEndpointOauthConfig",
                                        "enableEndpointMtlsConfig",
                                        "colorPaletteLight",
                                        "colorPaletteDark",
                                        "showUseSvixPlay",
                                        "wipeSuccessfulPayload",
                                        "showFeatureTooltips",
                                        "readOnly",
                                        NULL};
    return is_one_of(str_c(f->name), names);
}

static const char *const endpoint_types[] = {"poller",
                                             "http",
                                             "amazonS3",
                                             "azureBlobStorage",
                                             "googleCloudStorage",
                                             "googleCloudPubSub",
                                             "sqs",
                                             "sns",
                                             "bigQuery",
                                             "clickhouse",
                                             "eventBridge",
                                             "snowflake",
                                             "rabbitMq",
                                             "redshift",
                                             "otelTracing",
                                             NULL};
static const char *const alert_events[] = {"endpoint.disabled", "message.attempt.exhausted", "stream.sink.disabled",
                                           NULL};
static const char *const radii[] = {"none", "lg", "md", "sm", "full", NULL};

static void check_names(struct api_call *call, const char *field, const struct str *names, size_t count,
                        const char *const *known)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_one_of(names[i], known))
            problem_add(&call->problems, "body", str_c(field), names[i], "value_error.const", "is not known");
    }
}

/* What a style sheet takes as a colour, and nothing that ends it: #aabbcc, teal, rgb(1, 2, 3). */
static bool is_color(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("#(),.% /-", c) == NULL))
            return false;
    }
    return s.len > 0 && s.len <= 64;
}

static bool is_family(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-' && c != '_' && c != ' ')
            return false;
    }
    return true;
}

static void check_url(struct api_call *call, const char *field, struct str s)
{
    if (s.ptr != NULL && !str_starts_nocase(s, STR("https://")) && !str_starts_nocase(s, STR("http://")))
        call_problem(call, field, "value_error.url", "must be a URL that begins with https:// or http://");
}

/* Every member is a text of this kind, or null. */
static void check_members(struct api_call *call, const char *field, const struct json *object,
                          bool (*fits)(struct str s), const char *what)
{
    for (const struct json *m = object != NULL ? object->child : NULL; m != NULL; m = m->next) {
        if (!json_is_null(m) && (m->type != JSON_STRING || !fits(m->text)))
            problem_add(&call->problems, "body", str_c(field), m->name, "value_error", "must be %s", what);
    }
}

static bool is_radius(struct str s)
{
    return is_one_of(s, radii);
}

static bool is_short(struct str s)
{
    return s.len <= 1024;
}

static void check_theme(struct api_call *call, const struct json *theme)
{
    const struct json *font = json_get(theme, STR("fontSize")), *base = json_get(font, STR("base"));
    int64_t size;
    if (base != NULL && !json_is_null(base) && (!json_as_i64(base, &size) || size < 0 || size > 65535))
        problem_add(&call->problems, "body", STR("customThemeOverride"), STR("fontSize"), "value_error",
                    "base must be a whole number from 0 to 65535");
    const struct json *radius = json_get(theme, STR("borderRadius"));
    check_members(call, "customThemeOverride", radius, is_radius, "none, sm, md, lg or full");
}

/* What would promise something that this server does not do. */
static void check_not_there(struct api_call *call, const struct env_settings *s)
{
    if (s->wipe_payload)
        call_problem(call, "wipeSuccessfulPayload", "value_error",
                     "is not there: payloads are kept as long as RETENTION_PAYLOAD or the message says");
    if (s->alerts)
        call_problem(call, "enableApplicationAlerts", "value_error",
                     "is not there: subscribe to the operational webhooks instead");
    if (s->otlp)
        call_problem(call, "enableOtlp", "value_error", "is not there: metrics are at METRICS_LISTEN");
}

void env_settings_read(const struct api *api, struct api_call *call, const struct json *body, enum field_mode mode,
                       struct env_settings *s)
{
    fields_read(call->arena, env_settings_fields, env_settings_field_count, mode, body, s, &call->problems);
    if (mode == FIELD_REPLACE && json_get(body, STR("enforceHttps")) == NULL)
        s->enforce_https = api->urls->https_only;
    s->enforce_https = s->enforce_https || api->urls->https_only;
    if (s->color.ptr != NULL && !is_color(s->color))
        call_problem(call, "customColor", "value_error.color", "must be a color");
    if (s->font_family.ptr != NULL && !is_family(s->font_family))
        call_problem(call, "customFontFamily", "value_error.pattern",
                     "may only hold letters, digits, '-', '_' and blanks");
    check_url(call, "customLogoUrl", s->logo_url);
    check_url(call, "customFontFamilyUrl", s->font_family_url);
    check_url(call, "applicationAlertsDashboardUrl", s->alerts_dashboard_url);
    check_url(call, "applicationAlertsLogoUrl", s->alerts_logo_url);
    check_names(call, "advancedEndpointTypes", s->endpoint_types, s->endpoint_type_count, endpoint_types);
    check_names(call, "applicationAlertEvents", s->alert_events, s->alert_event_count, alert_events);
    check_members(call, "colorPaletteLight", json_get(body, STR("colorPaletteLight")), is_color, "a color");
    check_members(call, "colorPaletteDark", json_get(body, STR("colorPaletteDark")), is_color, "a color");
    check_members(call, "customStringsOverride", json_get(body, STR("customStringsOverride")), is_short,
                  "a text of at most 1024 bytes");
    check_theme(call, json_get(body, STR("customThemeOverride")));
    check_not_there(call, s);
}
