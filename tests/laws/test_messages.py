"""Messages in the reader's language: the catalogue has each of them, and a person reads them where they are shown."""

import json
import re
import runpy
from pathlib import Path

import pytest

from b24data import FetchReport, Sandbox
from b24data.cli.main import _MODULES, main
from b24data.client.status import Status
from b24data.errors import ConfigError, IncompleteFetchError, RateLimitedError, SchemaError
from b24data.progress import ProgressEvent
from b24data.text.hints import Face, option
from b24data.text.language import LOCALES, language, translated
from b24data.text.markup import note_html

MAKE = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "make_messages.py"))
CATALOGUE = MAKE["read_catalogue"](MAKE["CATALOGUE"].read_text("utf-8"))
PLACE = re.compile(r"\{(\d?)\}")


@pytest.fixture
def russian(monkeypatch):
    monkeypatch.setenv("B24DATA_LANG", "ru")


def test_catalogue__has_every_message_and_no_other():
    found = MAKE["messages"]()
    assert sorted(found.keys() - CATALOGUE.keys()) == [], "python docs/make_messages.py, then translate"
    assert sorted(CATALOGUE.keys() - found.keys()) == [], "python docs/make_messages.py removes them"


def test_catalogue__has_a_translation_of_each():
    assert [key for key, value in CATALOGUE.items() if not value] == []
    same = [key for key, value in CATALOGUE.items() if key == value]
    assert len(same) < 80, "only code is the same in both"


def test_catalogue__uses_no_value_that_a_message_does_not_have():
    for key, value in CATALOGUE.items():
        places, has = PLACE.findall(value), key.count("{}")
        named = [int(place) for place in re.findall(r"\{(\d)[|}]", value)]
        assert places.count("") <= has, key
        assert all(place < has for place in named), key


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("create it, or give another path", True),
        ("select fewer fields, or ask for fewer rows", True),
        ("select is empty", True),
        ("b24data fetch needs a file to write to", True),
        ("%b24 sql has no query", True),
        ("b24data login, or set B24_WEBHOOK", True),
        ("create table deals (id bigint)", False),
        ("create schema if not exists {}", False),
        ("select {} from {} group by {}", False),
        ("b24data export run deals contacts", False),
        ("%s [%s] %d in %.3f s", False),
    ],
)
def test_a_sentence__is_a_message_and_a_statement_or_command_is_none(text, is_one):
    assert MAKE["is_message"](text) == is_one


def test_compiled__is_what_the_texts_say():
    compiled = MAKE["CATALOGUE"].with_suffix(".mo")
    assert compiled.is_relative_to(LOCALES)
    assert compiled.read_bytes() == MAKE["compiled"](CATALOGUE), "run python docs/make_messages.py"


@pytest.mark.parametrize(
    ("variables", "is_"),
    [
        ({"B24DATA_LANG": "ru"}, "ru"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"B24DATA_LANG": "en", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
    ],
)
def test_language__is_that_of_the_variable_or_else_of_the_locale(monkeypatch, variables, is_):
    for name in ("B24DATA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == is_


@pytest.mark.parametrize(
    ("count", "words"),
    [
        ("1", "1 строка"),
        ("2", "2 строки"),
        ("5", "5 строк"),
        ("11", "11 строк"),
        ("12", "12 строк"),
        ("21", "21 строка"),
        ("0", "0 строк"),
        ("1,001", "1\xa0001 строка"),
        ("112", "112 строк"),
        ("1,234,567", "1\xa0234\xa0567 строк"),
    ],
)
def test_plurals__are_those_of_russian(count, words):
    assert translated(f"{count} rows", to="ru") == words


def test_an_error__is_read_in_russian_and_stays_english_for_programs(russian):
    error = SchemaError(
        "no such field in select: TITEL (did you mean TITLE?)",
        hint=f"{option('check_fields', False)} sends it unchanged",
    )
    assert error.told(Face.SHELL) == (
        "нет такого поля в select: TITEL (возможно, вы имели в виду TITLE?). "
        "Подсказка: --no-check-fields передаёт как есть."
    )
    assert "check_fields=False передаёт" in "".join(error._render_traceback_())
    assert str(error).startswith("no such field in select")
    assert error.hint == "check_fields=False sends it unchanged"


def test_an_error_of_a_call__keeps_method_code_and_the_portals_words(russian):
    error = RateLimitedError(
        "crm.deal.list", "Too many requests", code="QUERY_LIMIT_EXCEEDED", status=503, attempts=3, seconds=12.0
    )
    told = error.told(Face.PYTHON)
    assert told == "crm.deal.list: QUERY_LIMIT_EXCEEDED (503) после 3 попыток, 12 с: Too many requests"


def test_nested_values__are_translated_too(russian):
    told = IncompleteFetchError("crm.deal.list stopped after 1,500 rows: the answer was cut off").told(Face.PYTHON)
    assert told == "crm.deal.list остановлен после 1\xa0500 строк: ответ оборван"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,234,567.5 rows/s", "1\xa0234\xa0567,5 строк/с"),
        ("about 1.5 s", "около 1,5 с"),
        ("written to 1.5", "записано в 1.5"),
        ("written to 1,234.parquet", "записано в 1,234.parquet"),
        ("written to /data/1,234", "записано в /data/1,234"),
    ],
)
def test_numbers__have_a_space_and_a_comma_where_they_are_measures_and_nothing_else_changes(text, said):
    assert translated(text, to="ru") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("user: acme\n46 of 50 requests free", "user: acme\nсвободно запросов: 46 из 50"),
        ("written to a.parquet\n3 rows", "записано в a.parquet\n3 строки"),
        (
            "crm.deal.list: about 1,002 rows, 3 requests, under a second",
            "crm.deal.list: около 1\xa0002 строк, 3 запроса, меньше секунды",
        ),
        ("1 secret in 4 files", "секретов: 1, файлов: 4"),
        ("no secret in 1 file", "секретов нет, файлов: 1"),
    ],
)
def test_each_line__is_a_message_of_its_own(text, said):
    assert translated(text, to="ru") == said


