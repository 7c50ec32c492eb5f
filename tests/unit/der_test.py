"""The scorer of diarizations, on cases that can be reckoned by hand."""

import itertools
import os
import random
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "accuracy"))
import der  # noqa: E402

REFERENCE = [(0, 4, "a"), (4, 8, "b"), (7, 10, "a")]


class Score(unittest.TestCase):
    def assert_score(self, found, missed, false, confused, total=11, collar=0.0, duration=12, reference=REFERENCE):
        sums = der.score(reference, found, duration, collar)
        for key, value in {"missed": missed, "false": false, "confused": confused, "total": total}.items():
            self.assertAlmostEqual(sums[key], value, msg=key)

    def test_names_do_not_matter(self):
        self.assert_score([(0, 4, "x"), (4, 8, "y"), (7, 10, "x")], 0, 0, 0)

    def test_nothing_found_is_all_missed(self):
        self.assert_score([], 11, 0, 0)
        self.assertEqual(der.rate([der.score(REFERENCE, [], 12)]), 100)

    def test_overlap_counts_for_each_speaker(self):
        self.assert_score([(0, 4, "x"), (4, 8, "y"), (8, 10, "x")], 1, 0, 0)

    def test_speech_where_nobody_speaks_is_false(self):
        self.assert_score([(0, 4, "x"), (4, 8, "y"), (7, 12, "x")], 0, 2, 0)

    def test_a_second_name_for_one_speaker_is_confusion(self):
        self.assert_score([(0, 4, "x"), (4, 8, "y"), (7, 10, "z")], 0, 0, 3)

    def test_one_name_for_all_gives_it_to_who_speaks_longest(self):
        self.assert_score([(0, 10, "x")], 1, 0, 3)

    def test_what_lies_beyond_the_end_is_not_scored(self):
        self.assert_score([(0, 4, "x"), (4, 8, "y"), (7, 99, "x")], 0, 0, 0, duration=10)

    def test_a_collar_forgives_edges(self):
        self.assert_score([(0.2, 4.2, "x"), (4.2, 8.2, "y"), (7.2, 9.8, "x")], 0, 0, 0, collar=0.25, total=11 - 0.25 - 0.5 - 2 * 0.75 - 0.25)

    def test_silence_without_any_turn_has_no_errors(self):
        self.assertEqual(der.rate([der.score([], [], 5)]), 0)
        self.assertEqual(der.rate([der.score([], [(1, 2, "x")], 5)]), float("inf"))


class Assignment(unittest.TestCase):
    def test_it_is_the_best_of_all(self):
        generator = random.Random(1)
        for size in (1, 2, 3, 4, 5) * 20:
            gain = [[generator.randrange(10) for _ in range(size)] for _ in range(size)]
            chosen = der.assignment(gain)
            self.assertEqual(sorted(chosen), list(range(size)))
            best = max(sum(gain[r][c] for r, c in enumerate(p)) for p in itertools.permutations(range(size)))
            self.assertEqual(sum(gain[r][c] for r, c in enumerate(chosen)), best)


if __name__ == "__main__":
    unittest.main()
