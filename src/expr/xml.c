/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in a text that is sent as XML. Where a value stands is read from all that is there so far, so what one adds is
 * always a part of what its place holds: text, a quoted attribute, a CDATA section, a comment, or a name in a tag.
 */
#include "expr/expr_impl.h"

#define CDATA_BEGIN "<![CDATA["
#define CDATA_ANEW  "]]>" CDATA_BEGIN

/* Whether what is read since `from` ends so. */
static bool ends_since(struct str all, size_t at, size_t from, struct str with)
{
    return at - from >= with.len && str_eq(str_of(all.ptr + at - with.len, with.len), with);
}

/* at: behind the byte that was read. */
static void enter(struct xml_place *p, enum xml_where where, size_t at)
{
    p->where = where;
    p->from = at;
}

static void read_tag(struct xml_place *p, struct str all, size_t at)
{
    struct str begun = str_of(all.ptr + p->from, at - p->from);
    char c = all.ptr[at - 1];
    if (c == '>') {
        enter(p, XML_TEXT, at);
    } else if (c == '<') { /* inside a document type */
        enter(p, XML_TAG, at - 1);
    } else if (c == '"' || c == '\'') {
        enter(p, XML_QUOTED, at);
        p->quote = c;
    } else if (str_eq(begun, STR("<?"))) {
        enter(p, XML_INSTRUCTION, at);
    } else if (str_eq(begun, STR("<!--"))) {
        enter(p, XML_COMMENT, at);
    } else if (str_eq(begun, STR(CDATA_BEGIN))) {
        enter(p, XML_CDATA, at);
    }
}

void xml_read(struct xml_place *p, struct str all)
{
    while (p->at < all.len) {
        size_t at = ++p->at;
        char c = all.ptr[at - 1];
        switch (p->where) {
        case XML_TEXT:
            if (c == '<')
                enter(p, XML_TAG, at - 1);
            break;
        case XML_TAG:
            read_tag(p, all, at);
            break;
        case XML_QUOTED:
            if (c == p->quote)
                enter(p, XML_TAG, at);
            break;
        case XML_CDATA:
            if (ends_since(all, at, p->from, STR("]]>")))
                enter(p, XML_TEXT, at);
            break;
        case XML_COMMENT:
            if (ends_since(all, at, p->from, STR("-->")))
                enter(p, XML_TEXT, at);
            break;
        case XML_INSTRUCTION:
            if (ends_since(all, at, p->from, STR("?>")))
                enter(p, XML_TEXT, at);
            break;
        }
    }
}

/* No version of XML that is in use can hold the others, not even escaped. */
static bool may_hold(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
            return false;
        if (c == 0xEF && i + 2 < s.len && (unsigned char)s.ptr[i + 1] == 0xBF && (unsigned char)s.ptr[i + 2] >= 0xBE)
            return false;
    }
    return true;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c >= 0x80;
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' && c != ':')
            return false;
    }
    return true;
}

/* What stands for a character in this place, outside of CDATA; NULL: itself. */
static const char *written(enum xml_where where, char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\r':
        return "&#13;";
    case '\n':
        return where == XML_QUOTED ? "&#10;" : NULL;
    case '\t':
        return where == XML_QUOTED ? "&#9;" : NULL;
    case '-':
        return where == XML_COMMENT ? "&#45;" : NULL;
    default:
        return NULL;
    }
}

/* As it is, in a section that is begun anew where it would end, with what stands before it or behind it. */
static void add_cdata(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '>' && str_ends(buf_str(out), STR("]]")))
            buf_add_str(out, STR(CDATA_ANEW));
        buf_add_c(out, s.ptr[i]);
    }
    if (str_ends(s, STR("]")))
        buf_add_str(out, STR(CDATA_ANEW));
}

const char *xml_add(const struct xml_place *p, struct str s, struct buf *out)
{
    if (!may_hold(s))
        return "XML cannot hold one of its characters";
    if (p->where == XML_TAG && !is_name(s))
        return "in a tag, outside of quotes, only a name can stand";
    if (p->where == XML_CDATA) {
        add_cdata(s, out);
        return NULL;
    }
    for (size_t i = 0; i < s.len; i++) {
        const char *text = written(p->where, s.ptr[i]);
        if (text != NULL)
            buf_add_str(out, str_c(text));
        else
            buf_add_c(out, s.ptr[i]);
    }
    return NULL;
}
