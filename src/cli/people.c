/** sotto speakers: a store of voices that have names. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/console.h"
#include "cli/speakers.h"

static const char help[] =
    "usage: sotto speakers add NAME FILE... [--store PATH]     know the voice that speaks longest in each "
    "FILE\n"
    "       sotto speakers list [--store PATH]\n"
    "       sotto speakers remove NAME... [--store PATH]\n"
    "       sotto speakers match FILE... [--store PATH] [--score S] [--speakers N]   who of them is heard\n"
    "The store is a file (default: speakers.json in the user's data folder) that recordings share:\n"
    "sotto transcribe --diarize --store default FILE calls speakers by its names.\n";

struct request {
    char store[4096];
    struct so_speaker_arguments speakers;
    sotto_options options;
    sotto_people *people;
};

static int usage(const char *problem) {
    fprintf(stderr, "sotto speakers: %s (see sotto speakers --help)\n", problem);
    return SO_EXIT_USAGE;
}

static int fail(const char *subject, const sotto_error *err) {
    so_console_error(subject, err->message);
    return SO_EXIT_FAILURE;
}

static int save(struct request *r) {
    sotto_error err;
    return sotto_people_save(r->people, r->store, &err) ? fail("speakers", &err) : SO_EXIT_OK;
}

static int add(struct request *r, char **arguments, int n) {
    sotto_error err;
    if (n < 2) return usage("add takes a name and at least one file");
    for (int i = 1; i < n; i++)
        if (sotto_people_enroll(r->people, arguments[0], arguments[i], &r->options, &err))
            return fail(arguments[i], &err);
    return save(r);
}

static int list(struct request *r, char **arguments, int n) {
    (void)arguments;
    if (n) return usage("list takes no names");
    for (size_t i = 0; i < sotto_people_count(r->people); i++) {
        sotto_person person = sotto_people_get(r->people, i);
        printf("%s\t%u recording%s\t%.1f s\n", person.name, (unsigned)person.recordings,
               person.recordings == 1 ? "" : "s", person.seconds);
    }
    return fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
}

static int drop(struct request *r, char **arguments, int n) {
    sotto_error err;
    if (n < 1) return usage("remove takes a name");
    for (int i = 0; i < n; i++)
        if (sotto_people_remove(r->people, arguments[i], &err)) return fail("speakers", &err);
    return save(r);
}

static int match(struct request *r, char **arguments, int n) {
    int status = SO_EXIT_OK;
    if (n < 1) return usage("match takes a file");
    r->options.people = r->people;
    for (int i = 0; i < n; i++) {
        sotto_error err;
        sotto_result *result;
        if (sotto_diarize_file(arguments[i], &r->options, &result, &err)) {
            status = fail(arguments[i], &err);
            continue;
        }
        for (size_t k = 0; k < result->n_speakers; k++)
            printf("%s\t%s\t%.3f\t%.1f s\n", arguments[i], result->speakers[k].id,
                   (double)result->speakers[k].score, result->speakers[k].seconds);
        sotto_result_free(result);
    }
    return fflush(stdout) ? SO_EXIT_FAILURE : status;
}

static const struct {
    const char *name;
    int (*run)(struct request *request, char **arguments, int n);
} actions[] = {{"add", add}, {"list", list}, {"remove", drop}, {"match", match}};

int so_cli_speakers(int argc, char **argv) {
    static const struct option table[] = {{"help", 0, NULL, 'h'}, SO_SPEAKER_OPTIONS, {0}};
    struct request r = {0};
    sotto_error err;
    sotto_options_init(&r.options);
    optind = 1;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        const char *problem;
        if (option == 'h') return fputs(help, stdout) < 0 || fflush(stdout) ? SO_EXIT_FAILURE : SO_EXIT_OK;
        if (option == ':') return usage("an option lacks its value");
        if (!so_speaker_take(option, optarg, &r.speakers, &r.options, &problem)) problem = "unknown option";
        if (problem) return usage(problem);
    }
    if (optind == argc) return usage("add, list, remove or match?");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(argv[optind], actions[i].name) != 0) continue;
        if (!so_speaker_store(r.speakers.store, r.store, sizeof r.store)) return SO_EXIT_FAILURE;
        if (sotto_people_open(r.store, &r.people, &err)) return fail("speakers", &err);
        int status = actions[i].run(&r, argv + optind + 1, argc - optind - 1);
        sotto_people_free(r.people);
        return status;
    }
    return usage("it is add, list, remove or match");
}
