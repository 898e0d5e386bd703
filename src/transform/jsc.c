/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JavaScriptCore by its C interface (JavaScriptCore/JSBase.h and those beside it), loaded at run time: the program
 * neither links the library nor needs its headers. Opaque types are void pointers here.
 */
#include "transform/jsc.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/mem.h"
#include "transform/transform.h"

typedef void js; /* a context, a value or a string of the engine's */

static struct {
    js *(*group_new)(void);
    void (*group_free)(js *group);
    js *(*context_new)(js *group, js *global_class);
    void (*context_free)(js *ctx);
    js *(*string_new)(const char *utf8);
    void (*string_free)(js *s);
    size_t (*string_room)(js *s);
    size_t (*string_utf8)(js *s, char *out, size_t room);
    js *(*evaluate)(js *ctx, js *script, js *self, js *url, int line, js **exception);
    js *(*call)(js *ctx, js *function, js *self, size_t argc, js *const argv[], js **exception);
    js *(*number)(js *ctx, double v);
    js *(*boolean)(js *ctx, bool v);
    js *(*value_string)(js *ctx, js *string);
    js *(*to_string)(js *ctx, js *value, js **exception);
    bool (*is_object)(js *ctx, js *value);
    js *(*get_at)(js *ctx, js *object, unsigned index, js **exception);
} api;

static const struct {
    void *slot;
    const char *name;
} symbols[] = {{&api.group_new, "JSContextGroupCreate"},
               {&api.group_free, "JSContextGroupRelease"},
               {&api.context_new, "JSGlobalContextCreateInGroup"},
               {&api.context_free, "JSGlobalContextRelease"},
               {&api.string_new, "JSStringCreateWithUTF8CString"},
               {&api.string_free, "JSStringRelease"},
               {&api.string_room, "JSStringGetMaximumUTF8CStringSize"},
               {&api.string_utf8, "JSStringGetUTF8CString"},
               {&api.evaluate, "JSEvaluateScript"},
               {&api.call, "JSObjectCallAsFunction"},
               {&api.number, "JSValueMakeNumber"},
               {&api.boolean, "JSValueMakeBoolean"},
               {&api.value_string, "JSValueMakeString"},
               {&api.to_string, "JSValueToStringCopy"},
               {&api.is_object, "JSValueIsObject"},
               {&api.get_at, "JSObjectGetPropertyAtIndex"}};

static const char *const libraries[] = {"libjavascriptcoregtk-4.1.so.0", "libjavascriptcoregtk-6.0.so.1",
                                        "libjavascriptcoregtk-4.0.so.18"};

/* What the prelude returns, in this order. */
enum { FN_RUN, FN_FINISH, FN_DESCRIBE, FN_COUNT };

struct run {
    js *group;
    js *ctx;
    js *fn[FN_COUNT];
};

static js *string_of(struct str s)
{
    AUTO_FREE char *z = mem_strndup(s.ptr != NULL ? s.ptr : "", s.len);
    return api.string_new(z);
}

static js *evaluate(js *ctx, struct str code, const char *url, js **exception)
{
    js *script = string_of(code), *name = string_of(str_c(url));
    js *value = api.evaluate(ctx, script, NULL, name, 1, exception);
    api.string_free(script);
    api.string_free(name);
    return value;
}

/* The text of a value that the prelude made: its first letter is the kind of the answer. */
static void answer_text(const struct run *r, js *value, struct buf *out)
{
    js *exception = NULL, *s = value != NULL ? api.to_string(r->ctx, value, &exception) : NULL;
    if (s == NULL) {
        wire_write_text(WIRE_ERROR, STR("the result cannot be read"), out);
        return;
    }
    size_t room = api.string_room(s);
    AUTO_FREE char *text = mem_alloc(room + 1);
    size_t len = api.string_utf8(s, text, room);
    api.string_free(s);
    struct str all = str_of(text, len > 0 ? len - 1 : 0);
    if (all.len == 0 || (all.ptr[0] != WIRE_DONE && all.ptr[0] != WIRE_ERROR))
        wire_write_text(WIRE_ERROR, STR("the result cannot be read"), out);
    else
        wire_write_text((enum wire_kind)all.ptr[0], str_skip(all, 1), out);
}