def test_a_report_and_a_status__are_russian_in_each_line(russian):
    report = FetchReport(
        method="crm.deal.list",
        portal="acme.bitrix24.ru",
        rows=1000,
        complete=True,
        reason="reached_pinned_id",
        walk="keyset",
        requests=3,
        commands=23,
        target="deals.xlsx",
        window=("2026-11-29T01:22:29+03:00", "2026-11-29T01:22:30+03:00"),
    )
    english = re.compile(r"\b(complete|requests|retries|written)\b")
    assert not english.search(translated(str(report)))
    status = Status(
        portal="acme.bitrix24.ru",
        way="webhook",
        user="Анна",
        user_id=1,
        is_admin=True,
        scopes=("crm",),
        limits="46 of 50 requests free",
    )
    assert status.told().splitlines() == [
        "портал:       acme.bitrix24.ru",
        "пользователь: Анна (id 1), администратор",
        "способ входа: вебхук",
        "права:        crm",
        "лимиты:       свободно запросов: 46 из 50",
    ]


@pytest.mark.parametrize(
    "text", ["Too many requests", "user, crm, task", "Сделка 5", "Sale of rows", "", " ", "a/b/rows"]
)
def test_what_is_no_message__stays(text):
    assert translated(text, to="ru") == text


def test_values_in_quotes__stay(russian):
    assert ConfigError("there is no profile 'no rows'").told(Face.PYTHON) == "нет профиля 'no rows'"


def test_progress_and_reports__have_russian(russian):
    event = ProgressEvent(kind="rows", label="crm.deal.list", rows=69112, fraction=0.75, seconds=41, refreshes=2)
    assert event.told() == "69\xa0112 строк, 1\xa0686 строк/с, осталось 0:14, обновлено токенов: 2"
    report = FetchReport(
        method="crm.deal.list", portal="acme.bitrix24.ru", rows=3, complete=True, reason="whole_answer", walk="whole"
    )
    shown = report._repr_html_()
    assert "crm.deal.list на acme.bitrix24.ru: 3 строки, полностью (whole_answer)" in shown
    assert "3 rows" in str(report)
    assert "вы ещё не вошли" in note_html("you have not signed in to a portal yet")


def test_shell__speaks_russian_and_its_json_does_not(russian, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("B24DATA_STATE_DIR", str(tmp_path))
    assert main(["fetch", "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("использование: b24data fetch METHOD [options]")
    assert "опции:" in page
    assert "примеры:" in page
    assert max(map(len, page.splitlines())) <= 80
    assert main(["fecth"]) == 64
    assert capsys.readouterr().err == "b24data: нет команды 'fecth'. Подсказка: возможно, вы имели в виду fetch?\n"
    assert main(["unfinished", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    assert "диагностика:" in overview
    assert max(map(len, overview.splitlines())) <= 90


OPTION = re.compile(r"(?m)^ {2,8}-\S.*?(?: {2,}|\n {10,})(\S.*)")
ACTIONS = {
    "crm": ("sync", "tables", "check", "export"),
    "export": ("run", "list", "status"),
    "schedule": ("add", "list"),
}
PAGES = [(command,) for command in _MODULES] + [(one, action) for one, of in ACTIONS.items() for action in of]


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_help__of_every_command_and_option_is_in_the_language_of_the_reader(russian, capsys, monkeypatch, page):
    monkeypatch.setenv("COLUMNS", "400")  # each on one line
    assert main([*page, "--help"]) == 0
    shown = capsys.readouterr().out
    told = OPTION.findall(shown)
    assert len(told) == len(re.findall(r"(?m)^ {2,8}-", shown)) > 0
    assert [text for text in told if not re.search("[а-я]", text)] == []


def test_tables_and_leaks__are_told_in_the_language_of_the_reader(russian, capsys, tmp_path):
    code = "q7w2k9x4m1p8z3v6"
    (tmp_path / ".env").write_text(f"B24_WEBHOOK=https://acme.bitrix24.ru/rest/1/{code}/\n")
    assert main(["doctor", "--scan", str(tmp_path / ".env")]) == 1
    assert ".env: строка 1: адрес вебхука\n" in capsys.readouterr().out
    with Sandbox(deals=20) as portal, portal.connect() as b24:
        b24.tools.sync_crm(tmp_path / "crm", tables=["departments", "user_departments"])
    assert main(["crm", "tables", str(tmp_path / "crm")]) == 0
    assert "дерево отделов" in capsys.readouterr().out
