/** Files of known speakers that nobody wrote. Who is accepted has a proper name and a voice of unit length,
 * and is the same when written and read again. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "diarize/embedding.h"
#include "diarize/people_file.h"
#include "sotto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sotto_people *people) {
    for (size_t p = 0; p < people->n; p++) {
        const struct so_person *person = &people->people[p];
        double length = 0;
        for (size_t i = 0; i < SO_EMBEDDING_SIZE; i++)
            length += (double)person->voice[i] * (double)person->voice[i];
        if (!(fabs(length - 1) < 1e-3) || !(person->seconds >= 0) || person->recordings == 0) abort();
        if (so_people_check_name(person->name, NULL) || so_people_find(people, person->name) != (int)p)
            abort();
    }
}

static void write_and_read(const struct sotto_people *people) {
    sotto_people *again;
    char *text = so_people_render(people);
    if (!text || sotto_people_open(NULL, &again, NULL)) abort();
    if (so_people_parse(again, "fuzz", text, strlen(text), NULL) || again->n != people->n) abort();
    for (size_t p = 0; p < people->n; p++)
        if (strcmp(again->people[p].name, people->people[p].name) ||
            again->people[p].recordings != people->people[p].recordings)
            abort();
    sotto_people_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sotto_people *people;
    if (sotto_people_open(NULL, &people, NULL)) abort();
    bool accepted = !so_people_parse(people, "fuzz", (const char *)data, size, NULL);
    check(people);
    if (accepted) write_and_read(people);
    sotto_people_free(people);
    return 0;
}
