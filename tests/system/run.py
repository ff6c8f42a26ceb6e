"""Runs the tests of this folder against real processes and ends with one line of counts.

usage: python3 tests/system/run.py [NAME...]     all of *_test.py, or those with these names:
                                                  protocol_ops_test, failover_test.AllDie, …
RAFTBUS_BIN names the program (default: build/raftbus).
"""

import os
import pathlib
import sys
import unittest

import cluster


def main():
    here = pathlib.Path(__file__).resolve().parent
    if not os.access(cluster.PROGRAM, os.X_OK):
        sys.exit(f"there is no program at {cluster.PROGRAM}: build it, or set RAFTBUS_BIN")
    loader = unittest.TestLoader()
    if sys.argv[1:]:
        suite = loader.loadTestsFromNames(sys.argv[1:])
    else:
        suite = loader.discover(str(here), pattern="*_test.py", top_level_dir=str(here))
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    # A test with several failed subtests is one failed test.
    failed = len({getattr(test, "test_case", test) for test, _ in result.failures + result.errors}
                 | set(result.unexpectedSuccesses))
    skipped = len(result.skipped)
    passed = max(result.testsRun - failed - skipped, 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
