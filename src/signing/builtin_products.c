/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the two products: what their customers' receivers already expect, byte for byte, and what can happen.
 */
#include "signing/builtin.h"

/* --- myra: an envelope, one hex signature over the body --------------------------------------------------------- */

#define CONTACT                                                                                                        \
    "{\"id\":\"con_1042\",\"email\":\"ada@example.com\",\"name\":\"Ada Lovelace\",\"phone\":\"+441234567890\","        \
    "\"tags\":[\"Customer\"]}"

#define BOOKED "\"starts_at\":\"2026-03-02T09:00:00Z\",\"ends_at\":\"2026-03-02T09:30:00Z\","

/* 86400/4095 * 2^i seconds, i = 0..11, to the millisecond: exactly a day in all. */
const char builtin_myra[] =
        "{\"name\":\"myra\",\"description\":\"Myra: event_id, event_type, timestamp, data; X-PulsePost-Signature\","
        "\"body\":{\"type\":\"envelope\",\"template\":\"{\\\"event_id\\\":{event_uuid},\\\"event_type\\\":{type},"
        "\\\"timestamp\\\":{occurred_at},\\\"data\\\":{data}}\"},"
        "\"headers\":{\"X-PulsePost-Signature\":\"{signature}\"},"
        "\"signedString\":\"{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
        "\"secret\":{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":48,\"encoding\":\"alphanumeric\"}},"
        "\"retrySchedule\":[21.099,42.198,84.396,168.791,337.582,675.165,1350.33,2700.659,5401.319,10802.637,"
        "21605.275,43210.549],\"timeoutMs\":10000,\"disableOn410\":false,\"eventTypes\":["
        "{\"name\":\"contact.created\",\"description\":\"A contact was created\",\"example\":" CONTACT "},"
        "{\"name\":\"contact.updated\",\"description\":\"A contact was changed\",\"example\":" CONTACT "},"
        "{\"name\":\"contact.deleted\",\"description\":\"A contact was deleted\",\"example\":" CONTACT "},"
        "{\"name\":\"deal.stage_changed\",\"description\":\"A deal moved to another stage\",\"example\":"
        "{\"id\":\"deal_77\",\"title\":\"Annual plan\",\"value\":4800,\"currency\":\"USD\",\"stage\":\"won\","
        "\"previous_stage\":\"proposal\",\"contact_id\":\"con_1042\"}},"
        "{\"name\":\"booking.confirmed\",\"description\":\"A booking was confirmed\",\"example\":"
        "{\"id\":\"bkg_310\",\"status\":\"confirmed\",\"service\":\"Consultation\"," BOOKED
        "\"contact_id\":\"con_1042\"}},"
        "{\"name\":\"booking.cancelled\",\"description\":\"A booking was cancelled\",\"example\":"
        "{\"id\":\"bkg_310\",\"status\":\"cancelled\",\"service\":\"Consultation\"," BOOKED
        "\"contact_id\":\"con_1042\"}},"
        "{\"name\":\"form.submitted\",\"description\":\"A visitor submitted a form\",\"example\":"
        "{\"id\":\"sub_58\",\"form\":\"Contact us\",\"contact_id\":\"con_1042\","
        "\"fields\":{\"message\":\"Please call me\"}}},"
        "{\"name\":\"call.completed\",\"description\":\"A call ended\",\"example\":"
        "{\"id\":\"call_9\",\"status\":\"completed\",\"direction\":\"outbound\",\"duration_seconds\":184,"
        "\"contact_id\":\"con_1042\"}},"
        "{\"name\":\"esignature.signed\",\"description\":\"A document was signed\",\"example\":"
        "{\"id\":\"esg_21\",\"status\":\"signed\",\"document\":\"Service agreement\","
        "\"signed_at\":\"2026-03-02T10:15:00Z\",\"contact_id\":\"con_1042\"}}"
        "]}";

/* --- metapulse: an envelope with its actor, one hex signature over timestamp and body --------------------------- */

