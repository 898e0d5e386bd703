/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay                 runs every target on its seeds, as they are and cut and bent a little, and on the inputs under
 * FOUND/TARGET replay list            names of the targets, with their longest input replay write T DIR     writes the
 * seeds of a target as files, and its dictionary as DIR.dict replay run T FILE…     runs a target on files
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "sys/clock.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)

static void run_copy(const struct fuzz_target *t, struct str s)
{
    AUTO_FREE char *copy = fuzz_copy(s);
    t->run(str_of(copy, s.len));
}

static bool run_file(const struct fuzz_target *t, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        return false;
    }
    AUTO_FREE char *bytes = mem_alloc(FILE_MAX_BYTES);
    size_t len = fread(bytes, 1, FILE_MAX_BYTES, file);
    fclose(file);
    run_copy(t, str_of(bytes, len));
    return true;
}

/* Every prefix of a short seed, and each byte changed once: what a fuzzer tries first. */
static size_t run_seed(const struct fuzz_target *t, struct str seed)
{
    size_t runs = 1, step = seed.len / 60 + 1;
    run_copy(t, seed);
    for (size_t at = 0; at < seed.len; at += step) {
        AUTO_FREE char *bent = fuzz_copy(seed);
        run_copy(t, str_take(seed, at));
        bent[at] = (char)(bent[at] ^ (char)(1u << (at % 7)));
        t->run(str_of(bent, seed.len));
        runs += 2;
    }
    return runs;
}

static int run_all(const char *found)
{
    for (size_t i = 0; fuzz_targets[i] != NULL; i++) {
        const struct fuzz_target *t = fuzz_targets[i];
        size_t runs = 0, files = 0;
        char dir[512], path[1024];
        for (size_t s = 0; s < t->seed_count; s++)
            runs += run_seed(t, t->seeds[s]);
        snprintf(dir, sizeof dir, "%s/%s", found, t->name);
        DIR *d = opendir(dir);
        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            if (e->d_name[0] != '.' && !run_file(t, path))
                return 1;
            files += e->d_name[0] != '.';
        }
        if (d != NULL)
            closedir(d);
        printf("ok %zu - %s: %zu seeds, %zu runs, %zu found before\n", i + 1, t->name, t->seed_count, runs, files);
    }
    return 0;
}

static void write_word(FILE *to, const char *word)
{
    fputc('"', to);
    for (const char *p = word; *p != '\0'; p++) {
        if (*p < ' ' || *p == '"' || *p == '\\' || *p == 0x7f)
            fprintf(to, "\\x%02x", (unsigned)(unsigned char)*p);
        else
            fputc(*p, to);
    }
    fputs("\"\n", to);
}

static int write_seeds(const struct fuzz_target *t, const char *dir)
{
    char path[1024];
    (void)mkdir(dir, 0777);
    for (size_t i = 0; i < t->seed_count; i++) {
        snprintf(path, sizeof path, "%s/seed-%03zu", dir, i);
        FILE *to = fopen(path, "wb");
        if (to == NULL || fwrite(t->seeds[i].ptr, 1, t->seeds[i].len, to) != t->seeds[i].len || fclose(to) != 0)
            return 1;
    }
    snprintf(path, sizeof path, "%s.dict", dir);
    FILE *to = fopen(path, "wb");
    if (to == NULL)
        return 1;
    for (const char *const *w = t->words; w != NULL && *w != NULL; w++)
        write_word(to, *w);
    return fclose(to) != 0;
}

int main(int argc, char **argv)
{
    const struct fuzz_target *t = argc > 2 ? fuzz_find(argv[2]) : NULL;
    clock_init(0);
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (size_t i = 0; fuzz_targets[i] != NULL; i++)
            printf("%s %zu\n", fuzz_targets[i]->name, fuzz_targets[i]->len_max);
        return 0;
    }
    if (argc == 4 && t != NULL && strcmp(argv[1], "write") == 0)
        return write_seeds(t, argv[3]);
    if (argc > 3 && t != NULL && strcmp(argv[1], "run") == 0) {
        bool good = true;
        for (int i = 3; i < argc; i++)
            good = run_file(t, argv[i]) && good;
        return good ? 0 : 1;
    }
    if (argc == 2)
        return run_all(argv[1]);
    fprintf(stderr, "replay FOUND | list | write TARGET DIR | run TARGET FILE...\n");
    return 2;
}
