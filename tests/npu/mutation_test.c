/*
 * The descriptor check bites: one field of a generated stream or packet is changed at random, and the change is caught by a
 * refusal of the device model or by a wrong product, never by comparing streams. Changes that leave every byte read and
 * stored the same (as the model's trace of addresses says) do not count.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "rig.h"

static uint64_t random_state = UINT64_C(0x2545f4914f6cdd1d);

static uint32_t draw(uint32_t below) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below);
}

/* A word changed as mistakes change it: one bit, one more or less, another small number, zero, any number. */
static uint32_t mutate(uint32_t word) {
    switch (draw(6)) {
    case 0: return word ^ UINT32_C(1) << draw(32);
    case 1: return word + 1;
    case 2: return word - 1;
    case 3: return draw(64);
    case 4: return word ^ UINT32_C(1) << draw(12);
    default: return word * 2654435761u + draw(1u << 31);
    }
}

struct tally {
    unsigned tried, neutral, caught, missed;
};

static void judge(struct rig *rig, struct tally *tally, uint64_t trace, enum outcome outcome) {
    uint64_t now = so_emulator_trace(rig->emulator);
    tally->tried++;
    if (outcome != RIGHT)
        tally->caught++;
    else if (now == trace)
        tally->neutral++;
    else
        tally->missed++;
    if (outcome == REFUSED) rig_renew(rig);
}

static uint64_t right_trace(struct rig *rig) {
    rig_prepare(rig, rig->txn.words, rig->txn.n_words);
    rig_poison(rig);
    so_emulator_trace(rig->emulator);
    assert_int_equal(rig_run(rig), RIGHT);
    return so_emulator_trace(rig->emulator);
}

static void mutations_are_caught(void **state) {
    (void)state;
    static const struct so_gemm_shape shapes[] = {{256, 64, 256}, {1536, 64, 256}, {512, 128, 512}};
    struct tally tally = {0};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        struct rig rig;
        rig_open(&rig, shapes[s], 5);
        uint64_t trace = right_trace(&rig);
        uint32_t *words = test_malloc(rig.txn.n_words * 4);
        unsigned rounds = s == 0 ? 1500 : 250;
        for (unsigned i = 0; i < rounds; i++) {
            memcpy(words, rig.txn.words, rig.txn.n_words * 4);
            uint32_t at = draw((uint32_t)rig.txn.n_words);
            uint32_t changed = mutate(words[at]);
            if (changed == words[at]) continue;
            words[at] = changed;
            rig_prepare(&rig, words, rig.txn.n_words);
            rig_poison(&rig);
            judge(&rig, &tally, trace, rig_run(&rig));
        }
        for (unsigned i = 0; i < rounds / 5; i++) { /* and the packet */
            rig_prepare(&rig, rig.txn.words, rig.txn.n_words);
            rig_poison(&rig);
            uint32_t *packet = (uint32_t *)rig.command.map, at = draw(1 + SO_CALL_COUNT);
            uint32_t changed = mutate(packet[at]);
            if (changed == packet[at]) continue;
            packet[at] = changed;
            judge(&rig, &tally, trace, rig_run(&rig));
        }
        test_free(words);
        rig_close(&rig);
    }
    print_message("%u mutations: %u change nothing that is read or stored, %u caught, %u missed\n", tally.tried, tally.neutral,
                  tally.caught, tally.missed);
    assert_true(tally.caught > 1000);
    assert_true(100 * tally.caught >= 99 * (tally.caught + tally.missed));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutations_are_caught)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
