"""What clients remember of a cluster that was wiped, restored or recovered: they are told, nothing is taken for something else."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from client import Client
from cluster import PROGRAM, Cluster, eventually


def raftbus(*arguments, at):
    endpoints = ",".join(at.node(i).client for i in at.numbers())
    return subprocess.run([PROGRAM, *arguments, "-e", endpoints], capture_output=True, text=True,
                          timeout=60, check=True)


def wipe(cluster):
    """Every node and all of its data go; new nodes take their places."""
    cluster.kill_all()
    for number in cluster.numbers():
        shutil.rmtree(cluster.node(number).data)
    cluster.start()
    cluster.wait_until_ready()


def wait_for_version_2(cluster):
    eventually(lambda: (cluster.status(1) or {}).get("cluster_version", 0) >= 2,
               "the cluster speaks version 2")


class WhatIsRemembered:
    """A session with three writes, a watch's place, the token of a lock."""

    def __init__(self, cluster):
        with cluster.client(1) as client:
            self.session = client.done("SESSION")["session"]
            for seq in (1, 2, 3):
                client.done("SET", key=b"k%d" % seq, value=b"v", session=self.session, seq=seq)
            client.send("WATCH", prefix=b"", **{"from": 1})
            self.incarnation = client.receive()["incarnation"]
            self.token = client.done("SET", key=b"lock/x", value=b"me")["revision"]


class HistoriesThatBreakOff(unittest.TestCase):
    def expect_told(self, cluster, before, naming):
        """`naming`: what the message must say, or ''."""
        with cluster.client(2) as client:
            for seq in (3, 4, 5):
                refused = client.ask("SET", key=b"order", value=b"paid", session=before.session,
                                     seq=seq)
                self.assertEqual((refused.get("error"), refused.get("executed")),
                                 ("SESSION_EXPIRED", "no"))
                self.assertIn(naming, refused["message"])
            self.assertFalse(client.done("GET", key=b"order")["found"])
            resumes = [{"from": before.token + 1, "incarnation": before.incarnation}]
            if naming:  # without its incarnation a small revision may be this cluster's, too
                resumes.append({"from": before.token + 1})
            for resume in resumes:
                client.send("WATCH", prefix=b"", **resume)
                refused = client.receive()
                self.assertIn(refused.get("error"), ("COMPACTED", "BAD_REVISION"), refused)
                self.assertIn(naming, refused["message"])
            client.send("WATCH", prefix=b"")
            self.assertNotEqual(client.receive()["incarnation"], before.incarnation)

    def test_a_cluster_that_was_wiped_and_then_restored(self):
        with Cluster() as cluster, tempfile.TemporaryDirectory() as directory:
            cluster.wait_until_ready()
            wait_for_version_2(cluster)
            copy = str(pathlib.Path(directory) / "copy.rbb")
            raftbus("backup", copy, at=cluster)
            before = WhatIsRemembered(cluster)  # more than the backup knows
            wipe(cluster)

            # Nobody has said yet that it is to be restored.
            wait_for_version_2(cluster)
            with cluster.client(1) as client:
                other = client.done("SESSION")["session"]
                for seq in range(1, 8):
                    client.done("SET", key=b"b%d" % seq, value=b"b", session=other, seq=seq)
                client.done("DELETE", key=b"b1")
                for seq in range(2, 8):
                    client.done("DELETE", key=b"b%d" % seq)
            self.expect_told(cluster, before, "")

            watcher = cluster.client(3)
            self.addCleanup(watcher.close)
            watcher.send("WATCH", prefix=b"")
            self.assertTrue(watcher.receive()["watching"])
            raftbus("restore", copy, at=cluster)
            end = watcher.receive()
            self.assertEqual((end["error"], end["seq"]), ("COMPACTED", 1))
            self.assertIn("restored from a backup", end["message"])
            self.expect_told(cluster, before, "restored from a backup")
            with cluster.client(1) as client:
                token = client.done("SET", key=b"lock/x", value=b"you")["revision"]
                self.assertGreater(token, before.token + 2**39)
                self.assertLess(token, 2**53)
                # What is new is served as always, also from the past.
                client.send("WATCH", key=b"lock/x", **{"from": token})
                self.assertEqual(client.receive()["revision"], token - 1)
                self.assertEqual(client.receive()["value"], b"you")
            cluster.wait_until_equal()
            # A node that was away gets over the gap, and so does one that starts again.
            cluster.node(2).kill()
            cluster.start(2)
            cluster.wait_until_ready()
            cluster.wait_until_equal()

    def test_a_cluster_that_was_recovered(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            wait_for_version_2(cluster)
            before = WhatIsRemembered(cluster)
            cluster.wait_until_equal()
            cluster.kill_all()
            subprocess.run([PROGRAM, "recover", str(cluster.node(2).data), "--yes"], check=True,
                           capture_output=True, timeout=60)
            cluster.start(2)
            cluster.wait_for_leader(among=[2])
            with cluster.client(2) as client:
                eventually(lambda: client.ask("NO-OP")["ok"], "the survivor serves")
            self.expect_told(cluster, before, "recovered")
            with cluster.client(2) as client:
                self.assertEqual(client.done("GET", key=b"lock/x")["revision"], before.token)
                token = client.done("SET", key=b"lock/x", value=b"you")["revision"]
                self.assertGreater(token, before.token + 2**39)


if __name__ == "__main__":
    unittest.main()
