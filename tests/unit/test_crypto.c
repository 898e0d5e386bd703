/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "crypto/keyfile.h"
#include "crypto/seal.h"
#include "model/message.h"
#include "model/object.h"

static void assert_hex(const unsigned char *bytes, size_t len, const char *want)
{
    struct buf hex = BUF_INIT(4096);
    crypto_hex(str_of((const char *)bytes, len), &hex);
    char *text = buf_take(&hex, NULL);
    assert_string_equal(text, want);
    free(text);
}

static struct str unhex(const char *text, struct buf *into)
{
    *into = BUF_INIT(4096);
    assert_int_equal(crypto_unhex(str_c(text), into), ERR_OK);
    return buf_str(into);
}

/* RFC 4231 (SHA-256, SHA-512) and RFC 2202 (SHA-1). */
static void hmac_answers_as_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        enum crypto_mac mac;
        const char key_byte;
        size_t key_len;
        const char *key;
        const char *message;
        const char *want;
    } rows[] = {
            {CRYPTO_HMAC_SHA256, 0x0b, 20, NULL, "Hi There",
             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
            {CRYPTO_HMAC_SHA512, 0x0b, 20, NULL, "Hi There",
             "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914ee"
             "b6"
             "1f1702e696c203a126854"},
            {CRYPTO_HMAC_SHA1, 0x0b, 20, NULL, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
            {CRYPTO_HMAC_SHA256, 0, 0, "Jefe", "what do ya want for nothing?",
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
            {CRYPTO_HMAC_SHA1, 0, 0, "Jefe", "what do ya want for nothing?",
             "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
            {CRYPTO_HMAC_SHA256, (char)0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
            {CRYPTO_HMAC_SHA512, (char)0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
             "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f"
             "63"
             "f0aec8b915a985d786598"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char repeated[131];
        unsigned char out[CRYPTO_MAC_MAX];
        memset(repeated, rows[i].key_byte, sizeof repeated);
        struct str key = rows[i].key != NULL ? str_c(rows[i].key) : str_of(repeated, rows[i].key_len);
        struct crypto_signer *s = crypto_signer_new(rows[i].mac, key);
        assert_non_null(s);
        for (size_t cut = 0; cut < 3; cut++) { /* the same signer again, the message in parts */
            struct str whole = str_c(rows[i].message);
            struct str parts[] = {str_take(whole, cut), STR_NULL, str_skip(whole, cut)};
            size_t len = crypto_sign(s, parts, ARRAY_LEN(parts), out);
            assert_hex(out, len, rows[i].want);
        }
        crypto_signer_free(s);
    }
    assert_null(crypto_signer_new(CRYPTO_HMAC_SHA256, STR_NULL));
}

/* RFC 8032 section 7.1. */
static void ed25519_answers_as_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *seed;
        const char *public;
        const char *message;
        const char *want;
    } rows[] = {
            {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
             "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f05"
             "9"
             "5bbe24655141438e7a100b"},
            {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
             "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb"
             "4"
             "302aeeb00d291612bb0c00"},
            {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
             "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
             "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e97"
             "1"
             "6ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf seed, message, public, pair = BUF_INIT(64);
        unsigned char out[CRYPTO_MAC_MAX], derived[32];
        unhex(rows[i].seed, &seed);
        unhex(rows[i].public, &public);
        struct str text = unhex(rows[i].message, &message);
        struct str parts[] = {str_take(text, 1), str_skip(text, 1)};
        buf_add_str(&pair, buf_str(&seed));
        buf_add_str(&pair, buf_str(&public));
        for (int form = 0; form < 2; form++) {
            struct str key = buf_str(form == 0 ? &seed : &pair);
            struct crypto_signer *s = crypto_signer_new(CRYPTO_ED25519, key);
            assert_non_null(s);
            for (int again = 0; again < 2; again++)
                assert_hex(out, crypto_sign(s, parts, 2, out), rows[i].want);
            assert_int_equal(crypto_ed25519_public(key, derived), ERR_OK);
            assert_hex(derived, sizeof derived, rows[i].public);
            crypto_signer_free(s);
        }
        struct str signature = str_of((char *)out, 64);
        assert_true(crypto_ed25519_verify(buf_str(&public), parts, 2, signature));
        assert_false(crypto_ed25519_verify(buf_str(&seed), parts, 2, signature));
        out[3] ^= 1;
        assert_false(crypto_ed25519_verify(buf_str(&public), parts, 2, signature));
        pair.ptr[63] ^= 1; /* a public half that does not belong to the seed */
        assert_null(crypto_signer_new(CRYPTO_ED25519, buf_str(&pair)));
        buf_fini(&seed), buf_fini(&message), buf_fini(&public), buf_fini(&pair);
    }
    assert_null(crypto_signer_new(CRYPTO_ED25519, STR("too short")));
}

static void texts_encode_and_decode(void **state)
{
    (void)state;
    static const struct {
        const char *plain;
        const char *hex;
        const char *base64;
        const char *base64url;
    } rows[] = {{"", "", "", ""},
                {"f", "66", "Zg==", "Zg"},
                {"fo", "666f", "Zm8=", "Zm8"},
                {"foo", "666f6f", "Zm9v", "Zm9v"},
                {"foob", "666f6f62", "Zm9vYg==", "Zm9vYg"},
                {"\xfb\xff\xbf\xfe", "fbffbffe", "+/+//g==", "-_-__g"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(64);
        crypto_hex(str_c(rows[i].plain), &out);
        assert_true(str_eq(buf_str(&out), str_c(rows[i].hex)));
        buf_clear(&out);
        crypto_base64(str_c(rows[i].plain), &out);
        assert_true(str_eq(buf_str(&out), str_c(rows[i].base64)));
        buf_clear(&out);
        crypto_base64url(str_c(rows[i].plain), &out);
        assert_true(str_eq(buf_str(&out), str_c(rows[i].base64url)));
        buf_clear(&out);
        assert_int_equal(crypto_unhex(str_c(rows[i].hex), &out), ERR_OK);
        assert_int_equal(crypto_unbase64(str_c(rows[i].base64), &out), ERR_OK);
        assert_int_equal(crypto_unbase64url(str_c(rows[i].base64url), &out), ERR_OK);
        assert_int_equal(out.len, 3 * strlen(rows[i].plain));
        for (size_t at = 0; at < out.len; at += out.len / 3)
            assert_true(str_eq(str_take(str_skip(buf_str(&out), at), out.len / 3), str_c(rows[i].plain)));
        buf_fini(&out);
    }
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const char *const hex[] = {"0", "0g", "xx", "00 "};
    static const char *const base64[] = {"Z", "Zg=", "Zg===", "Z===", "Zh==", "Zm9", "Z g=", "Zg==Zg==", "-_-_", "="};
    static const char *const base64url[] = {"Z", "Zg==", "Zh", "+/+/", "Zm9v\n"};
    struct buf out = BUF_INIT(64);
    for (size_t i = 0; i < ARRAY_LEN(hex); i++)
        assert_int_equal(crypto_unhex(str_c(hex[i]), &out), ERR_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(base64); i++)
        assert_int_equal(crypto_unbase64(str_c(base64[i]), &out), ERR_INVALID);
    for (size_t i = 0; i < ARRAY_LEN(base64url); i++)
        assert_int_equal(crypto_unbase64url(str_c(base64url[i]), &out), ERR_INVALID);
    assert_int_equal(out.len, 0);
    assert_int_equal(crypto_unbase64(STR("Zm8"), &out), ERR_OK); /* unpadded is taken */
    buf_fini(&out);
}

static void comparison_and_digest(void **state)
{
    (void)state;
    unsigned char digest[CRYPTO_SHA256_LEN], a[16] = {0}, b[16] = {0};
    assert_true(crypto_equal(STR("abc"), STR("abc")));
    assert_true(crypto_equal(STR(""), STR_NULL));
    assert_false(crypto_equal(STR("abc"), STR("abd")));
    assert_false(crypto_equal(STR("abc"), STR("ab")));
    crypto_sha256(STR("abc"), digest);
    assert_hex(digest, sizeof digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* --- sealed secrets --------------------------------------------------------------------------------------------- */

static char dir[64];
static char path[80];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/postrider-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/postrider.keys", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir); /* fails when something was left behind */
}

static struct keyring *load(const char *master_key, const char *jwt)
{
    struct keyring *k = NULL;
    const char *why = NULL;
    if (keyring_load(path, master_key, jwt, &k, &why) != ERR_OK)
        fail_msg("%s", why);
    return k;
}

static void sealed_values_open_where_they_belong(void **state)
{
    (void)state;
    struct keyring *k = load(NULL, NULL);
    struct buf sealed = BUF_INIT(1024), again = BUF_INIT(1024), plain = BUF_INIT(1024);
    keyring_seal(k, STR("whsec_secret"), STR("17"), &sealed);
    keyring_seal(k, STR("whsec_secret"), STR("17"), &again);
    assert_int_equal(sealed.len, 1 + 4 + 12 + 12 + 16);
    assert_false(str_eq(buf_str(&sealed), buf_str(&again)));
    assert_int_equal(str_find_str(buf_str(&sealed), STR("secret")), sealed.len);
    assert_int_equal(keyring_sealed_by(buf_str(&sealed)), 1);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("18"), &plain), ERR_INVALID);
    assert_int_equal(keyring_open(k, str_take(buf_str(&sealed), 20), STR("17"), &plain), ERR_INVALID);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        assert_int_equal(keyring_open(k, buf_str(&sealed), STR("17"), &plain), ERR_INVALID);
        sealed.ptr[i] ^= 1;
    }
    assert_int_equal(plain.len, 0);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("17"), &plain), ERR_OK);
    assert_true(str_eq(buf_str(&plain), STR("whsec_secret")));
    buf_clear(&sealed);
    buf_clear(&plain);
    keyring_seal(k, STR_NULL, STR("1"), &sealed);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_OK);
    assert_int_equal(plain.len, 0);
    assert_int_equal(keyring_sealed_by(STR("something else entirely, long enough")), 0);
    buf_fini(&sealed), buf_fini(&again), buf_fini(&plain);
    keyring_free(k);
}

