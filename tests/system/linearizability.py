"""Is a history of one key linearizable? A Wing-Gong-Lowe search with memory of where it has been.

Owns: operations on a register and the search. Must not know: nodes, sockets, raftbus.

The register holds a value or None (absent). Every write writes a value of its own.
An operation is known (it answered) or not (its outcome is unknown: it takes effect at any moment
after its invocation, or never).
"""

from dataclasses import dataclass
from math import inf
from typing import Optional

_UNSEEN = "\0 a value that nobody ever observed"


@dataclass(frozen=True)
class Operation:
    kind: str  # "set", "delete", "get"
    invoked: float  # moment; any clock that all operations share
    returned: float = inf  # inf: the outcome is unknown
    value: Optional[str] = None  # set: written; get: seen, None for absent
    conditional: bool = False  # set, delete: only if the register holds `expected`
    expected: Optional[str] = None  # None: only if absent
    refused: bool = False  # the condition did not hold
    found: Optional[bool] = None  # delete: whether something was there; None: not told

    @property
    def known(self):
        return self.returned != inf

    def observes(self):
        """Values that this operation's answer depends on."""
        return {v for v in (self.value if self.kind == "get" else None, self.expected) if v is not None}


class GaveUp(Exception):
    """The search grew beyond its bound: neither yes nor no."""


def step(state, operation):
    """(legal, state afterwards) if `operation` took effect now."""
    o = operation
    if o.kind == "get":
        return state == o.value, state
    if o.conditional:
        holds = state == o.expected
        if not o.known:
            if not holds:
                return True, state
        elif holds == o.refused:
            return False, state
        if o.refused:
            return True, state
    if o.kind == "delete":
        if o.known and o.found is not None and o.found != (state is not None):
            return False, state
        return True, None
    return True, o.value


def is_linearizable(history, initial=None, steps_max=2_000_000):
    """True or False; GaveUp after `steps_max` steps of the search."""
    operations = _prepare(history)
    if operations is None:
        return False
    needed = sum(1 << i for i, o in enumerate(operations) if o.known)
    seen = set()
    stack = [_candidates(operations, 0, initial)]
    path = [(0, initial)]
    steps = 0
    while stack:
        steps += 1
        if steps > steps_max:
            raise GaveUp(f"{len(operations)} operations, {steps_max} steps")
        done, state = path[-1]
        if done & needed == needed:
            return True
        chosen = next(stack[-1], None)
        if chosen is None:
            stack.pop()
            path.pop()
            continue
        after = (done | 1 << chosen[0], chosen[1])
        if after not in seen:
            seen.add(after)
            path.append(after)
            stack.append(_candidates(operations, *after))
    return False


def _prepare(history):
    """In order of invocation, with all values that nobody observed made one; None if a value was
    observed that nobody wrote."""
    observed = set().union(*(o.observes() for o in history)) if history else set()
    written = {o.value for o in history if o.kind == "set"}
    if any(o.kind == "get" and o.value is not None and o.value not in written for o in history):
        return None
    prepared = [Operation(**{**o.__dict__, "value": _UNSEEN})
                if o.kind == "set" and o.value not in observed else o for o in history]
    # What answered nothing and changes nothing says nothing.
    prepared = [o for o in prepared if o.known or o.kind != "get"]
    return sorted(prepared, key=lambda o: o.invoked)


def _candidates(operations, done, state):
    """Yields (index, state afterwards) of what may take effect next: invoked before the first
    return among what is left. Known ones first, since they must; of several unknown ones that
    would do the same, only the earliest."""
    window, first_return = [], inf
    first_open = ((done + 1) & ~done).bit_length() - 1
    for i in range(first_open, len(operations)):
        o = operations[i]
        if o.invoked > first_return:
            break
        if not done >> i & 1:
            window.append(i)
            first_return = min(first_return, o.returned)
    window = [i for i in window if operations[i].invoked <= first_return]
    window.sort(key=lambda i: operations[i].returned)
    tried = set()
    for i in window:
        legal, after = step(state, operations[i])
        if not legal:
            continue
        if not operations[i].known:
            o = operations[i]
            if after == state or (o.kind, o.value, o.conditional, o.expected) in tried:
                continue  # not taking effect is as good
            tried.add((o.kind, o.value, o.conditional, o.expected))
        yield i, after
