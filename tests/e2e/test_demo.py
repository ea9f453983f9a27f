import pyarrow.parquet as pq
import pytest

from b24data.cli import demo
from b24data.cli.main import main

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of a small demo and its exit code."""
    out = tmp_path_factory.mktemp("demo") / "files"
    return out, main(["demo", "--deals", "3000", "--out", str(out)])


def test_demo__succeeds_and_leaves_the_file_and_the_chart(ran):
    out, code = ran
    assert code == 0
    assert pq.read_table(out / "deals.parquet").num_rows == 3000
    assert (out / "funnel.png").read_bytes().startswith(PNG)
    assert sorted(path.name for path in out.iterdir()) == ["deals.parquet", "funnel.png"]


def test_demo__fails_when_a_comparison_does(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(demo, "_same_values", lambda deals, table: False)
    assert main(["demo", "--deals", "200", "--out", str(tmp_path)]) == 1
    assert "FAILED  both hold the same values" in capsys.readouterr().out


def test_demo__without_its_extra_names_the_pip_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 1
    assert 'pip install "b24data[demo]"' in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("deals", ["0", "-5", "many"])
def test_demo__refuses_a_number_of_deals_that_makes_no_sense(deals, capsys):
    assert main(["demo", "--deals", deals]) == 64
    assert "--deals" in capsys.readouterr().err
