/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instead of a long list, the rules that such lists follow: a well-known word, whatever digits and signs stand around
 * it and for its letters; a word of one's own address; a walk over the keyboard or the alphabet; a repetition.
 */
#include "auth/weak.h"

#include "crypto/password.h"

#define CORE_MAX 64

static const char *const words[] = {
        "password",   "passwort",   "passphrase", "pass",          "qwerty",   "qwertz",   "azerty",   "letmein",
        "welcome",    "admin",      "root",       "administrator", "iloveyou", "monkey",   "dragon",   "master",
        "login",      "secret",     "football",   "baseball",      "sunshine", "princess", "shadow",   "superman",
        "batman",     "trustno",    "postrider",  "webhook",       "webhooks", "changeme", "default",  "test",
        "testing",    "guest",      "user",       "hello",         "whatever", "freedom",  "starwars", "summer",
        "winter",     "spring",     "autumn",     "computer",      "internet", "michael",  "jordan",   "charlie",
        "jennifer",   "access",     "flower",     "mustang",       "killer",   "pokemon",  "cheese",   "google",
        "facebook",   "samsung",    "company",    "console",       "server",   "database", "hooks",    "passwd",
        "letmeinnow", "opensesame", "abc",        "asdf",          "zaq",      "qazwsx",   "loveme",   "babygirl",
};

static const char *const rows[] = {"qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "1234567890"};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

/* What a sign often stands for. */
static char letter_for(char c)
{
    static const char signs[] = "013457@$!+|", letters[] = "oieastasitl";
    const char *at = c != '\0' ? strchr(signs, c) : NULL;
    return at != NULL ? letters[at - signs] : lower(c);
}

static size_t count_chars(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return n;
}

static size_t count_different(struct str s)
{
    bool seen[256] = {false};
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)lower(s.ptr[i]);
        n += !seen[c];
        seen[c] = true;
    }
    return n;
}

static bool are_neighbours(char a, char b)
{
    if (a == b || a + 1 == b || b + 1 == a)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *at = strchr(rows[i], a);
        if (at != NULL && (at[1] == b || (at > rows[i] && at[-1] == b)))
            return true;
    }
    return false;
}

static bool is_walk(struct str s)
{
    size_t steps = 0;
    for (size_t i = 1; i < s.len; i++)
        steps += s.ptr[i - 1] != '\0' && are_neighbours(lower(s.ptr[i - 1]), lower(s.ptr[i]));
    return steps * 10 >= (s.len - 1) * 8;
}

/* The shortest part that it is made of, again and again. */
static struct str period_of(struct str s)
{
    for (size_t n = 1; n <= s.len / 2; n++) {
        if (s.len % n == 0 && memcmp(s.ptr, s.ptr + n, s.len - n) == 0)
            return str_take(s, n);
    }
    return s;
}

static bool is_word(struct str core, struct str email)
{
    struct str host = email, name = str_split(&host, '@'), company = str_split(&host, '.');
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(core, str_c(words[i])))
            return true;
    }
    return (name.len > 2 && str_eq_nocase(core, name)) || (company.len > 2 && str_eq_nocase(core, company));
}

/* Without what stands around the letters; as written, and with letters for signs. */
static bool is_known(struct str s, struct str email)
{
    char plain[CORE_MAX], read[CORE_MAX];
    if (s.len > CORE_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        plain[i] = lower(s.ptr[i]);
        read[i] = letter_for(s.ptr[i]);
    }
    for (int way = 0; way < 2; way++) {
        size_t from = 0, to = s.len;
        while (to > from && !is_letter(s.ptr[to - 1]))
            to--;
        while (from < to && !is_letter(s.ptr[from]) && way == 0)
            from++;
        struct str core = str_of((way == 0 ? plain : read) + from, to - from);
        if (is_word(core, email) || is_word(period_of(core), email))
            return true;
    }
    return is_word(str_of(plain, s.len), email) || is_word(str_of(read, s.len), email);
}

const char *password_weakness(struct str password, struct str email)
{
    if (!str_is_utf8(password) || password.len > CRYPTO_PASSWORD_MAX)
        return "must be text of at most 1024 bytes";
    if (count_chars(password) < PASSWORD_CHARS_MIN)
        return "must have at least 8 characters";
    if (count_different(password) < 4 || period_of(password).len <= 4)
        return "repeats the same few characters";
    if (is_walk(password))
        return "is a row of keys or letters";
    if (is_known(password, email) || str_eq_nocase(password, email))
        return "is one of those that are tried first: choose something that is no well-known word or your address";
    return NULL;
}
