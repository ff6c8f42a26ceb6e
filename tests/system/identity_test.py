"""Disks that were emptied, that belong to another cluster, or that a first start never used."""

import shutil
import socket
import subprocess
import unittest

from cluster import PROGRAM, Cluster, eventually


def says(cluster, number, *words):
    return any(all(word in line for word in words)
               for line in cluster.node(number).log.read_text().splitlines())


def formed(cluster, numbers=None):
    """The cluster's id, once all of those know it and all members are bound."""
    def known():
        ids = {(cluster.status(i) or {}).get("cluster") for i in numbers or cluster.numbers()}
        names = {(cluster.status(i) or {}).get("cluster_name") for i in numbers or cluster.numbers()}
        return len(ids) == 1 and None not in ids and not ids & names and ids.pop()
    return eventually(known, "the cluster is formed")


def write(cluster, at, count, key):
    with cluster.client(at) as client:
        for i in range(count):
            client.done("SET", key=f"{key}{i:03}".encode(), value=b"v")


def count(cluster, at, prefix):
    with cluster.client(at) as client:
        return len(client.done("SCAN", prefix=prefix)["items"])


def bound(cluster):
    """All members' directories are known: each has acknowledged what was written last."""
    eventually(lambda: cluster.status(1) and {s["cluster_version"] for s in map(cluster.status, cluster.numbers()) if s} == {2},
               "the cluster speaks 2, so all have been heard")
    cluster.wait_until_equal()


class EmptiedDisks(unittest.TestCase):
    def test_an_emptied_disk_neither_votes_nor_loses_anything(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            formed(cluster)
            bound(cluster)
            cluster.node(3).kill()
            cluster.wait_for_leader([1, 2])
            write(cluster, 1, 20, "acked/")
            cluster.node(1).kill()
            cluster.node(2).kill()
            shutil.rmtree(cluster.node(2).data)
            cluster.start(2, 3)
            eventually(lambda: says(cluster, 3, "refused node 2", "emptied or exchanged"), "node 3 names the disk")
            eventually(lambda: says(cluster, 2, "refuses this node", "raftbus repair"), "node 2 is told what to do")
            self.assertIsNone(cluster.leader([2, 3]), "an old disk and an empty one elect nobody")
            cluster.start(1)
            cluster.wait_for_leader([1, 3])
            self.assertEqual(count(cluster, 1, b"acked/"), 20)
            self.assertFalse(cluster.status(2)["member"])

            # Until somebody says repair.
            cluster.node(2).kill()
            repaired = subprocess.run([PROGRAM, "repair", str(cluster.node(2).data), "--node", "2", "--force",
                                       "-e", cluster.node(1).client], capture_output=True, text=True, timeout=60)
            self.assertEqual(repaired.returncode, 0, repaired.stderr)
            cluster.start(2)
            eventually(lambda: cluster.voters(1) == [1, 2, 3], "node 2 votes again")
            cluster.node(1).kill()
            cluster.wait_for_leader([2, 3])
            self.assertEqual(count(cluster, 2, b"acked/"), 20)

    def test_a_disk_of_an_older_cluster_replaces_nothing(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            old = formed(cluster)
            bound(cluster)
            write(cluster, 1, 5, "old/")
            cluster.wait_until_equal()
            cluster.kill_all()
            shutil.rmtree(cluster.node(1).data)
            shutil.rmtree(cluster.node(2).data)
            cluster.start(1, 2)
            cluster.wait_for_leader([1, 2])
            new = formed(cluster, [1, 2])
            self.assertNotEqual(old, new)
            write(cluster, 1, 5, "new/")
            cluster.node(1).kill()
            cluster.start(3)
            eventually(lambda: says(cluster, 2, "refused node 3", old), "node 2 names the other cluster")
            eventually(lambda: says(cluster, 3, "refused node 2", new), "so does node 3")
            cluster.start(1)
            cluster.wait_for_leader([1, 2])
            self.assertEqual(count(cluster, 1, b"new/"), 5)
            self.assertEqual(count(cluster, 1, b"old/"), 0)
            self.assertEqual(cluster.status(3)["cluster"], old)


class FirstStarts(unittest.TestCase):
    def test_expect_existing_refuses_an_empty_directory(self):
        cluster = Cluster(size=1, options=["--expect-existing"])
        with cluster:
            self.assertNotEqual(cluster.node(1).process.wait(30), 0)
            self.assertTrue(says(cluster, 1, "--expect-existing"))
            cluster.options = []
            cluster.start()
            cluster.wait_until_ready()
            formed(cluster)
            cluster.node(1).kill()
            cluster.options = ["--expect-existing"]
            cluster.start()
            cluster.wait_until_ready()

    def test_a_first_start_that_failed_freezes_no_peers(self):
        cluster = Cluster(size=1)
        node = cluster.node(1)
        with cluster:
            node.kill()
            shutil.rmtree(node.data, ignore_errors=True)
            port = int(node.client.rpartition(":")[2])
            with socket.create_server(("127.0.0.1", port)):
                node.start(f"1={node.peer},2=tcp://127.0.0.1:{port + 8}")
                self.assertNotEqual(node.process.wait(30), 0)
            cluster.start()
            cluster.wait_until_ready()

    def test_a_node_that_was_added_by_hand_may_join(self):
        with Cluster(size=1, spares=2) as cluster:
            cluster.wait_until_ready()
            formed(cluster)
            port = int(cluster.node(1).client.rpartition(":")[2]) + 10
            reply = cluster.ask(1, "ADD", node=2, peer=f"tcp://127.0.0.1:{port + 1}",
                                client=f"tcp://127.0.0.1:{port}")
            self.assertTrue(reply["ok"], reply)
            cluster.join(2, 1)
            eventually(lambda: cluster.voters(1) == [1, 2], "node 2 votes")
            # And once it has joined, adding it by hand says that it is so.
            reply = cluster.ask(1, "ADD", node=2, peer=cluster.node(2).peer, client=cluster.node(2).client)
            self.assertTrue(reply["ok"], reply)

    def test_nodes_that_start_one_after_the_other_need_nothing(self):
        cluster = Cluster()
        try:
            cluster.start(1)
            cluster.start(2)
            cluster.wait_for_leader([1, 2])
            write(cluster, 1, 3, "k")
            cluster.start(3)
            formed(cluster)
            bound(cluster)
            cluster.node(1).kill()
            cluster.wait_for_leader([2, 3])
            self.assertEqual(count(cluster, 3, b"k"), 3)
        finally:
            cluster.close()


if __name__ == "__main__":
    unittest.main()
