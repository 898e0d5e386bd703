/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of an environment: what its operator decides for all of its workspaces. Most say how the portal looks; those
 * that the server acts on are named in docs/operations.md.
 */
#ifndef PR_API_ENV_SETTINGS_H
#define PR_API_ENV_SETTINGS_H

#include "api/environment.h"

struct env_settings {
    const int64_t *retry_policy_ms; /* NULL: none */
    size_t retry_policy_count;
    bool require_channel;
    bool whitelabel_headers;
    bool send_svix_headers;
    bool log_attempts;
    bool otlp;
    struct str color;
    struct str logo_url;
    struct str theme; /* JSON object; and the following two and the palettes */
    struct str strings;
    int64_t base_font_size;
    struct str font_family;
    struct str font_family_url;
    bool disable_on_failure;
    struct str display_name;
    bool catalog_published;
    bool enforce_https; /* what holds: never false where the server's HTTPS_ONLY is true */
    bool channels;
    bool message_stream;
    const struct str *endpoint_types;
    size_t endpoint_type_count;
    bool read_only;
    bool integration_management;
    bool transformations;
    bool require_filter_types;
    bool endpoint_oauth;
    bool endpoint_mtls;
    struct str palette_light;
    struct str palette_dark;
    bool svix_play;
    bool wipe_payload;
    bool alerts;
    const struct str *alert_events;
    size_t alert_event_count;
    struct str alerts_dashboard_url;
    struct str alerts_logo_url;
    bool tooltips;
    bool autoconfig;
    int endpoints_limit; /* of a workspace, 0: none */
    bool mcp_token;
};

/* Those of an environment; the defaults for what was never set. */
MUST_USE enum err env_settings_load(const struct api *api, struct arena *a, const struct environment *env,
                                    struct env_settings *out);
/* Those of the caller's environment. ERR_NOT_FOUND: nobody has written to it yet. */
MUST_USE enum err env_settings_own(const struct api *api, struct api_call *call, struct env_settings *out);
/* Reads a body into them and adds problems. */
void env_settings_read(const struct api *api, struct api_call *call, const struct json *body, enum field_mode mode,
                       struct env_settings *s);
/* Members of an object that the caller has opened: as the management API says them. */
void env_settings_write(const struct env_settings *s, struct json_writer *w);
/* The changes that give the environment these settings: itself, and new versions of its profiles where they differ.
 * `changes` has room for ENV_SETTINGS_CHANGES_MAX(api); *count rises. Store errors. */
#define ENV_SETTINGS_CHANGES_MAX(api) (1 + 2 * (api)->row_count)
MUST_USE enum err env_settings_changes(struct api *api, struct api_call *call, const struct object *o,
                                       struct environment *env, const struct env_settings *s,
                                       struct object_change *changes, size_t *count);
/* After their commit: what is accepted and judged from now on knows them. */
void env_settings_spread(struct api *api, struct api_call *call, oid_t env);
/* Whether the copies of the signature headers that begin with `svix-` are left out. */
static inline bool env_settings_plain(const struct env_settings *s)
{
    return s->whitelabel_headers && !s->send_svix_headers;
}

/* Whether a row of the table is also said to customers. */
bool env_settings_is_public(const struct field *f);

extern const struct field env_settings_fields[];
extern const size_t env_settings_field_count;

#endif
