"""CPU of ``import b24data`` against the start of the interpreter itself: ``python tests/benchmarks/import_cost.py``.

Each is the median of 15 fresh processes, taken in turns. The goal is 60 ms.
"""

import resource
import statistics
import subprocess
import sys

ROUNDS = 15


def cpu_ms(code: str) -> float:
    """User and system time of a fresh interpreter that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> None:
    """Print the three figures."""
    rounds = [(cpu_ms("pass"), cpu_ms("import b24data")) for _ in range(ROUNDS)]
    bare, with_import = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"interpreter {bare:.1f} ms, import b24data {with_import - bare:.1f} ms more, {with_import / bare:.2f} times")  # noqa: T201


if __name__ == "__main__":
    main()
