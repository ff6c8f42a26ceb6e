"""Real nodes on loopback: started, killed, paused and restarted as a test's scene needs it.

Owns: the processes, their ports and a temporary directory. Must not know: Raft; it asks STATUS.
"""

import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from client import Client, NoAnswer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RAFTBUS_BIN") or str(ROOT / "build" / "raftbus")
PATIENCE = 30  # seconds until "eventually" has failed
_STEP = 0.01  # seconds between two looks
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def eventually(condition, what, seconds=PATIENCE):
    """Looks until `condition()` is true and returns its value; fails saying `what` never was."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(_STEP)


def free_ports(count):
    """`count` free ports in a row. Below 32768: above it a reconnecting peer can meet itself."""
    for _ in range(1000):
        first = random.SystemRandom().randrange(10000, 32000 - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise AssertionError("no free ports between 10000 and 32000")


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _die_with_the_test():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Node:
    """One process of `raftbus node`, or the place where one has been."""

    def __init__(self, number, directory, port):
        self.number = number
        self.data = directory / f"n{number}"
        self.log = directory / f"n{number}.log"
        self.client = f"tcp://127.0.0.1:{port}"
        self.peer = f"tcp://127.0.0.1:{port + 1}"
        self.trace = f"tcp://127.0.0.1:{port + 3}"
        self.process = None
        self.paused = False
        self.environment = {}  # beside the test's own
        self.prefix = []  # a program that starts it
        self.join = None  # the endpoint for clients of a node whose cluster it is to join

    def command(self, peers, options=()):
        members = ["--join", self.join, "--peer", self.peer] if self.join else ["--peers", peers]
        return [*self.prefix, PROGRAM, "node", "--id", str(self.number), "--data", str(self.data),
                *members, "--client", self.client, "--trace", self.trace, *options]

    def start(self, peers, options=()):
        if self.runs():
            return
        self.paused = False
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(peers, options), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment}, preexec_fn=_die_with_the_test)

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def serves(self):
        return self.runs() and not self.paused

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.paused = False

    def terminate(self):
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def pause(self):
        """SIGSTOP; returns when every thread stands still, which is a while after the signal."""
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True
        eventually(self._stands_still, f"node {self.number} stands still")

    def _stands_still(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        return all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)

    def resume(self):
        if self.paused:
            self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def resident_bytes(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def log_tail(self, lines=25):
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Cluster:
    """Nodes 1..size, and room for `spares` that join. A context manager: on the way out every process is gone and the data too."""

    def __init__(self, size=3, options=(), spares=0):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="raftbus-test-"))
        self.options = list(options)
        self._first_port = free_ports(10 * (size + spares))
        first = self._first_port
        self.nodes = {i: Node(i, self.directory, first + 10 * (i - 1)) for i in range(1, size + 1)}
        self.peers = ",".join(f"{n.number}={n.peer}" for n in self.nodes.values())
        self._asking = {}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.close(tell=kind is not None)

    def close(self, tell=False):
        for client in self._asking.values():
            client.close()
        for node in self.nodes.values():
            if tell and node.process:
                print(f"--- node {node.number}, end of its log\n{node.log_tail()}")
            node.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def node(self, number):
        return self.nodes[number]

    def numbers(self):
        return list(self.nodes)

    def others(self, number):
        return [i for i in self.nodes if i != number]

    def start(self, *numbers):
        for i in numbers or self.nodes:
            self.nodes[i].start(self.peers, self.options)

    def join(self, number, at, *options):
        """A further node, which has itself added at node `at`."""
        node = Node(number, self.directory, self._first_port + 10 * (number - 1))
        node.join = self.nodes[at].client
        self.nodes[number] = node
        node.start(self.peers, [*self.options, *options])

    def voters(self, at):
        reply = self.ask(at, "MEMBERS")
        return [m["node"] for m in reply["members"] if m["kind"] == "voter"]

    def ask(self, at, op, **fields):
        with self.client(at) as client:
            return client.ask(op, **fields)

    def kill_all(self):
        for node in self.nodes.values():  # first the blow, then the funerals
            if node.runs():
                node.process.kill()
        for node in self.nodes.values():
            node.kill()

    def heal(self):
        """Everything runs again."""
        for node in self.nodes.values():
            node.resume()
        self.start()

    def client(self, number):
        return Client(self.nodes[number].client)

    def clients(self):
        """[(node number, a new client of it)]"""
        return [(i, self.client(i)) for i in self.nodes]

    def status(self, number, seconds=2):
        """What the node says of itself, or None if it is silent."""
        if not self.nodes[number].serves():
            return None
        if number not in self._asking:
            self._asking[number] = self.client(number)
        try:
            reply = self._asking[number].ask("STATUS", seconds=seconds)
        except NoAnswer:  # a new socket: the old one may be waiting to reconnect
            self._asking.pop(number).close()
            return None
        return reply if reply.get("ok") else None

    def leader(self, among=None):
        """The leader of the highest term among those asked, or None."""
        known = [self.status(i) for i in among or self.nodes]
        leading = [s for s in known if s and s["role"] == "leader"]
        return max(leading, key=lambda s: s["term"])["node"] if leading else None

    def wait_for_leader(self, among=None, seconds=PATIENCE):
        return eventually(lambda: self.leader(among), "somebody leads", seconds)

    def wait_until_ready(self):
        """Somebody leads and everybody knows; returns the leader."""
        def agreed():
            known = [self.status(i) for i in self.nodes if self.nodes[i].serves()]
            leaders = {s["leader"] if s else 0 for s in known}
            return len(leaders) == 1 and leaders.pop()
        return eventually(agreed, "all nodes know the same leader")

    def wait_until_equal(self, seconds=PATIENCE):
        """All running nodes have applied all that is committed, and hold the same state."""
        def equal():
            known = [self.status(i) for i in self.nodes if self.nodes[i].serves()]
            if not all(known):
                return False
            # Logs and digests are read one after the other, so only a standstill can be judged.
            if len({s["applied"] for s in known} | {s["commit"] for s in known}) != 1:
                return False
            digests = {s["node"]: s["digest"] for s in known}
            if len(set(digests.values())) != 1:
                raise AssertionError(f"states differ at {known[0]['applied']}: {digests}")
            return known[0]
        return eventually(equal, lambda: f"states are equal: {self.describe()}", seconds)

    def describe(self):
        lines = []
        for i in self.nodes:
            s = self.status(i)
            lines.append(f"n{i}: " + (" ".join(
                f"{f}={s[f]}" for f in ("role", "term", "leader", "last", "commit", "applied"))
                if s else "silent"))
        return "; ".join(lines)