static void rotation_keeps_and_forgets(void **state)
{
    (void)state;
    struct keyring *k = load(NULL, NULL);
    struct buf sealed = BUF_INIT(1024), plain = BUF_INIT(1024);
    const char *why = NULL;
    char *jwt = mem_strndup(keyring_jwt_secret(k).ptr, keyring_jwt_secret(k).len);
    keyring_seal(k, STR("old"), STR("1"), &sealed);
    assert_int_equal(keyring_rotate(k, path, &why), ERR_OK);
    assert_int_equal(keyring_current(k), 2);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_OK);
    keyring_free(k);
    k = load(NULL, NULL); /* the file says the same */
    assert_int_equal(keyring_current(k), 2);
    assert_true(str_eq(keyring_jwt_secret(k), str_c(jwt)));
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_OK);
    assert_int_equal(keyring_forget_old(k, path, &why), ERR_OK);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_INVALID);
    keyring_free(k);
    k = load(NULL, NULL);
    assert_int_equal(keyring_current(k), 2);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_INVALID);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(jwt);
    buf_fini(&sealed), buf_fini(&plain);
    keyring_free(k);
}

static void environment_comes_first(void **state)
{
    (void)state;
    static const char old_key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    static const char both[] = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff, "
                               "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    struct buf sealed = BUF_INIT(1024), plain = BUF_INIT(1024);
    const char *why = NULL;
    struct keyring *k = load(old_key, "from outside");
    assert_int_equal(access(path, F_OK), -1); /* nothing to keep, no file */
    assert_true(str_eq(keyring_jwt_secret(k), STR("from outside")));
    keyring_seal(k, STR("x"), STR("1"), &sealed);
    assert_int_equal(keyring_rotate(k, path, &why), ERR_INVALID);
    keyring_free(k);
    k = load(both, NULL); /* the file is made for the token secret */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(keyring_open(k, buf_str(&sealed), STR("1"), &plain), ERR_OK);
    assert_int_not_equal(keyring_current(k), keyring_sealed_by(buf_str(&sealed)));
    keyring_free(k);
    buf_fini(&sealed), buf_fini(&plain);
}

