"""Random faults under load: histories stay linearizable, nothing acknowledged is lost, and the nodes
end up equal. By hand for longer: python3 tests/system/chaos_test.py --seconds 300 [--seed 7]
"""

import argparse
import os
import random
import threading
import time
import unittest

from client import NoAnswer
from cluster import Cluster
from history import History, Worker
from linearizability import GaveUp, is_linearizable

SECONDS = float(os.environ.get("RAFTBUS_CHAOS_SECONDS", "40"))
SEED = os.environ.get("RAFTBUS_CHAOS_SEED") or str(random.SystemRandom().randrange(10**9))
WORKERS = 6
OPERATIONS_MIN_PER_SECOND = 5  # fewer, and the run has shown nothing


class Nemesis:
    """Strikes and heals, one fault at a time or several, as the seed has it."""

    def __init__(self, cluster, rng):
        self._cluster, self._rng = cluster, rng
        self.struck = []

    def run(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fault = self._rng.choice([self.kill_one, self.kill_leader, self.kill_leader, self.kill_two,
                                      self.kill_all, self.pause_one, self.pause_leader,
                                      self.pause_then_kill_others, self.elect, self.elect,
                                      self.snapshot, self.demote])
            self.struck.append(fault.__name__)
            fault()
            self._linger(0.1, 1.2)
            if self._rng.random() < 0.8:  # otherwise the next fault meets the broken cluster
                self._cluster.heal()
                self._linger(0.2, 2.0)
        self._cluster.heal()

    def _linger(self, least, most):
        time.sleep(self._rng.uniform(least, most))

    def _any(self):
        return self._cluster.node(self._rng.choice(self._cluster.numbers()))

    def _leader(self):
        known = self._cluster.leader()
        return self._cluster.node(known) if known else self._any()

    def kill_one(self):
        self._any().kill()

    def kill_leader(self):
        self._leader().kill()

    def kill_two(self):
        for i in self._rng.sample(self._cluster.numbers(), 2):
            self._cluster.node(i).kill()

    def kill_all(self):
        self._cluster.kill_all()

    def pause_one(self):
        self._pause(self._any())

    def pause_leader(self):
        self._pause(self._leader())

    def pause_then_kill_others(self):
        """The one with the old picture comes back among those that have restarted."""
        node = self._leader()
        self._pause(node)
        self._linger(0.2, 1.0)
        for i in self._cluster.others(node.number):
            self._cluster.node(i).kill()

    def elect(self):
        self._ask("ELECT")

    def snapshot(self):
        """The log is cut: who was away gets a snapshot."""
        self._ask("SNAPSHOT")

    def demote(self):
        """A voter becomes a learner, and a voter again once it has caught up: two changes."""
        self._ask("DEMOTE", node=self._any().number)

    def _ask(self, op, **fields):
        node = self._any()
        if node.serves():
            with self._cluster.client(node.number) as client:
                try:
                    client.ask(op, seconds=1, timeout_ms=500, **fields)
                except NoAnswer:
                    pass

    @staticmethod
    def _pause(node):
        if node.runs():
            node.pause()


class Chaos(unittest.TestCase):
    def test_random_faults(self):
        print(f"chaos: {SECONDS:.0f} s, seed {SEED}")
        history = History()
        with Cluster(options=["--log-keep-entries", "50", "--segment-bytes", "64KiB"]) as cluster:
            cluster.wait_until_ready()
            self.run_workload(cluster, history)
            cluster.wait_for_leader()
            with cluster.client(1) as client:
                client.done("SET", key=b"after", value=b"all", timeout_ms=30_000, seconds=40)
            Worker(cluster, history, WORKERS, SEED, None).final_reads(history.by_key())
            cluster.wait_until_equal(seconds=60)
            self.check_ledger(cluster, history)
        self.check_histories(history)

    def run_workload(self, cluster, history):
        stop = threading.Event()
        workers = [Worker(cluster, history, n, SEED, stop) for n in range(WORKERS)]
        for worker in workers:
            worker.start()
        nemesis = Nemesis(cluster, random.Random(SEED))
        try:
            nemesis.run(SECONDS)
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        print(f"chaos: {len(nemesis.struck)} faults; operations: "
              f"{', '.join(f'{count} {outcome}' for outcome, count in sorted(history.counts.items()))}")
        for worker in workers:
            if worker.failure:
                raise worker.failure
        self.assertGreater(history.counts["done"], SECONDS * OPERATIONS_MIN_PER_SECOND,
                           f"too little traffic to show anything (seed {SEED})")

    def check_ledger(self, cluster, history):
        for i in cluster.numbers():
            with cluster.client(i) as client:
                found = {key: value for key, value, _ in client.scan_all(b"ledger/", timeout_ms=20_000)}
            lost = {key for key, value in history.ledger.items() if found.get(key) != value}
            self.assertFalse(lost, f"node {i} lost {len(lost)} of {len(history.ledger)} acknowledged "
                                   f"writes (seed {SEED})")

    def check_histories(self, history):
        self.assertEqual(history.contradictions, [], f"seed {SEED}")
        given_up = 0
        for key, operations in history.by_key().items():
            try:
                if not is_linearizable(operations):
                    self.fail(f"{key} is not linearizable (seed {SEED}):\n" + "\n".join(
                        str(o) for o in sorted(operations, key=lambda o: o.invoked)))
            except GaveUp as gave_up:
                given_up += 1
                print(f"chaos: {key}: not judged: {gave_up}")
        self.assertLess(given_up, max(1, len(history.by_key()) / 10), "too many keys were not judged")


def main():
    global SECONDS, SEED
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", default=SEED)
    chosen, rest = parser.parse_known_args()
    SECONDS, SEED = chosen.seconds, chosen.seed
    unittest.main(argv=[__file__, *rest])


if __name__ == "__main__":
    main()
