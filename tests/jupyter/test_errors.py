"""What a notebook shows of an error: one line with its hint, and all of it for who asks."""

import os
import re
from pathlib import Path

import pytest

from b24data import ConfigError, SdkError
from b24data.syntax.options import HelpShown
from b24data.syntax.request import request_of
from b24data.text.raised import in_one_line, rendered

WRONG = "import b24data\nb24 = b24data.connect()\nb24.tools.fetch_all('crm.deal.list', ['OPORTUNITY'], progress=False)"
LINE = re.compile(r"SchemaError: .*OPORTUNITY \(did you mean OPPORTUNITY.*\)\. Hint: .*")


def test_an_error_of_a_python_call__is_one_line_with_its_hint(kernel):
    shown = kernel.run(WRONG)
    assert shown.status == "error"
    assert LINE.fullmatch(shown.text), shown.text


@pytest.mark.parametrize("mode", ["Plain", "Context", "Minimal"])
def test_other_modes__leave_the_line_as_it_is(kernel, mode):
    kernel.run(f"%xmode {mode}")
    shown = kernel.run(WRONG)
    kernel.run("%xmode Context")
    assert LINE.fullmatch(shown.text), shown.text


def test_tb_and_xmode_verbose__show_all_of_it(kernel):
    kernel.run(WRONG)
    asked = kernel.run("%tb").text
    kernel.run("%xmode Verbose")
    verbose = kernel.run(WRONG).text
    kernel.run("%xmode Context")
    for text in (asked, verbose):
        assert "Traceback (most recent call last)" in text
        assert "fetch_all" in text


def test_all_of_an_error__shows_no_secret(kernel, portal):
    hook = portal.webhook_url
    secret = hook.rstrip("/").rpartition("/")[2]
    kernel.run("%xmode Verbose")
    shown = kernel.run(
        f"from b24data import B24Hook\nb24 = B24Hook('{hook}')\nb24.tools.fetch_all('crm.deal.list', ['NO'])"
    )
    kernel.run("%xmode Context")
    assert "Traceback" in shown.text
    assert secret not in shown.text


def test_an_error_with_a_cause__is_no_chain(kernel):
    shown = kernel.run(
        "from b24data import SdkError\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n"
        "    raise SdkError('it broke', hint='fix it') from error"
    )
    assert shown.text == "SdkError: it broke. Hint: fix it."


def test_handlers_of_other_packages__stay_and_come_first(kernel):
    kernel.run(
        "def mine(shell, kind, value, tb, tb_offset=None):\n    print('theirs:', kind.__name__)\n"
        "get_ipython().set_custom_exc((ValueError,), mine)"
    )
    kernel.run("%reload_ext b24data")
    shown = kernel.run(
        "import b24data\nb24data.connect(5, verify=3) if 0 else (_ for _ in ()).throw(b24data.ConfigError('x'))"
    )
    kernel.run("get_ipython().set_custom_exc((), None)")
    assert shown.text.strip() == "theirs: ConfigError"


def test_an_error_that_is_not_ours__has_its_traceback(kernel):
    assert "Traceback" in kernel.run("1 / 0").text


def test_outside_of_a_notebook__the_line_is_there_too():
    assert rendered(SdkError("it\nbroke"), "it\nbroke") == ["SdkError: it broke"]
    assert ConfigError("no", hint="yes")._render_traceback_() == ["ConfigError: no. Hint: yes."]
    stopped = KeyboardInterrupt()
    in_one_line(stopped)
    assert stopped._render_traceback_() == ["KeyboardInterrupt: stopped; no more requests are sent"]


def test_a_stop_and_the_overview_of_commands__are_in_the_readers_language(monkeypatch, capsys):
    monkeypatch.setenv("B24DATA_LANG", "ru")
    stopped = KeyboardInterrupt()
    in_one_line(stopped)
    assert stopped._render_traceback_() == ["KeyboardInterrupt: остановлено; запросы больше не отправляются"]
    with pytest.raises(HelpShown):
        request_of("")
    said = [line.strip().partition("  ")[2] for line in capsys.readouterr().out.splitlines()[2:]]
    assert len(said) > 5
    assert [line for line in said if not re.search("[а-яё]", line)] == []


STOP = "import _thread, threading; threading.Timer(0.5, _thread.interrupt_main).start()\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    "what",
    [
        "slow.connect().tools.fetch_all('crm.deal.list')",
        "slow.connect().actions.v2.call.make(method='profile')",
        "list(slow.connect().tools.iter_batches('crm.deal.list'))",
    ],
)
def test_ctrl_c__is_one_line(kernel, what):
    kernel.run("from b24data import Sandbox\nslow = Sandbox(deals=9_000, latency_s=3).start()")
    shown = kernel.run(f"{STOP}{what}")
    kernel.run("slow.stop()")
    line = "\n".join(shown.errors[0]["traceback"])
    assert line == "KeyboardInterrupt: stopped; no more requests are sent"


README = Path(__file__).parents[2] / "README.md"
TEN_LINES = re.search("## Ten lines\\n.*?```ipython\\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_ten_lines_of_the_readme__work_in_one_cell(kernel, portal):
    assert TEN_LINES is not None
    kernel.run("import os; hook, config = os.environ.pop('B24_WEBHOOK'), os.environ['B24DATA_CONFIG_DIR']")
    kernel.run("import tempfile; os.environ['B24DATA_CONFIG_DIR'] = tempfile.mkdtemp(); os.chdir(tempfile.mkdtemp())")
    first = kernel.run(TEN_LINES[1])
    assert first.text.rpartition("AuthorizationRequiredError")[2] == (
        ": you have not signed in to a portal on this machine. Hint: sign in with the panel of b24data.login(),"
        " then run this cell again."
    )
    displays = [content["data"] for kind, content in first.outputs if kind == "display_data"]
    assert ["application/vnd.jupyter.widget-view+json" in data for data in displays] == [True]
    kernel.run(
        "from b24data.signin.panel import AuthPanel\npanel = AuthPanel._last()\npanel.way.value = 'webhook'\n"
        "panel.webhook.value = hook\npanel.go.click()\npanel.wait()"
    )
    second = kernel.run(TEN_LINES[1])
    kernel.run("os.environ['B24_WEBHOOK'] = hook; os.environ['B24DATA_CONFIG_DIR'] = config")
    assert second.status == "ok", second.text
    assert kernel.value("[len(deals) > 0, os.path.exists('deals.parquet')]") == [True, True]


@pytest.mark.parametrize("last", ["b24data.login()", "panel = b24data.login(); panel", "%b24 login"])
def test_a_panel__is_shown_once_by_the_cell_that_makes_it_and_again_by_a_later_one(kernel, last):
    def panels(shown):
        assert shown.status == "ok", shown.text
        return sum("application/vnd.jupyter.widget-view+json" in content["data"] for _, content in shown.outputs)

    assert panels(kernel.run(f"import b24data\n{last}")) == 1
    assert panels(kernel.run("b24data.signin.panel.AuthPanel._last()")) == 1
