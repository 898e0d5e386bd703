/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The senders that are known: a row each. Those that are also examples of profiles (builtin.c) only add what holds for
 * received requests. The recipes are those of the providers' documentation and libraries; tests/unit/test_providers.c
 * has their published vectors.
 */
#include "signing/builtin.h"
#include "signing/profile_incoming.h"

#define RAW_KEY   "\"secret\":{\"keyDecoding\":\"raw\"}"
#define BODY_HMAC "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\","
/* Nothing names a request: what is signed does. */
#define ONCE  "\"dedupe\":\"signed\""
#define TOKEN "\"algorithm\":\"token\",\"encoding\":\"raw\"," RAW_KEY

/* A header with a signature of the body, nothing else. */
#define BODY_ROW(header, encoding, verify)                                                                             \
    "{\"headers\":{\"" header "\":\"{signature}\"}," BODY_HMAC "\"encoding\":\"" encoding "\"," RAW_KEY                \
    ",\"verify\":{" verify "}}"
/* A header that holds the secret. */
#define TOKEN_ROW(header, format, verify)                                                                              \
    "{\"headers\":{\"" header "\":\"" format "\"}," TOKEN ",\"verify\":{" verify "}}"

static const char twilio[] = "{\"headers\":{\"X-Twilio-Signature\":\"{signature}\"},\"signedString\":\"{url}{form}\","
                             "\"algorithm\":\"hmac-sha1\",\"encoding\":\"base64\"," RAW_KEY
                             ",\"verify\":{\"bodyHash\":\"bodySHA256\",\"anyPort\":true,"
                             "\"dedupe\":\"header:i-twilio-idempotency-token\"}}";

static const char square[] = "{\"headers\":{\"x-square-hmacsha256-signature\":\"{signature}\"},"
                             "\"signedString\":\"{url}{body}\",\"encoding\":\"base64\"," RAW_KEY
                             ",\"verify\":{\"dedupe\":\"body:event_id\"}}";

static const char paddle[] = "{\"headers\":{\"Paddle-Signature\":\"ts={timestamp};{signature}\"},"
                             "\"signedString\":\"{timestamp}:{body}\",\"signatureFormat\":\"h1={signature}\","
                             "\"signatureSeparator\":\";\"," RAW_KEY ",\"verify\":{\"dedupe\":\"body:event_id\"}}";

static const char meta[] = "{\"headers\":{\"X-Hub-Signature-256\":\"{signature}\"}," BODY_HMAC
                           "\"signatureFormat\":\"sha256={signature}\"," RAW_KEY
                           ",\"verify\":{\"handshake\":\"meta\"}}";

static const char zoom[] =
        "{\"headers\":{\"x-zm-request-timestamp\":\"{timestamp}\",\"x-zm-signature\":\"{signature}\"},"
        "\"signedString\":\"v0:{timestamp}:{body}\",\"signatureFormat\":\"v0={signature}\"," RAW_KEY
        ",\"verify\":{\"handshake\":\"zoom\"," ONCE "}}";

static const char hubspot[] =
        "{\"headers\":{\"X-HubSpot-Request-Timestamp\":\"{timestamp_ms}\",\"X-HubSpot-Signature-v3\":\"{signature}\"},"
        "\"signedString\":\"{method}{url}{body}{timestamp_ms}\",\"encoding\":\"base64\"," RAW_KEY
        ",\"verify\":{\"decodedInUrl\":\":/?@!$'()*,;\"," ONCE "}}";

/* The public key is what SendGrid shows; "private:" begins a private one, which only `trigger send` needs. */
static const char sendgrid[] =
        "{\"headers\":{\"X-Twilio-Email-Event-Webhook-Timestamp\":\"{timestamp}\","
        "\"X-Twilio-Email-Event-Webhook-Signature\":\"{signature}\"},\"signedString\":\"{timestamp}{body}\","
        "\"algorithm\":\"ecdsa-p256-sha256\",\"encoding\":\"base64\",\"secret\":{\"prefix\":\"private:\","
        "\"keyDecoding\":\"base64\"},\"verify\":{" ONCE "}}";

static const char discord[] =
        "{\"headers\":{\"X-Signature-Timestamp\":\"{timestamp}\",\"X-Signature-Ed25519\":\"{signature}\"},"
        "\"signedString\":\"{timestamp}{body}\",\"algorithm\":\"ed25519\",\"encoding\":\"hex\","
        "\"secret\":{\"prefix\":\"private:\",\"keyDecoding\":\"hex\"},\"verify\":{\"handshake\":\"discord\","
        "" ONCE ",\"acceptedStatus\":204}}";

