"""Logs that are cut, and followers that get the state in place of what was cut: real nodes and disks."""

import os
import re
import shutil
import unittest

from cluster import Cluster, eventually
from load import Load

# Small files and few kept entries, so that a few thousand writes do what millions do elsewhere.
SMALL = ["--segment-bytes", "64KiB", "--flush-bytes", "64KiB", "--log-keep-bytes", "64KiB",
         "--log-keep-entries", "100"]


def write_many(client, count, prefix=b"k", size=100):
    """Values that nothing makes smaller, so that a state has the size that it seems to have."""
    for first in range(0, count, 1000):
        replies = client.ask_all([("SET", dict(key=b"%s%07d" % (prefix, i), value=os.urandom(size)))
                                  for i in range(first, min(first + 1000, count))])
        assert all(reply["ok"] for reply in replies)


def log_files(cluster, number):
    directory = cluster.directory / f"n{number}"
    return [name for name in os.listdir(directory) if name.startswith("seg-")]


class TheLogIsCut(unittest.TestCase):
    def test_by_itself_and_a_restart_finds_what_is_left(self):
        with Cluster(options=SMALL) as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                write_many(client, 20_000)
                for i in cluster.numbers():
                    eventually(lambda i=i: cluster.status(i)["first"] > 10_000,
                               f"node {i} has cut its log")
                    self.assertLess(len(log_files(cluster, i)), 30, "2.5 MB went through")
            cluster.kill_all()
            cluster.start()
            cluster.wait_until_ready()
            cluster.wait_until_equal()
            with cluster.client(1) as client:
                self.assertEqual(len(client.scan_all(b"k", limit=10_000, keys_only=True)), 20_000)
                self.assertGreater(client.done("LOG", limit=1)["entries"][0]["index"], 10_000)

    def test_on_demand(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            with cluster.client(2) as client:
                write_many(client, 100)
                cluster.wait_until_equal()
                before = client.done("STATUS")
                self.assertEqual(before["first"], 1)
                index = client.done("SNAPSHOT")["index"]
                self.assertGreaterEqual(index, before["applied"])
                after = client.done("STATUS")
                self.assertGreater(after["first"], 100)
                self.assertEqual(after["digest"], before["digest"])
                self.assertEqual(client.done("SNAPSHOT")["index"], index, "nothing to do")
                client.done("SET", key=b"after", value=b"x")
            cluster.kill_all()
            cluster.start()
            cluster.wait_until_ready()
            with cluster.client(2) as client:
                self.assertEqual(client.done("GET", key=b"after")["value"], b"x")
                self.assertEqual(len(client.done("GET", key=b"k0000042")["value"]), 100)


class AFollowerIsFarBehind(unittest.TestCase):
    def fall_behind(self, cluster):
        """Kills a follower and writes on until nobody has the log that it needs; returns it."""
        leader = cluster.wait_until_ready()
        lost = cluster.others(leader)[0]
        cluster.node(lost).kill()
        with cluster.client(leader) as client:
            write_many(client, 10_000)
        # Memory reaches back further than the disk does, until a restart.
        for i in cluster.others(lost):
            cluster.node(i).kill()
            cluster.start(i)
        cluster.wait_until_ready()
        return lost

    def test_it_gets_the_state_while_writes_go_on(self):
        with Cluster(options=SMALL + ["--snapshot-rate", "1MiB"]) as cluster:
            lost = self.fall_behind(cluster)
            with Load(cluster) as load:
                load.wait_for_more(50)
                cluster.start(lost)
                load.wait_for_more(500)
            eventually(lambda: cluster.status(lost)["first"] > 5_000, "a snapshot was installed")
            cluster.wait_until_equal()
            load.check(self)
            self.assertIn("took the state's place", cluster.node(lost).log.read_text())
            with cluster.client(lost) as client:
                items = client.scan_all(b"k00", limit=10_000, consistency="local")
                self.assertEqual(len(items), 10_000)
            # What was installed survives a restart of it alone.
            cluster.node(lost).kill()
            cluster.start(lost)
            cluster.wait_until_equal()

    def test_killed_at_any_moment_of_it(self):
        with Cluster(options=SMALL + ["--snapshot-rate", "512KiB"]) as cluster:
            lost = self.fall_behind(cluster)
            node = cluster.node(lost)
            beginning = node.log.stat().st_size
            incoming = cluster.directory / f"n{lost}" / "state-incoming"

            def says(text, since):
                return re.search(text.encode(), node.log.read_bytes()[since:])

            def installed():  # said at once, or by the next start if a kill came first
                return says(r"took the state's|state at [1-9]\d{3}", beginning)

            def kill_when(what, since_start):
                start = node.log.stat().st_size
                cluster.start(lost)
                # Pieces that came before a kill count after it: the end may be nearer than planned.
                eventually(lambda: since_start(start) or installed(), what)
                self.assertTrue(node.runs(), node.log_tail())
                node.kill()

            kill_when("it is connected", lambda start: says("connected to peer", start))
            kill_when("it follows", lambda start: says("follows", start))
            kill_when("it receives", lambda _: incoming.exists())
            kill_when("it has installed the state", lambda _: False)
            cluster.start(lost)
            cluster.wait_until_equal()

    def test_a_node_without_its_state_says_so(self):
        with Cluster(options=SMALL) as cluster:
            lost = self.fall_behind(cluster)
            cluster.start(lost)
            cluster.wait_until_equal()
            cluster.node(lost).kill()
            shutil.rmtree(cluster.directory / f"n{lost}" / "state")
            cluster.start(lost)
            node = cluster.node(lost)
            eventually(lambda: not node.runs(), "it refuses to start on half of its data")
            self.assertIn("the log begins at", node.log_tail())


if __name__ == "__main__":
    unittest.main()
