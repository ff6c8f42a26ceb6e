"""A client written from docs/protocol.md alone: pyzmq and msgpack, nothing of the project's code.

Owns: sockets towards one node. Must not know: where the nodes run, or what they are made of.
"""

import itertools
import time

import msgpack
import zmq

UNKNOWN = "unknown"  # `executed`: it may have happened, or may yet happen
NO = "no"  # `executed`: it did not happen and will not


class NoAnswer(Exception):
    """Nothing came back in time. What was asked for may have happened."""


def pack(request):
    return msgpack.packb(request, use_bin_type=True)


def unpack(body):
    # Replies carry keys and values as `bin`; all other strings must be valid UTF-8.
    return msgpack.unpackb(body, raw=False, strict_map_key=False)


class Client:
    """One DEALER to one node. Not for several threads at once."""

    def __init__(self, address, socket_type=zmq.DEALER):
        self.address = address
        self._numbers = itertools.count(1)
        self.socket = zmq.Context.instance().socket(socket_type)
        self.socket.linger = 0
        self.socket.sndhwm = 0
        self.socket.rcvhwm = 0
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, op, **fields):
        """Sends without waiting; returns the request's id."""
        number = next(self._numbers)
        self.send_body(pack({"op": op, "id": number, **fields}))
        return number

    def send_body(self, body):
        self.socket.send_multipart([b"", body])

    def send_frames(self, *frames):
        self.socket.send_multipart(list(frames))

    def receive_frames(self, seconds=20):
        if not self.socket.poll(seconds * 1000):
            raise NoAnswer(f"{self.address}: nothing within {seconds} s")
        return self.socket.recv_multipart()

    def receive(self, seconds=20):
        frames = self.receive_frames(seconds)
        if len(frames) != 2 or frames[0] != b"":
            raise AssertionError(f"expected an empty frame and a body, got {frames!r}")
        return unpack(frames[1])

    def ask(self, op, seconds=20, **fields):
        """Sends a request and returns its own reply; those to earlier, abandoned ones are dropped."""
        number = self.send(op, **fields)
        until = time.monotonic() + seconds
        while True:
            reply = self.receive(max(until - time.monotonic(), 0.001))
            if reply.get("id") == number:
                return reply

    def done(self, op, **fields):
        """As ask(), for what must succeed."""
        reply = self.ask(op, **fields)
        if reply.get("ok") is not True:
            raise AssertionError(f"{op} {fields}: {reply}")
        return reply

    def ask_all(self, requests, seconds=120):
        """Pipelines (op, fields) pairs on the one socket; returns the replies in the order asked."""
        numbers = [self.send(op, **fields) for op, fields in requests]
        replies = {}
        until = time.monotonic() + seconds
        while len(replies) < len(numbers):
            reply = self.receive(max(until - time.monotonic(), 0.001))
            if reply["id"] in replies:
                raise AssertionError(f"answered twice: {reply}")
            replies[reply["id"]] = reply
        return [replies[number] for number in numbers]

    def scan_all(self, prefix, **fields):
        """Every [key, value, revision] below a prefix, page by page."""
        start, end = prefix, prefix[:-1] + bytes([prefix[-1] + 1])
        items = []
        while True:
            page = self.done("SCAN", start=start, end=end, **fields)
            items += page["items"]
            if not page["more"]:
                return items
            start = items[-1][0] + b"\0"
