/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of rows, the default one, and the examples: how four well-known services sign, checked by their own
 * libraries.
 */
#include "signing/builtin.h"

#include "signing/profile.h"

const struct profile_builtin profile_builtins[] = {
        {.name = "standard", .json = builtin_standard},
        {.name = "myra", .json = builtin_myra},
        {.name = "metapulse", .json = builtin_metapulse},
        {.name = "github", .json = builtin_github, .example = true},
        {.name = "stripe", .json = builtin_stripe, .example = true},
        {.name = "slack", .json = builtin_slack, .example = true},
        {.name = "shopify", .json = builtin_shopify, .example = true},
};
const size_t profile_builtin_count = ARRAY_LEN(profile_builtins);

/* Standard Webhooks 1.0.0, and the same under the names that older Svix libraries look for. */
const char builtin_standard[] =
        "{\"name\":\"standard\",\"description\":\"Standard Webhooks, also under Svix's header names\","
        "\"body\":{\"type\":\"raw\"},"
        "\"headers\":{\"webhook-id\":\"{message_id}\",\"webhook-timestamp\":\"{timestamp}\","
        "\"webhook-signature\":\"{signature}\",\"svix-id\":\"{message_id}\",\"svix-timestamp\":\"{timestamp}\","
        "\"svix-signature\":\"{signature}\"},"
        "\"signedString\":\"{message_id}.{timestamp}.{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"base64\","
        "\"signatureFormat\":\"v1,{signature}\",\"signatureSeparator\":\" \","
        "\"secret\":{\"prefix\":\"whsec_\",\"keyDecoding\":\"base64\",\"minBytes\":24,\"maxBytes\":75,"
        "\"generate\":{\"bytes\":24,\"encoding\":\"base64\"}},"
        "\"keys\":[{\"prefix\":\"whsk_\",\"publicPrefix\":\"whpk_\",\"algorithm\":\"ed25519\",\"keyDecoding\":"
        "\"base64\","
        "\"signatureFormat\":\"v1a,{signature}\"}],"
        "\"retrySchedule\":[5,300,1800,7200,18000,36000,36000],\"timeoutMs\":15000,\"disableOn410\":true,"
        "\"eventTypes\":[]}";

/* No retries of its own: a delivery that failed is sent again by hand. */
const char builtin_github[] =
        "{\"name\":\"github\",\"description\":\"As GitHub signs: X-Hub-Signature-256 over the body\","
        "\"body\":{\"type\":\"raw\"},"
        "\"headers\":{\"X-GitHub-Event\":\"{type}\",\"X-GitHub-Delivery\":\"{event_uuid}\","
        "\"X-Hub-Signature-256\":\"{signature}\"},"
        "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
        "\"signatureFormat\":\"sha256={signature}\","
        "\"secret\":{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":40,\"encoding\":\"alphanumeric\"}},"
        "\"retrySchedule\":[],\"timeoutMs\":10000,\"disableOn410\":false,\"eventTypes\":[]}";

/* The key is the secret's text with its prefix, not what the text encodes. */
const char builtin_stripe[] =
        "{\"name\":\"stripe\",\"description\":\"As Stripe signs: Stripe-Signature over timestamp and body\","
        "\"body\":{\"type\":\"raw\"},"
        "\"headers\":{\"Stripe-Signature\":\"t={timestamp},{signature}\"},"
        "\"signedString\":\"{timestamp}.{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
        "\"signatureFormat\":\"v1={signature}\",\"signatureSeparator\":\",\","
        "\"secret\":{\"prefix\":\"whsec_\",\"prefixInKey\":true,\"keyDecoding\":\"raw\","
        "\"generate\":{\"bytes\":32,\"encoding\":\"alphanumeric\"}},"
        "\"retrySchedule\":[300,1800,7200,18000,36000,36000,36000,36000,36000,36000],\"timeoutMs\":20000,"
        "\"disableOn410\":false,\"eventTypes\":[]}";

const char builtin_slack[] =
        "{\"name\":\"slack\",\"description\":\"As Slack signs: X-Slack-Signature over version, timestamp and body\","
        "\"body\":{\"type\":\"raw\"},"
        "\"headers\":{\"X-Slack-Request-Timestamp\":\"{timestamp}\",\"X-Slack-Signature\":\"{signature}\"},"
        "\"signedString\":\"v0:{timestamp}:{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
        "\"signatureFormat\":\"v0={signature}\","
        "\"secret\":{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":16,\"encoding\":\"hex\"}},"
        "\"retrySchedule\":[1,60,300],\"timeoutMs\":3000,\"disableOn410\":false,\"eventTypes\":[]}";

/* Eight retries, doubling, within four hours: 14400/255 * 2^i seconds. */
const char builtin_shopify[] =
        "{\"name\":\"shopify\",\"description\":\"As Shopify signs: X-Shopify-Hmac-Sha256 over the body\","
        "\"body\":{\"type\":\"raw\"},"
        "\"headers\":{\"X-Shopify-Topic\":\"{type}\",\"X-Shopify-Webhook-Id\":\"{message_id}\","
        "\"X-Shopify-Event-Id\":\"{event_uuid}\",\"X-Shopify-Hmac-Sha256\":\"{signature}\"},"
        "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"base64\","
        "\"secret\":{\"prefix\":\"shpss_\",\"prefixInKey\":true,\"keyDecoding\":\"raw\","
        "\"generate\":{\"bytes\":16,\"encoding\":\"hex\"}},"
        "\"retrySchedule\":[56.471,112.941,225.882,451.765,903.529,1807.059,3614.118,7228.235],\"timeoutMs\":5000,"
        "\"disableOn410\":false,\"eventTypes\":[]}";
