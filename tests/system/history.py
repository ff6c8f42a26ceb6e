"""Concurrent clients that write down what they asked and what they were told.

Owns: the clients' threads and the history. Must not know: which faults strike.

Two kinds of keys. A few contested ones, new ones every few seconds so that their histories stay
short enough to be judged; and a ledger of keys that are written once and have to be there at the end.
"""

import random
import threading
import time
from collections import defaultdict

from client import UNKNOWN, NoAnswer
from linearizability import Operation

CONTESTED_AT_ONCE = 4
SECONDS_PER_EPOCH = 4
_TIMEOUT_MS = 1500


class History:
    """What all clients saw. Revisions and values are kept as told; moments are monotonic."""

    def __init__(self):
        self._lock = threading.Lock()
        self._operations = defaultdict(list)  # key -> operations
        self.ledger = {}  # key -> value, of acknowledged writes
        self.revisions = {}  # (key, value) -> revision
        self.contradictions = []
        self.counts = defaultdict(int)  # outcome -> how many

    def add(self, key, operation, outcome):
        with self._lock:
            self.counts[outcome] += 1
            if operation:
                self._operations[key].append(operation)

    def told_revision(self, key, value, revision):
        """One write has one revision, whoever tells it."""
        with self._lock:
            known = self.revisions.setdefault((key, value), revision)
            if known != revision:
                self.contradictions.append(f"{key} {value}: revision {known}, later {revision}")

    def acknowledge(self, key, value):
        with self._lock:
            self.ledger[key] = value

    def by_key(self):
        with self._lock:
            return {key: list(operations) for key, operations in self._operations.items()}


class Worker(threading.Thread):
    """One client at a time asks one thing, of any node."""

    def __init__(self, cluster, history, number, seed, stop):
        super().__init__(daemon=True)
        self._cluster, self._history, self._number = cluster, history, number
        self._rng = random.Random(f"{seed}/{number}")
        self._stop_asked = stop
        self._clients = {}
        self._written = 0
        self._seen = {}  # key -> (value or None, revision) as this worker last saw it
        self.failure = None

    def run(self):
        began = time.monotonic()
        try:
            while not self._stop_asked.is_set():
                epoch = int((time.monotonic() - began) / SECONDS_PER_EPOCH)
                if self._rng.random() < 0.2:
                    self._write_ledger()
                else:
                    self._contest(b"contested/%d/%d" % (epoch, self._rng.randrange(CONTESTED_AT_ONCE)))
        except Exception as failure:  # told by whoever joins
            self.failure = failure
        finally:
            for client in self._clients.values():
                client.close()

    def final_reads(self, keys):
        """After the faults: what every contested key holds, through every node."""
        for key in keys:
            for node in self._cluster.numbers():
                self._get(key, node)
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _new_value(self):
        self._written += 1
        return b"%d.%d" % (self._number, self._written)

    def _write_ledger(self):
        value = self._new_value()
        key = b"ledger/" + value
        reply = self._ask("SET", key=key, value=value)
        self._history.add(key, None, _outcome(reply))
        if reply and reply["ok"]:
            self._history.acknowledge(key, value)

    def _contest(self, key):
        roll = self._rng.random()
        if roll < 0.45:
            self._get(key)
        elif roll < 0.70:
            self._write("set", key, self._new_value(), {})
        elif roll < 0.90:
            self._write("set", key, self._new_value(), self._condition(key))
        else:
            self._write("delete", key, None, self._condition(key) if roll < 0.93 else {})

    def _condition(self, key):
        value, revision = self._seen.get(key, (None, 0))
        if value is None:
            return {"if_revision": 0}
        return {"if_value": value} if self._rng.random() < 0.5 else {"if_revision": revision}

    def _get(self, key, node=None):
        invoked = time.monotonic()
        reply = self._ask("GET", node, key=key)
        returned = time.monotonic()
        operation = None
        if reply and reply["ok"]:
            value = reply["value"] if reply["found"] else None
            self._seen[key] = (value, reply["revision"] if value is not None else 0)
            if value is not None:
                self._history.told_revision(key, value, reply["revision"])
            operation = Operation("get", invoked, returned, value=value)
        self._history.add(key, operation, _outcome(reply))

    def _write(self, kind, key, value, condition):
        expected = {}
        if condition:  # values are unique, so a condition on a revision is one on its value
            seen = self._seen.get(key, (None, 0))[0]
            expected = dict(conditional=True, expected=seen)
        fields = {"value": value} if kind == "set" else {}
        invoked = time.monotonic()
        reply = self._ask(kind.upper(), key=key, **fields, **condition)
        returned = time.monotonic()
        outcome = _outcome(reply)
        operation = None
        if outcome == "unknown":
            operation = Operation(kind, invoked, value=value, **expected)
        elif outcome == "refused":
            operation = Operation(kind, invoked, returned, value=value, refused=True, **expected)
        elif outcome == "done":
            operation = Operation(kind, invoked, returned, value=value, found=reply.get("found"),
                                  **expected)
            if kind == "set":
                self._seen[key] = (value, reply["revision"])
                self._history.told_revision(key, value, reply["revision"])
        self._history.add(key, operation, outcome)

    def _ask(self, op, node=None, **fields):
        """The reply, or None if there was none."""
        node = node or self._rng.choice(self._cluster.numbers())
        if node not in self._clients:
            self._clients[node] = self._cluster.client(node)
        try:
            return self._clients[node].ask(op, seconds=_TIMEOUT_MS / 1000 + 0.5,
                                           timeout_ms=_TIMEOUT_MS, **fields)
        except NoAnswer:
            self._clients.pop(node).close()
            return None


def _outcome(reply):
    if reply is None:
        return "unknown"
    if reply["ok"]:
        return "done"
    if reply["error"] == "CONDITION_FAILED":
        return "refused"
    if reply["executed"] == UNKNOWN:
        return "unknown"
    if reply["error"] in ("NO_LEADER", "BUSY", "TIMEOUT"):
        return "not executed"
    raise AssertionError(f"what is this in answer to a sound request? {reply}")