/* The nonce is in nothing else: it is where a message id would be. */
static const char checkbook[] =
        "{\"headers\":{\"Signature\":\"nonce={message_id},{signature}\"},\"signedString\":\"{body}{message_id}\","
        "\"signatureFormat\":\"signature={signature}\"," RAW_KEY ",\"verify\":{" ONCE "}}";

/* A header for each of the keys that are active. */
static const char docusign[] =
        "{\"headers\":{\"X-DocuSign-Signature-1\":\"{signature}\",\"X-DocuSign-Signature-2\":\"{signature}\","
        "\"X-DocuSign-Signature-3\":\"{signature}\",\"X-DocuSign-Signature-4\":\"{signature}\","
        "\"X-DocuSign-Signature-5\":\"{signature}\"}," BODY_HMAC "\"encoding\":\"base64\"," RAW_KEY "}";

static const char easypost[] = "{\"headers\":{\"X-Hmac-Signature\":\"{signature}\"}," BODY_HMAC
                               "\"signatureFormat\":\"hmac-sha256-hex={signature}\"," RAW_KEY
                               ",\"verify\":{\"dedupe\":\"body:id\"}}";

static const char rutter[] = "{\"headers\":{\"X-Rutter-Signature\":\"{signature}\"}," BODY_HMAC
                             "\"encoding\":\"base64\",\"signatureFormat\":\"sha256={signature}\"," RAW_KEY "}";

static const char segment[] = "{\"headers\":{\"X-Signature\":\"{signature}\"},\"algorithm\":\"hmac-sha1\"," RAW_KEY
                              ",\"verify\":{\"dedupe\":\"body:messageId\"}}";

static const char airwallex[] = "{\"headers\":{\"x-timestamp\":\"{timestamp_ms}\",\"x-signature\":\"{signature}\"},"
                                "\"signedString\":\"{timestamp_ms}{body}\"," RAW_KEY
                                ",\"verify\":{\"dedupe\":\"body:id\"}}";

static const char port[] = "{\"headers\":{\"x-port-timestamp\":\"{timestamp}\",\"x-port-signature\":\"{signature}\"},"
                           "\"signedString\":\"{timestamp}.{body}\",\"encoding\":\"base64\",\"signatureFormat\":\"v1,{"
                           "signature}\"," RAW_KEY ",\"verify\":{" ONCE "}}";

static const char tailscale[] = "{\"headers\":{\"Tailscale-Webhook-Signature\":\"t={timestamp},{signature}\"},"
                                "\"signedString\":\"{timestamp}.{body}\",\"signatureFormat\":\"v1={signature}\","
                                "\"signatureSeparator\":\",\"," RAW_KEY ",\"verify\":{" ONCE "}}";

static const char telnyx[] =
        "{\"headers\":{\"telnyx-timestamp\":\"{timestamp}\",\"telnyx-signature-ed25519\":\"{signature}\"},"
        "\"signedString\":\"{timestamp}|{body}\",\"algorithm\":\"ed25519\",\"encoding\":\"base64\","
        "\"secret\":{\"prefix\":\"private:\",\"keyDecoding\":\"base64\"},\"verify\":{\"dedupe\":\"body:data.id\"}}";

/* An event keeps its time through all tries, over a day: any is good. What has been seen is told by the event's id. */
static const char orum[] = "{\"headers\":{\"Signature\":\"{signature}\"},\"signedString\":\"{body}{body_time}\","
                           "\"algorithm\":\"rsa-sha256\",\"encoding\":\"base64\",\"secret\":{\"prefix\":\"private:\","
                           "\"keyDecoding\":\"base64\"},\"verify\":{\"timestampInBody\":\"created_at\","
                           "\"toleranceSeconds\":0,\"dedupe\":\"body:event_id\"}}";

