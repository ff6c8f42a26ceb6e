"""The power of all nodes' disk is cut under load: what was acknowledged is there afterwards. On a disk with a
volatile write cache, where a sync that is left out is a write that is lost."""

import os
import pathlib
import tempfile
import threading
import unittest

import volatile_disk
from client import NoAnswer
from cluster import Cluster, eventually

ENOUGH = 150  # acknowledged writes before the cut
SMALL = ("--segment-bytes", "256K", "--flush-entries", "100", "--log-keep-bytes", "64K", "--disk-reserve", "1M")
ROUNDS = int(os.environ.get("RAFTBUS_POWER_CUTS", "1"))  # of each; tests/soak.sh asks for more


class Load:
    """Writers, each with a client of its own. `acknowledged` is what they were told."""

    def __init__(self, cluster, round_number):
        self.acknowledged = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(cluster, n, f"{round_number}-{n}"))
                         for n in cluster.numbers()]
        for thread in self._threads:
            thread.start()

    def _write(self, cluster, node, name):
        with cluster.client(node) as client:
            count = 0
            while not self._stop.is_set():
                count += 1
                key, value = f"{name}-{count}", f"{name}:{count}" * 20
                try:
                    if client.ask("SET", key=key, value=value, seconds=1).get("ok"):
                        self.acknowledged[key] = value
                except NoAnswer:
                    pass

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@unittest.skipIf(volatile_disk.missing(), volatile_disk.missing())
class PowerCut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="raftbus-disk-tools-")
        cls.program, cls.no_sync = volatile_disk.build(pathlib.Path(cls.directory.name))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def lost_after(self, kind, sector, keep=False, rounds=1, environment=None):
        """What was acknowledged and is not there after a cut, or why a node did not come back."""
        known = {}
        with volatile_disk.VolatileDisk(self.program, kind, sector, keep) as disk:
            cluster = Cluster(options=SMALL)
            for node in cluster.nodes.values():
                node.data = disk.path / f"n{node.number}"
                node.environment = environment or {}
            try:
                with cluster:
                    for round_number in range(rounds):
                        cluster.wait_until_ready()
                        load = Load(cluster, round_number)
                        try:
                            eventually(lambda: len(load.acknowledged) >= ENOUGH, "writes are acknowledged")
                            print(f"{kind}, {sector} B: {disk.cut()}")
                        finally:
                            load.stop()
                        known.update(load.acknowledged)
                        cluster.kill_all()
                        disk.restore()
                        cluster.start()
                        lost = self.missing_of(known, cluster)
                        if lost:
                            return lost
                    return []
            finally:
                cluster.kill_all()

    def missing_of(self, known, cluster):
        def judged():
            ended = [n.number for n in cluster.nodes.values() if not n.runs()]
            if ended:
                return [f"node {i} does not start: {cluster.node(i).log_tail(3)}" for i in ended]
            leader = cluster.leader()
            if not leader:
                return None
            with cluster.client(leader) as client:
                replies = client.ask_all([("GET", {"key": key}) for key in known])
            if not all(r.get("ok") for r in replies):
                return None
            return ["", *(key for key, reply in zip(known, replies)
                          if not reply["found"] or reply["value"] != known[key].encode())]
        return [x for x in eventually(judged, cluster.describe) if x]

    def test_nothing_that_was_acknowledged_is_lost(self):
        for kind, sector, keep in (("ext4", 512, False), ("xfs", 4096, True)):
            with self.subTest(kind=kind, sector=sector):
                self.assertEqual(self.lost_after(kind, sector, keep, rounds=ROUNDS), [])

    def test_a_sync_that_does_nothing_is_found(self):
        lost = self.lost_after("ext4", 4096, environment={"LD_PRELOAD": str(self.no_sync)})
        self.assertNotEqual(lost, [], "this test finds no missing sync")


if __name__ == "__main__":
    unittest.main()
