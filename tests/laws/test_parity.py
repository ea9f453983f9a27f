"""docs/parity.md names only tests that exist, and says something about every row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in (ROOT / "docs/parity.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| Member", "| Claim"))
]
# test/integration/{oauth,core,hook}/*.unit.spec.ts of bitrix24/b24jssdk 1.2.0
UNIT_SPECS = """
actions-v3-call aggregate-v3 auth-retry-401 batch-array-error-key batch-null-result batch-ref-v3
call-params-types deprecated-warning-metadata error-cause filter-v3 frame-im-passthrough
hook-error-secret-redaction http-batch-soft-error http-fixes http-log-truncation http-log-undefined-payload
http-logger-redaction http-soft-error-codes http-task-telemetry keyset-paginate-v3 list-cursor-id-key
list-loop-exit list-tail-v3 logger-isolation no-credential-in-logger oauth-refresh-form-post
require-catch-on-logger-call result-errors-by-key retry-client-error version-manager
"""
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:60] for row in ROWS])
def test_parity__every_row_has_a_state_and_tests_that_exist(row: list[str]) -> None:
    _, state, text = row
    assert state in ("holds", "differs", "does not apply")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named <= TESTS
    assert named or state != "holds"
    assert text


def test_parity__has_every_unit_spec_of_the_sdk() -> None:
    named = {spec for row in ROWS for spec in re.findall(r"`([\w-]+)`", row[0].partition(":")[0])}
    assert set(UNIT_SPECS.split()) <= named
