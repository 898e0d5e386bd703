/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moves through Postrider: message, delivery (message × endpoint), attempt (one HTTP request of a delivery).
 * Plain types; slices are borrowed from whoever filled them.
 */
#ifndef PR_MODEL_MESSAGE_H
#define PR_MODEL_MESSAGE_H

#include "base/oid.h"

/* What a profile version puts around the payload; rendered once at acceptance and stored. */
struct message_render {
    oid_t profile_version;
    struct str head;
    struct str tail;
};

/* In the place of a profile version: head is what the message brings along for transformations, a JSON object. It lives
 * and dies with the payload, as renders do. */
#define RENDER_PARAMS 0
/* The same: head is headers that go along with every delivery, "Name: value\n"…, at most RENDER_HEADERS_MAX bytes. */
#define RENDER_HEADERS     1
#define RENDER_HEADERS_MAX 16384

struct message {
    oid_t id;
    oid_t env;
    oid_t app;
    struct str event_type;
    struct str event_id;                  /* null: none */
    int64_t occurred_ms;                  /* time of the event; the acceptance time unless given */
    struct str actor;                     /* JSON object, or null */
    struct str channels;                  /* JSON array of strings, or null */
    struct str tags;                      /* JSON array of strings, or null */
    int64_t deliver_at_ms;                /* 0: at once */
    int64_t expires_ms;                   /* when the payload ages out */
    struct str payload;                   /* bytes as posted; null once expired or expunged */
    struct str content_type;              /* null: application/json */
    const struct message_render *renders; /* one per profile version that wraps the payload; RENDER_… */
    size_t render_count;
};

/* Values are the API's. */
enum delivery_status {
    DELIVERY_SUCCESS = 0,
    DELIVERY_PENDING = 1,
    DELIVERY_FAIL = 2,
    DELIVERY_SENDING = 3,
    DELIVERY_CANCELED = 4
};

/* Why a failed delivery is failed. */
enum delivery_reason { REASON_NONE, REASON_EXHAUSTED, REASON_DISABLED, REASON_DELETED, REASON_EXPIRED, REASON_PARKED };

enum attempt_trigger { TRIGGER_SCHEDULE = 0, TRIGGER_MANUAL = 1, TRIGGER_RECOVERY = 2 };

/*
 * What somebody asks for by hand, one at a time (MANUAL), goes before all that waits: its place is the time in steps,
 * which is before every time in milliseconds. Not in a FIFO endpoint, where it comes last, as everything does.
 */
#define PLACE_BY_HAND_STEP_MS 16
#define PLACE_BY_HAND_MAX     ((int64_t)1 << 38) /* reached in 2109; in milliseconds that is 1978 */

struct delivery {
    oid_t msg;
    oid_t ep;
    oid_t profile_version;       /* frozen at acceptance */
    oid_t transform;             /* version of the transformation, frozen at acceptance; 0: none */
    enum delivery_status status; /* PENDING while the schedule goes on */
    enum delivery_reason reason;
    int tries;                    /* scheduled attempts made */
    int64_t due_ms;               /* next scheduled attempt; 0 when none */
    int64_t pos;                  /* order among the endpoint's pending work; 0 when none is pending */
    enum attempt_trigger request; /* an attempt asked for by hand waits: MANUAL or RECOVERY; else SCHEDULE */
    oid_t last_attempt;           /* 0: not yet tried */
    bool last_failed;             /* the last attempt failed */
    bool fifo;                    /* pos is its place in the endpoint's order, else a time; frozen at acceptance */
};

/*
 * Why an attempt did not bring a 2xx. X(symbol, name in metrics and logs, sentence for people)
 */
#define CAUSE_TABLE(X)                                                                                                 \
    X(NONE, "ok", "delivered")                                                                                         \
    X(STATUS, "status", "the endpoint did not answer with a 2xx status")                                               \
    X(URL, "url", "the URL cannot be used")                                                                            \
    X(BLOCKED, "blocked", "the address is not allowed")                                                                \
    X(DNS, "dns", "the host name could not be resolved")                                                               \
    X(REFUSED, "refused", "the connection was refused")                                                                \
    X(UNREACHABLE, "unreachable", "the host cannot be reached")                                                        \
    X(RESET, "reset", "the connection was closed before an answer")                                                    \
    X(TLS, "tls", "the TLS connection could not be set up")                                                            \
    X(TIMEOUT_DNS, "timeout_dns", "timed out while resolving the host name")                                           \
    X(TIMEOUT_CONNECT, "timeout_connect", "timed out while connecting")                                                \
    X(TIMEOUT_TLS, "timeout_tls", "timed out in the TLS handshake")                                                    \
    X(TIMEOUT_SEND, "timeout_send", "timed out while sending the request")                                             \
    X(TIMEOUT_WAIT, "timeout_wait", "timed out while waiting for the answer")                                          \
    X(TIMEOUT_BODY, "timeout_body", "timed out while reading the answer")                                              \
    X(PROTOCOL, "protocol", "the answer is not valid HTTP")                                                            \
    X(PROXY, "proxy", "the egress proxy refused or failed")                                                            \
    X(EXPIRED, "expired", "the payload has expired")                                                                   \
    X(PARKED, "parked", "parked: Postrider failed repeatedly while it was on its way")                                 \
    X(INTERNAL, "internal", "an error inside Postrider")                                                               \
    X(TRANSFORM, "transform", "the transformation failed")                                                             \
    X(OAUTH, "oauth", "the token server did not give a token")

enum cause {
#define CAUSE_ENUM(sym, name, text) CAUSE_##sym,
    CAUSE_TABLE(CAUSE_ENUM)
#undef CAUSE_ENUM
            CAUSE_COUNT
};

const char *cause_name(enum cause c);
const char *cause_text(enum cause c);

/* Microseconds from the start of the attempt to the end of each phase; 0 when the phase was not reached or not needed.
 */
struct attempt_phases {
    int32_t dns_us;
    int32_t connect_us;
    int32_t tls_us;
    int32_t sent_us;
    int32_t first_byte_us;
    int32_t total_us;
};

struct attempt {
    oid_t id;
    oid_t msg;
    oid_t ep;
    oid_t app;
    int number; /* from 1, counts every attempt of the delivery's schedule; manual ones carry 0 */
    int epoch;  /* how often this number was begun before, because a crash lost its outcome */
    enum attempt_trigger trigger;
    enum delivery_status status; /* SUCCESS or FAIL */
    enum cause cause;
    struct str error; /* the cause in words, with detail; null on success */
    int http_status;  /* 0: no answer */
    int64_t started_ms;
    struct attempt_phases phases;
    struct str url;
    struct str request_headers;  /* "Name: value\n"…, custom values masked */
    struct str response_headers; /* "Name: value\n"… */
    struct str response_body;    /* first 16 KiB */
    bool response_truncated;
    struct str peer;       /* address and port, null if none */
    int64_t next_ms;       /* the next scheduled attempt, 0: none */
    struct str event_type; /* of its message, for filters */
};

#define ATTEMPT_BODY_MAX 16384

#endif