static void bad_key_settings_are_refused(void **state)
{
    (void)state;
    struct keyring *k = NULL;
    const char *why = NULL;
    assert_int_equal(keyring_load(path, "abcd", NULL, &k, &why), ERR_INVALID);
    assert_non_null(strstr(why, "64"));
    assert_int_equal(keyring_load(path, NULL, "", &k, &why), ERR_INVALID);
    assert_int_equal(keyring_load("/nonexistent/dir/keys", NULL, NULL, &k, &why), ERR_IO);
    assert_non_null(strstr(why, "/nonexistent/dir/keys"));
    keyring_free(load(NULL, NULL));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyring_load(path, NULL, NULL, &k, &why), ERR_INVALID);
    assert_non_null(strstr(why, "chmod 600 "));
    assert_non_null(strstr(why, path));
    assert_null(k);
}

#define K "\"key\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""

static void keys_files_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1," K "}],\"current\":1}", true},
            {" { \"current\" : 7 , \"masterKeys\" : [ { " K " , \"id\" : 7 } ] , \"jwtSecret\" : \"s\" } \n", true},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1," K "}],\"current\":2}", false},
            {"{\"jwtSecret\":\"\",\"masterKeys\":[{\"id\":1," K "}],\"current\":1}", false},
            {"{\"jwtSecret\":\"a\\n\",\"masterKeys\":[{\"id\":1," K "}],\"current\":1}", false},
            {"{\"masterKeys\":[{\"id\":1," K "}],\"current\":1}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1," K "},{\"id\":1," K "}],\"current\":1}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":0," K "}],\"current\":0}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":4294967296," K "}],\"current\":4294967296}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1,\"key\":\"00\"}],\"current\":1}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[],\"current\":1}", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1," K "}],\"current\":1}x", false},
            {"{\"jwtSecret\":\"s\",\"masterKeys\":[{\"id\":1," K "}],\"current\":1", false},
            {"{}", false},
            {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct keyfile f;
        const char *why = NULL;
        assert_int_equal(keyfile_parse(str_c(rows[i].text), &f, &why), rows[i].good ? ERR_OK : ERR_INVALID);
        assert_int_equal(why != NULL, !rows[i].good);
    }
}

static void every_cause_and_kind_has_a_name(void **state)
{
    (void)state;
    for (int c = 0; c < CAUSE_COUNT; c++)
        assert_true(strlen(cause_name((enum cause)c)) > 0 && strlen(cause_text((enum cause)c)) > 0);
    assert_string_equal(cause_name(CAUSE_TIMEOUT_TLS), "timeout_tls");
    assert_string_equal(object_prefix(OBJ_ENDPOINT), "ep_");
    assert_string_equal(object_prefix(OBJ_TASK), "qtask_");
}

#define WITH_DIR(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(hmac_answers_as_the_rfcs),
            cmocka_unit_test(ed25519_answers_as_the_rfc),
            cmocka_unit_test(texts_encode_and_decode),
            cmocka_unit_test(bad_texts_are_refused),
            cmocka_unit_test(comparison_and_digest),
            WITH_DIR(sealed_values_open_where_they_belong),
            WITH_DIR(rotation_keeps_and_forgets),
            WITH_DIR(environment_comes_first),
            WITH_DIR(bad_key_settings_are_refused),
            cmocka_unit_test(keys_files_parse),
            cmocka_unit_test(every_cause_and_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
