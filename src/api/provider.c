/* SPDX-License-Identifier: Apache-2.0 */
/* The senders of requests that are known by name: what a trigger's verify.profile may say. */
#include "api/routes.h"
#include "signing/profile_incoming.h"

static struct str secret_kind(const struct profile *p)
{
    return profile_is_token(p) ? STR("token") : profile_is_key_pair(p) ? STR("public_key") : STR("shared");
}

static void write_provider(const struct provider *known, struct json_writer *w)
{
    struct profile *p = provider_profile(known);
    json_w_object(w);
    json_w_str_at(w, "name", str_c(known->name));
    json_w_str_at(w, "title", str_c(known->title));
    json_w_str_at(w, "secret", secret_kind(p));
    json_w_str_at(w, "header", profile_secret_header(p, STR_NULL));
    json_w_opt_str_at(w, "dedupe", profile_rules(p)->dedupe);
    json_w_object_end(w);
    profile_free(p);
}

void provider_list(struct api *api, struct api_call *call)
{
    (void)api;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < provider_count; i++)
        write_provider(&providers[i], &w);
    json_w_array_end(&w);
    json_w_object_end(&w);
}
