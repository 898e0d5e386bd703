/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs of customers. What is accepted is in its one normal form, says the same host and port to us, to the client and
 * to curl, and an address among hosts is one that may be reached.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "delivery/address.h"
#include "delivery/target.h"
#include "fuzz.h"
#include "ssrf/ssrf.h"

static const struct ssrf_policy strict = {.https_only = false};

static void check_literal(const struct ssrf_url *u)
{
    struct address at;
    bool is = address_parse(str_c(u->host), u->port, &at);
    CHECK(is == u->is_literal);
    if (is)
        CHECK(ssrf_check_address(&strict, &at.sa) == NULL);
    /* What the C library or curl would take for an address must not pass as a name. */
    struct in_addr v4;
    CHECK(is || inet_aton(u->host, &v4) == 0);
    for (const char *p = u->host; *p != '\0'; p++)
        CHECK((unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && strchr("%/?#@\\[]", *p) == NULL &&
              !(*p >= 'A' && *p <= 'Z'));
}

static char *curl_part(CURLU *h, CURLUPart what)
{
    char *text = NULL;
    CHECK(curl_url_get(h, what, &text, what == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) == CURLUE_OK);
    return text;
}

static void check_curl(const struct ssrf_url *u)
{
    CURLU *h = curl_url();
    CHECK(h != NULL && curl_url_set(h, CURLUPART_URL, u->normal, CURLU_PATH_AS_IS) == CURLUE_OK);
    char *host = curl_part(h, CURLUPART_HOST), *port = curl_part(h, CURLUPART_PORT);
    struct str bare = str_c(host);
    if (bare.len > 1 && bare.ptr[0] == '[')
        bare = str_of(bare.ptr + 1, bare.len - 2);
    CHECK(str_eq(bare, str_c(u->host)) && strtoul(port, NULL, 10) == u->port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(h);
}

static void run(struct str in)
{
    AUTO_FREE char *copy = fuzz_copy(in);
    struct ssrf_url u, again;
    struct target t;
    const char *why = NULL;
    enum err e = ssrf_parse_url(&strict, str_of(copy, in.len), &u, &why);
    CHECK(e == ERR_OK || (e == ERR_INVALID && why != NULL));
    (void)target_parse(str_of(copy, in.len), &t);
    if (e != ERR_OK)
        return;
    CHECK(u.port >= 1 && u.port <= 65535);
    check_literal(&u);
    check_curl(&u);
    CHECK(ssrf_parse_url(&strict, str_c(u.normal), &again, &why) == ERR_OK);
    CHECK(strcmp(u.normal, again.normal) == 0 && strcmp(u.host, again.host) == 0 && u.port == again.port &&
          u.https == again.https && u.is_literal == again.is_literal);
    CHECK(target_parse(str_c(u.normal), &t) == NULL);
    CHECK(str_eq(t.host, str_c(u.host)) && t.port == u.port && t.https == u.https);
    ssrf_url_fini(&again);
    ssrf_url_fini(&u);
}

static const struct str seeds[] = {
        STR("https://example.com/hook?x=1&y=[a]%20b"),
        STR("http://EXAMPLE.com.:8080"),
        STR("https://m\xc3\xbcller.example/stra\xc3\x9f"
            "e"),
        STR("https://8.8.8.8:443/"),
        STR("http://0x7f.1/"),
        STR("http://2130706433/"),
        STR("http://0177.0.0.1:80/../x"),
        STR("https://[2606:4700::1111]:8443/p"),
        STR("http://[::ffff:8.8.8.8]/"),
        STR("http://%31%32%37.0.0.1/"),
        STR("http://user:pw@example.com/"),
        STR("http:///example.com"),
        STR("http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1"),
        STR("http://169.254.169.254/latest"),
        STR("https://xn--mller-kva.example/?q#f"),
        STR("http://a.b\\@c.d/"),
};
static const char *const words[] = {"http://",      "https://", "127.0.0.1", "0x7f", "localhost",
                                    "[::1]",        "xn--",     ".internal", "%2e",  "\xe3\x80\x82",
                                    "\xef\xbc\x8e", ":80",      ":443",      "@",    "#",
                                    "..",           "0177",     "%00",       NULL};
const struct fuzz_target fuzz_url = {
        .name = "url", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 512};
