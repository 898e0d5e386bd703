/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions that stay on in production. A broken invariant is a bug of ours: continuing could lose or double an
 * event, stopping cannot (a restart recovers from the store), so the process ends at once.
 */
#ifndef PR_BASE_CHECK_H
#define PR_BASE_CHECK_H

#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define LIKELY(x)              __builtin_expect(!!(x), 1)
#define UNLIKELY(x)            __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

/* The object that embeds `member`, given a pointer to the member. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Ends the process with a line that names the broken condition. */
#define CHECK(cond) (LIKELY(cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

NORETURN void check_failed(const char *cond, const char *file, int line);

#endif