#define TYPE(name, text, example) "{\"name\":\"" name "\",\"description\":\"" text "\",\"example\":" example "}"

/* An object's three types; `what` begins a sentence. */
#define OBJECT_TYPES(object, what, example)                                                                            \
    TYPE(object ".created", what " was created", example)                                                              \
    "," TYPE(object ".deleted", what " was deleted", example) "," TYPE(object ".updated", what " was changed", example)

#define DATA_POINT     "{\"id\":\"dp_501\",\"graph_id\":\"gr_12\",\"date\":\"2026-03-02\",\"value\":42.5}"
#define EVENT          "{\"id\":\"ev_31\",\"title\":\"Quarterly review\",\"starts_at\":\"2026-03-02T09:00:00Z\"}"
#define GRAPH          "{\"id\":\"gr_12\",\"name\":\"New customers\",\"unit\":\"customers\",\"interval\":\"week\"}"
#define KNOWLEDGE_ITEM "{\"id\":\"ki_8\",\"title\":\"How we onboard\",\"kind\":\"article\"}"
#define MEMBER         "{\"id\":\"mem_4\",\"name\":\"Ada Lovelace\",\"email\":\"ada@example.com\",\"role\":\"editor\"}"
#define OBJECTIVE      "{\"id\":\"obj_19\",\"title\":\"Double the trials\",\"due_on\":\"2026-06-30\",\"status\":\"open\"}"
#define POSITION       "{\"id\":\"pos_6\",\"title\":\"Head of Sales\",\"member_id\":\"mem_4\",\"team_id\":\"team_2\"}"
#define TEAM           "{\"id\":\"team_2\",\"name\":\"Sales\",\"member_ids\":[\"mem_4\"]}"

/* One minute doubling to 15,360 s, then eleven of 20,776 s: 20 retries in three days. */
const char builtin_metapulse[] =
        "{\"name\":\"metapulse\",\"description\":\"MetaPulse: id, type, created_at, actor, data; MetaPulse-Signature\","
        "\"body\":{\"type\":\"envelope\",\"template\":\"{\\\"id\\\":{event_uuid},\\\"type\\\":{type},"
        "\\\"created_at\\\":{occurred_at},\\\"actor\\\":{actor},\\\"data\\\":{data}}\"},"
        "\"headers\":{\"MetaPulse-Request-Timestamp\":\"{timestamp}\",\"MetaPulse-Signature\":\"{signature}\"},"
        "\"signedString\":\"{timestamp}.{body}\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
        "\"secret\":{\"keyDecoding\":\"raw\",\"generate\":{\"bytes\":48,\"encoding\":\"alphanumeric\"}},"
        "\"retrySchedule\":[60,120,240,480,960,1920,3840,7680,15360,20776,20776,20776,20776,20776,20776,20776,20776,"
        "20776,20776,20776],\"timeoutMs\":10000,\"disableOn410\":false,\"eventTypes\":[" OBJECT_TYPES("data_point", "A value of a graph", DATA_POINT) "," OBJECT_TYPES(
                "event", "An event",
                EVENT) "," TYPE("graph.created", "A graph was created",
                                GRAPH) "," TYPE("graph.deleted", "A graph was deleted",
                                                GRAPH) "," TYPE("graph.updated",
                                                                "The settings of a graph were changed (never its "
                                                                "values)",
                                                                GRAPH) "," OBJECT_TYPES("knowledge_item",
                                                                                        "A knowledge item",
                                                                                        KNOWLEDGE_ITEM) "," OBJECT_TYPES("member",
                                                                                                                         "A member",
                                                                                                                         MEMBER) "," OBJECT_TYPES("objective",
                                                                                                                                                  "An objective",
                                                                                                                                                  OBJECTIVE) "," OBJECT_TYPES("position",
                                                                                                                                                                              "A position",
                                                                                                                                                                              POSITION) "," OBJECT_TYPES("team",
                                                                                                                                                                                                         "A team",
                                                                                                                                                                                                         TEAM) "]}";
