"""Writers that never stop, and what they were promised.

Owns: the writers' threads and the list of acknowledged writes. Must not know: what is done to the
cluster meanwhile.
"""

import threading
import time

from client import Client, NoAnswer
from cluster import eventually


class Load:
    """Each writer writes each of its keys once, so what was acknowledged must be there for good,
    whatever became of the writes whose outcome is unknown. A context manager."""

    def __init__(self, cluster, writers=4, timeout_ms=1000):
        self._cluster = cluster
        self._timeout_ms = timeout_ms
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged = {}  # key -> (value, revision)
        self._moments = []  # (sent, acknowledged) of each of them
        self._failure = None
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(writers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait_for_more(50)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failure:
            raise self._failure

    def count(self):
        with self._lock:
            return len(self._acknowledged)

    def wait_for_more(self, count):
        """Until `count` writes more than now are acknowledged."""
        wanted = self.count() + count
        eventually(lambda: self.count() >= wanted, f"{count} writes more are acknowledged")

    def first_after(self, moment):
        """Seconds from `moment` (monotonic) until a write that was sent later is acknowledged: what
        was on its way before says nothing. Waits for it."""
        def found():
            with self._lock:
                return next((at - moment for sent, at in self._moments if sent > moment), None)
        return eventually(found, "a write is acknowledged")

    def _write(self, writer):
        clients = self._cluster.clients()
        try:
            turn, number = writer, 0
            while not self._stop.is_set():
                node, client = clients[turn % len(clients)]
                key, value = b"load/%d/%06d" % (writer, number), b"%d of %d" % (number, writer)
                number += 1
                sent = time.monotonic()
                try:
                    reply = client.ask("SET", seconds=self._timeout_ms / 1000, key=key, value=value,
                                       timeout_ms=self._timeout_ms)
                except NoAnswer:  # outcome unknown; on to another node with another key
                    client.close()
                    clients[turn % len(clients)] = (node, self._cluster.client(node))
                    turn += 1
                    continue
                if reply["ok"]:
                    with self._lock:
                        self._acknowledged[key] = (value, reply["revision"])
                        self._moments.append((sent, time.monotonic()))
                else:
                    turn += 1
        except Exception as failure:  # told to the test by stop()
            self._failure = failure
        finally:
            for _, client in clients:
                client.close()

    def check(self, test):
        """Every acknowledged write is there, on every node that runs, with its revision."""
        with self._lock:
            wanted = dict(self._acknowledged)
        test.assertTrue(wanted)
        for i in self._cluster.numbers():
            if self._cluster.node(i).serves():
                with self._cluster.client(i) as client:
                    found = {key: (value, revision)
                             for key, value, revision in client.scan_all(b"load/", timeout_ms=20_000)}
                lost = {key for key in wanted if key not in found}
                wrong = {key for key in wanted if key in found and found[key] != wanted[key]}
                test.assertFalse(lost, f"node {i} lost {len(lost)} of {len(wanted)} acknowledged writes")
                test.assertFalse(wrong, f"node {i} changed {len(wrong)} acknowledged writes")
