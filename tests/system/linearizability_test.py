"""The checker itself: what it must accept, and what it must see through."""

import itertools
import random
import unittest
from math import inf

from linearizability import GaveUp, Operation, is_linearizable, step


def set_(value, invoked, returned=inf, **more):
    return Operation("set", invoked, returned, value=value, **more)


def get(value, invoked, returned):
    return Operation("get", invoked, returned, value=value)


def delete(invoked, returned=inf, **more):
    return Operation("delete", invoked, returned, **more)


class KnownGood(unittest.TestCase):
    def test_nothing_happened(self):
        self.assertTrue(is_linearizable([]))

    def test_write_then_read(self):
        self.assertTrue(is_linearizable([set_("a", 0, 1), get("a", 2, 3)]))

    def test_read_during_a_write_may_see_either(self):
        for seen in (None, "a"):
            self.assertTrue(is_linearizable([set_("a", 0, 10), get(seen, 2, 3)]))

    def test_unknown_write_may_show_up_late(self):
        self.assertTrue(is_linearizable([set_("a", 0), get(None, 5, 6), get("a", 7, 8)]))

    def test_unknown_write_may_never_happen(self):
        self.assertTrue(is_linearizable([set_("a", 0), get(None, 5, 6), get(None, 7, 8)]))

    def test_swap_of_what_was_there(self):
        self.assertTrue(is_linearizable(
            [set_("a", 0, 1), set_("b", 2, 3, conditional=True, expected="a"), get("b", 4, 5)]))

    def test_refused_swap_explained_by_an_unknown_write(self):
        self.assertTrue(is_linearizable(
            [set_("a", 0, 1), set_("u", 2),
             set_("b", 3, 4, conditional=True, expected="a", refused=True)]))

    def test_delete_of_what_an_unknown_write_left(self):
        self.assertTrue(is_linearizable([set_("u", 0), delete(1, 2, found=True), get(None, 3, 4)]))

    def test_many_unknown_writes_stay_cheap(self):
        unknown = [set_(f"u{i}", i) for i in range(200)]
        reads = [get("u150", 300, 301), get("u7", 302, 303), delete(304, 305, found=True)]
        self.assertTrue(is_linearizable(unknown + reads))


class KnownBad(unittest.TestCase):
    def test_lost_write(self):
        self.assertFalse(is_linearizable([set_("a", 0, 1), get(None, 2, 3)]))

    def test_stale_read(self):
        self.assertFalse(is_linearizable([set_("a", 0, 1), set_("b", 2, 3), get("a", 4, 5)]))

    def test_value_from_nowhere(self):
        self.assertFalse(is_linearizable([set_("a", 0, 1), get("x", 2, 3)]))

    def test_read_goes_back_during_a_write(self):
        self.assertFalse(is_linearizable(
            [set_("a", 0, 1), set_("b", 2, 10), get("b", 3, 4), get("a", 5, 6)]))

    def test_unknown_write_takes_effect_twice(self):
        self.assertFalse(is_linearizable(
            [set_("u", 0), set_("a", 1, 2), get("u", 3, 4), set_("b", 5, 6), get("u", 7, 8)]))

    def test_read_of_a_write_that_was_not_yet_sent(self):
        self.assertFalse(is_linearizable([get("a", 0, 1), set_("a", 2, 3)]))

    def test_two_swaps_of_one_value(self):
        self.assertFalse(is_linearizable(
            [set_("a", 0, 1), set_("b", 2, 9, conditional=True, expected="a"),
             set_("c", 2, 9, conditional=True, expected="a")]))

    def test_swap_refused_without_cause(self):
        self.assertFalse(is_linearizable(
            [set_("a", 0, 1), set_("b", 2, 3, conditional=True, expected="a", refused=True)]))

    def test_deleted_key_comes_back(self):
        self.assertFalse(is_linearizable(
            [set_("a", 0, 1), delete(2, 3, found=True), get("a", 4, 5)]))


class AgainstBruteForce(unittest.TestCase):
    """Small random histories, judged by trying every order of every subset."""

    def test_same_verdicts(self):
        rng = random.Random(7)
        verdicts = [self.compare(random_history(rng)) for _ in range(3000)]
        self.assertIn(True, verdicts)
        self.assertIn(False, verdicts)

    def compare(self, history):
        verdict = is_linearizable(history)
        self.assertEqual(verdict, by_brute_force(history), history)
        return verdict

    def test_says_when_it_gives_up(self):
        history = [set_(f"v{i}", 0, 100) for i in range(16)] + [get(f"v{i}", 0, 100) for i in range(16)]
        with self.assertRaises(GaveUp):
            is_linearizable(history + [get(None, 200, 201)], steps_max=1000)


def random_history(rng):
    values = iter("abcdef")
    history, written = [], [None]
    for _ in range(rng.randint(1, 5)):
        invoked = rng.randint(0, 12)
        returned = inf if rng.random() < 0.25 else invoked + rng.randint(1, 6)
        roll = rng.random()
        if roll < 0.4:
            history.append(get(rng.choice(written), invoked, invoked + rng.randint(1, 6)))
            continue
        condition = {}
        if rng.random() < 0.4:
            condition = dict(conditional=True, expected=rng.choice(written),
                             refused=returned != inf and rng.random() < 0.4)
        if roll < 0.85:
            value = next(values)
            written.append(value)
            history.append(set_(value, invoked, returned, **condition))
        else:
            found = rng.choice([True, False]) if not condition.get("refused") else None
            history.append(delete(invoked, returned, found=found, **condition))
    return history


def by_brute_force(history):
    known = [o for o in history if o.known]
    unknown = [o for o in history if not o.known and o.kind != "get"]
    for count in range(len(unknown) + 1):
        for taken in itertools.combinations(unknown, count):
            for order in itertools.permutations(known + list(taken)):
                if is_legal(order):
                    return True
    return False


def is_legal(order):
    for i, earlier in enumerate(order):
        if any(later.returned < earlier.invoked for later in order[i + 1:]):
            return False
    state = None
    for operation in order:
        legal, state = step(state, operation)
        if not legal:
            return False
    return True


if __name__ == "__main__":
    unittest.main()