static void answer_exception(const struct run *r, js *exception, struct buf *out)
{
    js *again = NULL, *args[] = {exception};
    answer_text(r, api.call(r->ctx, r->fn[FN_DESCRIBE], NULL, 1, args, &again), out);
}

static bool begin(struct run *r, const struct wire_ask *ask)
{
    js *exception = NULL;
    r->group = api.group_new();
    r->ctx = api.context_new(r->group, NULL);
    js *prelude = evaluate(r->ctx, str_c(prelude_js), "postrider", &exception);
    if (prelude == NULL || !api.is_object(r->ctx, prelude))
        return false;
    js *args[] = {api.number(r->ctx, (double)ask->now_ms), api.number(r->ctx, (double)(uint32_t)ask->seed),
                  api.number(r->ctx, (double)(uint32_t)(ask->seed >> 32)), api.boolean(r->ctx, ask->want_logs),
                  api.number(r->ctx, (double)ask->output_bytes)};
    js *list = api.call(r->ctx, prelude, NULL, ARRAY_LEN(args), args, &exception);
    if (list == NULL || !api.is_object(r->ctx, list))
        return false;
    for (unsigned i = 0; i < FN_COUNT; i++)
        r->fn[i] = api.get_at(r->ctx, list, i, &exception);
    return exception == NULL;
}

static void run_code(const struct run *r, const struct wire_ask *ask, struct buf *out)
{
    js *exception = NULL;
    if (evaluate(r->ctx, ask->code, "transformation", &exception) == NULL) {
        answer_exception(r, exception, out);
        return;
    }
    /* Also one that is `const handler = …`, which is no property of the global object. */
    js *handler = evaluate(r->ctx, STR("typeof handler === 'function' ? handler : undefined"), "postrider", &exception);
    if (handler == NULL || !api.is_object(r->ctx, handler)) {
        wire_write_text(WIRE_ERROR, STR("there is no function named handler"), out);
        return;
    }
    if (ask->kind == WIRE_CHECK) {
        wire_write_text(WIRE_DONE, STR("{}"), out);
        return;
    }
    js *input = string_of(ask->input), *args[] = {handler, api.value_string(r->ctx, input)};
    api.string_free(input);
    /* Promises move on between these two calls. */
    if (api.call(r->ctx, r->fn[FN_RUN], NULL, 2, args, &exception) == NULL) {
        answer_exception(r, exception, out);
        return;
    }
    answer_text(r, api.call(r->ctx, r->fn[FN_FINISH], NULL, 0, NULL, &exception), out);
}

void jsc_run(const struct wire_ask *ask, struct buf *out)
{
    struct run r = {0};
    if (begin(&r, ask))
        run_code(&r, ask, out);
    else
        wire_write_text(WIRE_ERROR, STR("the JavaScript engine cannot be set up"), out);
    api.context_free(r.ctx);
    api.group_free(r.group);
}

static void *load(void)
{
    void *lib = NULL;
    for (size_t i = 0; i < ARRAY_LEN(libraries) && lib == NULL; i++)
        lib = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    return lib;
}

bool transform_engine_is_here(void)
{
    return load() != NULL;
}

const char *jsc_open(void)
{
    void *lib = load();
    if (lib == NULL)
        return "transformations need JavaScriptCore, which is not on this machine: install the package "
               "" TRANSFORM_PACKAGE;
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        void *found = dlsym(lib, symbols[i].name);
        if (found == NULL)
            return "the JavaScriptCore on this machine lacks functions: install the package " TRANSFORM_PACKAGE;
        memcpy(symbols[i].slot, &found, sizeof found);
    }
    /* Whatever the engine does once in a process is done before the doors close. */
    struct wire_ask ask = {.kind = WIRE_RUN,
                           .output_bytes = 1000,
                           .code = STR("const handler = async (w) => { new Intl.NumberFormat().format(1); "
                                       "return {...w, payload: [`${/a+/u.exec('aa')}`.normalize()]}; }"),
                           .input = STR("{\"method\":\"POST\",\"url\":\"\",\"payload\":{}}")};
    struct buf out = BUF_INIT(65536);
    jsc_run(&ask, &out);
    bool works = out.len > WIRE_HEAD && out.ptr[WIRE_HEAD] == WIRE_DONE;
    buf_fini(&out);
    return works ? NULL : "the JavaScriptCore on this machine does not work: reinstall " TRANSFORM_PACKAGE;
}
