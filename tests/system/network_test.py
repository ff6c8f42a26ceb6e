"""Networks as they are: addresses that cannot be, nodes that stand still, files that run out, names that nobody answers for, IPv6."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from client import Client, NoAnswer
from cluster import PROGRAM, Cluster, eventually, free_ports

PAUSES = int(os.environ.get("RAFTBUS_PAUSES", "20"))  # tests/soak.sh has 500


def can(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


class Writer:
    """Small writes to one node, a window of them in flight, until it is stopped."""

    def __init__(self, cluster, at, window=8):
        self.answered = 0
        self._cluster, self._at, self._window = cluster, at, window
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        with self._cluster.client(self._at) as client:
            waiting = 0
            while not self._stop.is_set():
                while waiting < self._window:
                    client.send("SET", key=f"k{waiting % 7}", value="v", timeout_ms=5000)
                    waiting += 1
                with contextlib.suppress(NoAnswer):
                    client.receive(seconds=0.2)
                    waiting -= 1
                    self.answered += 1


class Pauses(unittest.TestCase):
    def test_a_follower_that_stands_still_and_goes_on_is_well(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with Writer(cluster, leader) as writer:
                for pause in range(PAUSES):
                    follower = cluster.node(cluster.others(leader)[pause % 2])
                    follower.pause()
                    time.sleep(1.1 + pause % 4 * 0.3)
                    follower.resume()
                    before = writer.answered
                    eventually(lambda: writer.answered > before + 100, "writes go on")
                    dead = [n.number for n in cluster.nodes.values() if not n.runs()]
                    self.assertEqual(dead, [], f"after {pause + 1} pauses")
            cluster.wait_until_equal(seconds=60)


class Addresses(unittest.TestCase):
    def test_an_address_that_nobody_can_use_enters_no_log(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            for wrong in ["tcp://$HOST:7239", "tcp://a,b:7239", "tcp://a+b:7239", "tcp://a'b:7239",
                          "tcp://a=b:7239", "tcp://a#b:7239", "tcp://(a:7239", "tcp://a?:7239",
                          "tcp://-a:7239", "tcp://_a:7239", "tcp://0.0.0.0:7239", "tcp://::1:7239",
                          "tcp://a:7239:7240", "tcp://[::1:7239", "tcp://*:7239", "tcp://10.0.0:1"]:
                for field, other in (("peer", "client"), ("client", "peer")):
                    reply = cluster.ask(leader, "ADD", node=9,
                                        **{field: wrong, other: "tcp://127.0.0.1:7238"})
                    self.assertEqual(reply.get("error"), "BAD_REQUEST", (wrong, reply))
                    self.assertIn(f"'{field}'", reply["message"], (wrong, reply))
            self.assertTrue(cluster.ask(leader, "SET", key="k", value="v")["ok"])
            self.assertEqual(cluster.voters(leader), [1, 2, 3])
            self.assertTrue(all(node.runs() for node in cluster.nodes.values()))

    def test_members_are_bounded_and_all_nodes_start_again(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            port = free_ports(2)
            node, reply = 4, {"ok": True}
            with cluster.client(leader) as client:
                while reply["ok"] and node < 400:
                    reply = client.ask("ADD", node=node, learner=True,
                                       peer=f"tcp://127.0.{node // 200}.{node % 200}:{port}",
                                       client=f"tcp://127.0.{node // 200}.{node % 200}:{port + 1}")
                    node += 1
            self.assertEqual(reply["error"], "BAD_REQUEST", reply)
            self.assertIn("64 members and learners", reply["message"])
            cluster.kill_all()
            cluster.start()
            leader = cluster.wait_until_ready()
            self.assertTrue(cluster.ask(leader, "SET", key="k", value="v")["ok"])


class Files(unittest.TestCase):
    """Clients use up the files that a node may open."""

    LIMIT = 256

    def test_a_node_keeps_the_files_that_it_needs(self):
        few = ["prlimit", f"--nofile={self.LIMIT}:{self.LIMIT}"]
        with Cluster(options=["--segment-bytes", "64KiB"]) as cluster:
            for node in cluster.nodes.values():
                node.kill()
                node.prefix = few
            cluster.start()
            leader = cluster.wait_until_ready()
            self.assertIn("--connections-max", cluster.node(leader).log.read_text())
            address = cluster.node(leader).client
            idle = [socket.socket() for _ in range(self.LIMIT)]  # they say nothing
            for one in idle:
                with contextlib.suppress(OSError):
                    one.settimeout(0.1)
                    one.connect(("127.0.0.1", int(address.rpartition(":")[2])))
            crowd = [Client(address) for _ in range(2 * self.LIMIT)]
            for one in crowd:
                one.send("GET", key="k")
            eventually(lambda: "closed the clients' port" in cluster.node(leader).log.read_text(),
                       "the port is closed to further clients")
            at = cluster.others(leader)[0]
            with Writer(cluster, at) as writer:  # segments are made and the state is flushed
                eventually(lambda: writer.answered > 5_000, "writes go on")
            self.assertTrue(cluster.ask(at, "SNAPSHOT")["ok"])
            self.assertTrue(all(node.runs() for node in cluster.nodes.values()))
            ticks = self._ticks(cluster.node(leader))
            time.sleep(2)
            self.assertLess(self._ticks(cluster.node(leader)) - ticks, 100, "it does not spin")
            for one in [*idle, *crowd]:
                one.close()
            eventually(lambda: cluster.status(leader), "the port is open again")

    @staticmethod
    def _ticks(node):
        fields = pathlib.Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(int(field) for field in fields.split()[11:13])


class SixAndNames(unittest.TestCase):
    """Peers, clients and traces by IPv6 addresses and by names."""

    def run_at(self, host, peers_host):
        with Cluster() as cluster:
            cluster.kill_all()
            for node in cluster.nodes.values():
                for kind in ("client", "peer", "trace"):
                    setattr(node, kind, getattr(node, kind).replace("127.0.0.1", host))
            cluster.peers = cluster.peers.replace("127.0.0.1", peers_host)
            for path in cluster.directory.glob("n?"):
                subprocess.run(["rm", "-r", path], check=True)
            cluster.start()
            endpoint = cluster.node(1).client
            eventually(  # from when the node listens
                lambda: subprocess.run([PROGRAM, "set", "k", "v", "-e", endpoint, "-t", "20s"],
                                       capture_output=True, timeout=60).returncode == 0,
                "the key is set")
            status = subprocess.run([PROGRAM, "status", "-e", endpoint], capture_output=True,
                                    text=True, timeout=60)
            self.assertEqual(status.returncode, 0, status)
            self.assertNotIn("unreachable", status.stdout)

    @unittest.skipUnless(has_ipv6(), "this machine has no ::1")
    def test_by_ipv6_addresses(self):
        self.run_at("[::1]", "[::1]")

    def test_by_names(self):
        self.run_at("localhost", "localhost")


@unittest.skipUnless(can("unshare", "-m", "-n", "ip", "link", "set", "lo", "up"),
                     "only root may give a process other hosts files")
class Names(unittest.TestCase):
    """A name server that answers nobody: runs itself again where /etc/hosts is the test's own."""

    def test_a_name_that_nobody_answers_for_holds_up_nobody(self):
        if os.environ.get("RAFTBUS_NAMES") != "inside":
            inside = subprocess.run(
                ["unshare", "-m", "-n", sys.executable, __file__, "Names"], timeout=150,
                capture_output=True, text=True, env={**os.environ, "RAFTBUS_NAMES": "inside"})
            self.assertEqual(inside.returncode, 0, inside.stdout + inside.stderr)
            return
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with Cluster() as cluster:
            cluster.kill_all()
            self.hosts = cluster.directory / "hosts"
            self.know("rb1.test", "rb2.test", "rb3.test")
            for name, text in (("resolv.conf", "nameserver 127.0.0.53\n"),
                               ("nsswitch.conf", "hosts: files dns\n")):
                (cluster.directory / name).write_text(text)
                pathlib.Path("/etc", name).touch()
                self.mount(cluster.directory / name, f"/etc/{name}")
            self.mount(self.hosts, "/etc/hosts")
            for i in cluster.nodes:
                cluster.peers = cluster.peers.replace(f"{i}=tcp://127.0.0.1", f"{i}=tcp://rb{i}.test")
                subprocess.run(["rm", "-rf", cluster.node(i).data], check=True)
            silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            silent.bind(("127.0.0.53", 53))
            cluster.start()
            cluster.wait_until_ready()
            self.know("rb1.test", "rb2.test")
            cluster.node(3).kill()
            until = time.monotonic() + 12  # longer than a name server is waited for
            worst = 0
            while time.monotonic() < until:
                for i in (1, 2):
                    begun = time.monotonic()
                    self.assertTrue(cluster.ask(i, "SET", key="k", value="v")["ok"])
                    worst = max(worst, time.monotonic() - begun)
                time.sleep(0.02)
            self.assertLess(worst, 4, "nobody waits for the name server")
            endpoints = f"{cluster.node(1).client},{cluster.node(3).client.replace('127.0.0.1', 'rb3.test')}"
            done = subprocess.run([PROGRAM, "status", "-e", endpoints, "-t", "3s"],
                                  capture_output=True, text=True, timeout=60)
            self.assertIn("leader", done.stdout, done)
            self.know("rb1.test", "rb2.test", "rb3.test")
            cluster.start(3)
            cluster.wait_until_equal()
            silent.close()

    def know(self, *names):
        self.hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))

    @staticmethod
    def mount(source, target):
        subprocess.run(["mount", "--bind", source, target], check=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    unittest.main()
