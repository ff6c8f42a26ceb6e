"""A file system that is really full: writes are refused, and nothing else is (P5)."""

import pathlib
import subprocess
import unittest

from cluster import Cluster, eventually

SIZE = "24m"
SMALL = ["--segment-bytes", "1MiB", "--flush-bytes", "1MiB", "--log-keep-bytes", "1MiB",
         "--disk-reserve", "4MiB", "--value-bytes-max", "64KiB"]


class FullDisks:
    """A cluster whose nodes' directories are on small file systems, one for each."""

    def __enter__(self):
        self.cluster = Cluster(options=SMALL)
        self.directories = [self.cluster.directory / f"n{i}" for i in self.cluster.numbers()]
        for directory in self.directories:
            directory.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", directory],
                           check=True)
        self.cluster.start()
        return self

    def __exit__(self, kind, *_):
        for node in self.cluster.nodes.values():
            if kind and node.process:
                print(f"--- node {node.number}, end of its log\n{node.log_tail()}")
            node.kill()
        for directory in self.directories:
            subprocess.run(["umount", directory], check=True)
        self.cluster.close()

    def fill(self):
        """Takes all room that there is."""
        for directory in self.directories:
            with open(directory / "filler", "ab", buffering=0) as file:
                try:
                    while True:
                        file.write(b"\0" * 4096)
                except OSError:
                    pass

    def free(self):
        for directory in self.directories:
            (directory / "filler").unlink()


def may_mount():
    here = pathlib.Path("/tmp/raftbus-test-mount")
    here.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", here], capture_output=True)
    if mounted.returncode == 0:
        subprocess.run(["umount", here], check=True)
    here.rmdir()
    return mounted.returncode == 0


def write_until_refused(disk, client, first):
    """Writes and fills up what that frees until a write is refused for lack of space, and stays so.
    Returns how many were acknowledged."""
    acknowledged = first
    refused = 0
    while refused < 20:
        disk.fill()
        reply = client.ask("SET", key=b"k%d" % acknowledged, value=b"v" * 50_000, timeout_ms=2000)
        if reply["ok"]:
            acknowledged += 1
            refused = 0
        else:
            assert reply["error"] in ("NO_SPACE", "TIMEOUT", "NO_LEADER", "BUSY"), reply
            refused += 1
    return acknowledged


@unittest.skipUnless(may_mount(), "mounting a small file system needs root")
class ADiskIsFull(unittest.TestCase):
    def test_writes_are_refused_and_nothing_else(self):
        with FullDisks() as disk:
            cluster = disk.cluster
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                client.done("SET", key=b"before", value=b"x")
                count = write_until_refused(disk, client, 0)
                self.assertGreater(count, 0)
                self.assertEqual(client.done("GET", key=b"before")["value"], b"x")
                eventually(lambda: client.ask("SET", key=b"no", value=b"v" * 50_000)["error"]
                           == "NO_SPACE", "the refusal names its cause")
            for i in cluster.numbers():
                self.assertTrue(cluster.node(i).runs(), cluster.node(i).log_tail())
            # Nodes that are started on a full disk serve what they have, and hold elections.
            cluster.kill_all()
            disk.fill()
            cluster.start()
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                self.assertEqual(client.done("GET", key=b"before")["value"], b"x")
                for i in range(count):
                    self.assertEqual(len(client.done("GET", key=b"k%d" % i)["value"]), 50_000)
            disk.free()
            with cluster.client(1) as client:
                eventually(lambda: client.ask("SET", key=b"after", value=b"y")["ok"],
                           "writes go on by themselves")
            cluster.wait_until_equal()


if __name__ == "__main__":
    unittest.main()
