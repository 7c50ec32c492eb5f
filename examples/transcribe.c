/*
 * Transcribe a recording with libsotto: transcribe MODEL FILE
 * MODEL is a name (as "base", fetched by `sotto model fetch base`) or the path of a .sotto file.
 *
 *   cc transcribe.c $(pkg-config --cflags --libs sotto) -o transcribe
 */
#include <sotto.h>
#include <stdio.h>

static void print_segment(void *user, const sotto_segment *segment) {
    (void)user;
    printf("%8.2f %8.2f %s\n", segment->start, segment->end, segment->text);
}

static int complain(const char *what, const sotto_error *err) {
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s MODEL FILE\n", argv[0]);
        return 2;
    }
    sotto_error err;
    sotto_model *model;
    if (sotto_model_open(argv[1], &model, &err)) return complain(argv[1], &err);

    sotto_options options;
    sotto_options_init(&options);
    options.on_segment = print_segment;

    sotto_result *result;
    sotto_status status = sotto_transcribe_file(model, argv[2], &options, &result, &err);
    if (status == SOTTO_OK) {
        printf("%.2f s of %s at %.0f times real time\n", result->duration, result->language, result->timing.realtime_factor);
        sotto_result_free(result);
    }
    sotto_model_close(model);
    return status ? complain(argv[2], &err) : 0;
}
