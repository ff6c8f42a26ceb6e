#!/usr/bin/env python3
"""A raftbus client. Needs pyzmq and msgpack. Usage: python_client.py [tcp://host:port]"""
import sys
import msgpack
import zmq

socket = zmq.Context.instance().socket(zmq.REQ)
socket.setsockopt(zmq.REQ_RELAXED, 1)    # a lost reply does not lock the socket
socket.setsockopt(zmq.REQ_CORRELATE, 1)  # and a late one is not taken for the next
socket.setsockopt(zmq.RCVTIMEO, 10_000)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:7238")

def ask(op, **fields):
    socket.send(msgpack.packb({"op": op, **fields}))
    return msgpack.unpackb(socket.recv())

print(ask("SET", key="colour", value=b"red"))
print(ask("GET", key="colour"))
