"""Nodes of several releases in one cluster, with versions that they pretend to speak, and files of a
release to come."""

import struct
import unittest

from client import NO
from cluster import Cluster, eventually


def pretend(cluster, number, versions):
    cluster.node(number).environment = {"RAFTBUS_FAKE_VERSIONS": versions}


def spoken(cluster):
    return {(cluster.status(i) or {}).get("cluster_version") for i in cluster.numbers()}


def says(cluster, number, *words):
    text = cluster.node(number).log.read_text()
    return all(word in text for word in words)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class RollingUpgrade(unittest.TestCase):
    def test_the_cluster_speaks_what_all_know(self):
        cluster = Cluster()
        pretend(cluster, 3, "1")
        with cluster:
            cluster.wait_until_ready()
            with cluster.client(1) as client:
                client.done("SET", key=b"k", value=b"v")
                reply = eventually(
                    lambda: (r := client.ask("SET", key=b"k", value=b"w", needs_version=2))
                    and "node 3" in r.get("message", "") and r,
                    "node 1 knows who holds the cluster back")
                self.assertEqual((reply["error"], reply["executed"]), ("UNSUPPORTED", NO))
                self.assertIn("speaks version 1", reply["message"])
                self.assertEqual(client.done("GET", key=b"k", needs_version=1)["value"], b"v")
            self.assertEqual(spoken(cluster), {1})
            self.assertEqual(cluster.status(1)["speaks"], [1, 2])
            self.assertEqual(cluster.status(3)["speaks"], [1, 1])
            eventually(lambda: [m["speaks"] for m in cluster.ask(1, "MEMBERS")["members"]]
                       == [[1, 2], [1, 2], [1, 1]], "MEMBERS tells each node's versions")

            cluster.node(3).kill()
            cluster.node(3).environment = {}
            cluster.start(3)
            eventually(lambda: spoken(cluster) == {2}, "the cluster speaks 2")
            self.assertTrue(cluster.ask(1, "SET", key=b"k", value=b"w", needs_version=2)["ok"])

            # It never goes back: neither in a restart of all, nor for one of an older release.
            cluster.kill_all()
            cluster.start()
            eventually(lambda: spoken(cluster) == {2}, "it still speaks 2")
            cluster.node(3).kill()
            pretend(cluster, 3, "1")
            cluster.start(3)
            self.assertNotEqual(cluster.node(3).process.wait(30), 0)
            self.assertTrue(says(cluster, 3, "speaks version 2, this release 1", "newer release"))
            cluster.node(3).environment = {}
            cluster.start(3)
            cluster.wait_until_equal()


class NothingInCommon(unittest.TestCase):
    def test_both_sides_say_so(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            cluster.node(3).kill()
            pretend(cluster, 3, "3")
            cluster.start(3)
            eventually(lambda: says(cluster, 3, "refuses this node: it speaks version 1..2, this node 3; upgrade that one"),
                       "the node says why it is refused")
            for i in (1, 2):
                eventually(lambda i=i: says(cluster, i, "refused node 3, which speaks version 3: this node "
                                                        "speaks 1..2; upgrade this node"),
                           f"node {i} says why it refuses")
            self.assertTrue(cluster.ask(1, "SET", key=b"k", value=b"v")["ok"], "two of three go on")
            cluster.node(3).kill()
            cluster.node(3).environment = {}
            cluster.start(3)
            cluster.wait_until_equal()


class FilesOfAReleaseToCome(unittest.TestCase):
    def refused(self, cluster, path, content, *words):
        path.write_bytes(content)
        cluster.start(1)
        self.assertNotEqual(cluster.node(1).process.wait(30), 0)
        self.assertTrue(says(cluster, 1, *words), cluster.node(1).log_tail())
        self.assertEqual(path.read_bytes(), content, "it is left as it is")

    def test_are_refused_and_left_alone(self):
        with Cluster(size=1) as cluster:
            cluster.wait_until_ready()
            self.assertTrue(cluster.ask(1, "SET", key=b"k", value=b"v")["ok"])
            cluster.node(1).kill()

            identity = cluster.node(1).data / "identity"
            before = identity.read_bytes()
            text, mark, _ = before.replace(b"format=1\n", b"format=2\n").partition(b"crc32c=")
            self.refused(cluster, identity, text + mark + b"%08x\n" % crc32c(text),
                         "format version 2", "reads version 1", "newer release")
            identity.write_bytes(before)

            segment = sorted(cluster.node(1).data.glob("seg-*"))[-1]
            before = segment.read_bytes()
            header = bytearray(before[:72])
            struct.pack_into("<I", header, 8, 2)
            struct.pack_into("<I", header, 68, crc32c(bytes(header[:68])))
            self.refused(cluster, segment, bytes(header) + before[72:],
                         "log format version 2", "reads version 1")
            segment.write_bytes(before)

            cluster.start(1)
            cluster.wait_until_ready()
            self.assertEqual(cluster.ask(1, "GET", key=b"k")["value"], b"v")


if __name__ == "__main__":
    unittest.main()
