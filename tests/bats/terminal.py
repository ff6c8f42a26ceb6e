#!/usr/bin/env python3
"""terminal.py PROGRAM ARGUMENT... -- TYPED...: runs it on a terminal of its own, types the texts one after the other, each
once the program has been silent for a moment, and prints what the terminal showed."""
import os
import pty
import select
import sys
import time

QUIET, PATIENCE = 0.5, 30.0


def shown(terminal, until_end):
    """What comes until it is silent, or until the program has ended."""
    screen, deadline = b"", time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], QUIET)
        if not ready:
            if screen and not until_end:
                break
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        screen += piece
    return screen


def main():
    words = sys.argv[1:]
    command, typed = words[:words.index("--")], words[words.index("--") + 1:]
    child, terminal = pty.fork()
    if child == 0:
        os.environ.setdefault("TERM", "xterm")
        os.environ["LC_ALL"] = "C.UTF-8"
        os.execv(command[0], command)
    screen = b""
    for text in typed:
        screen += shown(terminal, False)
        os.write(terminal, text.encode())
    screen += shown(terminal, True)
    os.waitpid(child, 0)
    sys.stdout.buffer.write(screen)


main()