const struct provider providers[] = {
        {"standard", "Standard Webhooks, Svix", builtin_standard, "{\"dedupe\":\"header:webhook-id,svix-id\"}"},
        {"stripe", "Stripe", builtin_stripe, "{\"dedupe\":\"body:id\"}"},
        {"github", "GitHub", builtin_github, "{\"dedupe\":\"header:x-github-delivery\"}"},
        {"shopify", "Shopify", builtin_shopify, "{\"dedupe\":\"header:x-shopify-webhook-id\"}"},
        {"slack", "Slack", builtin_slack, "{\"handshake\":\"slack\",\"dedupe\":\"body:event_id\"}"},
        {"twilio", "Twilio", twilio, NULL},
        {"square", "Square", square, NULL},
        {"paddle", "Paddle", paddle, NULL},
        {"meta", "Meta: Facebook, Instagram, WhatsApp", meta, NULL},
        {"zoom", "Zoom", zoom, NULL},
        {"xero", "Xero",
         BODY_ROW("x-xero-signature", "base64",
                  "\"handshake\":\"xero\"," ONCE ",\"acceptedStatus\":200,\"quiet\":true"),
         NULL},
        {"hubspot", "HubSpot, version 3", hubspot, NULL},
        {"woocommerce", "WooCommerce",
         BODY_ROW("X-WC-Webhook-Signature", "base64",
                  "\"handshake\":\"woocommerce\",\"dedupe\":\"header:x-wc-webhook-delivery-id\""),
         NULL},
        {"linear", "Linear",
         BODY_ROW("Linear-Signature", "hex",
                  "\"toleranceSeconds\":60,\"timestampInBody\":\"webhookTimestamp\","
                  "\"dedupe\":\"header:linear-delivery\""),
         NULL},
        {"gitlab", "GitLab: secret token",
         TOKEN_ROW("X-Gitlab-Token", "{signature}", "\"dedupe\":\"header:idempotency-key\""), NULL},
        {"sendgrid", "SendGrid: signed event webhook", sendgrid, NULL},
        {"discord", "Discord", discord, NULL},
        {"okta", "Okta",
         TOKEN_ROW("Authorization", "{signature}", "\"handshake\":\"okta\",\"dedupe\":\"body:eventId\""), NULL},
        {"adobe-sign", "Adobe Acrobat Sign: client id",
         TOKEN_ROW("X-AdobeSign-ClientId", "{signature}",
                   "\"handshake\":\"adobe-sign\",\"echo\":\"X-AdobeSign-ClientId\",\"acceptedStatus\":200,"
                   "\"dedupe\":\"body:webhookNotificationId\""),
         NULL},
        {"airwallex", "Airwallex", airwallex, NULL},
        {"checkbook", "Checkbook", checkbook, NULL},
        {"docusign", "Docusign Connect", docusign, NULL},
        {"easypost", "EasyPost", easypost, NULL},
        {"merge", "Merge", BODY_ROW("X-Merge-Webhook-Signature", "base64", ""), NULL},
        {"nango", "Nango", BODY_ROW("X-Nango-Hmac-Sha256", "hex", ""), NULL},
        {"openclaw", "OpenClaw", TOKEN_ROW("Authorization", "Bearer {signature}", ""), NULL},
        {"orum", "Orum", orum, NULL},
        {"pandadoc", "PandaDoc", BODY_ROW("X-PandaDoc-Signature", "hex", "\"signatureQuery\":\"signature\"," ONCE ""),
         NULL},
        {"port", "Port", port, NULL},
        {"rutter", "Rutter", rutter, NULL},
        {"segment", "Segment", segment, NULL},
        {"tailscale", "Tailscale", tailscale, NULL},
        {"telnyx", "Telnyx", telnyx, NULL},
        {"vapi", "Vapi", TOKEN_ROW("X-Vapi-Secret", "{signature}", ""), NULL},
        {"veriff", "Veriff", BODY_ROW("X-HMAC-SIGNATURE", "hex", ""), NULL},
        {"hmac", "HMAC-SHA256 of the body, in hexadecimal", BODY_ROW("X-Signature", "hex", ""), NULL},
        {"bearer", "Authorization: Bearer", TOKEN_ROW("Authorization", "Bearer {signature}", ""), NULL},
        {"basic", "Authorization: Basic; the secret is user:password",
         "{\"headers\":{\"Authorization\":\"Basic "
         "{signature}\"},\"algorithm\":\"token\",\"encoding\":\"base64\"," RAW_KEY "}",
         NULL},
        {"header", "A header that holds the secret", TOKEN_ROW("X-Webhook-Token", "{signature}", ""), NULL},
        {"myra", "Myra", builtin_myra, "{\"dedupe\":\"body:event_id\"}"},
        {"metapulse", "MetaPulse", builtin_metapulse, "{\"dedupe\":\"body:id\"}"},
};
const size_t provider_count = ARRAY_LEN(providers);

const struct provider *provider_find(struct str name)
{
    for (size_t i = 0; i < provider_count; i++) {
        if (str_eq(name, str_c(providers[i].name)))
            return &providers[i];
    }
    return NULL;
}

struct profile *provider_profile(const struct provider *p)
{
    struct arena *a = arena_new(4096);
    struct profile *out = NULL;
    struct str row = str_c(p->json), path, why;
    if (p->verify != NULL)
        row = arena_printf(a, STR_FMT ",\"verify\":%s}", STR_ARG(str_take(row, row.len - 1)), p->verify);
    CHECK(profile_parse_incoming(a, row, &out, &path, &why) == ERR_OK);
    arena_free(a);
    return out;
}
