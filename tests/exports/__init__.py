import pytest

pytest.register_assert_rewrite("tests.exports.kills")
