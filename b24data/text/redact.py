r"""The one list of what opens a portal, and the masking of it in texts. Pure, and linear in the length of a text.

A secret is found as it is written, and as it is written percent-encoded, HTML-escaped, JSON-escaped, or with the
colours of a terminal between its letters: each layer is taken off, searched by the same patterns, and what was found
is masked where it stands in the original.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

MASK = "***"

NAMES = (
    "access_token|refresh_token|application_token|client_secret|auth_id|refresh_id|app_sid"
    "|accesstoken|refreshtoken|applicationtoken|clientsecret"
    "|authorization|auth|password|passwd|token|secret|sessid|api_key|apikey|key|signature"
)
SECRET_NAMES = frozenset(NAMES.split("|"))
SUBKEYS = r"(?:\[[^\[\]]{0,99}\]){0,9}"  # PHP's auth[access_token]=...
_NAMED = rf"(?:(?:[a-z0-9]{{1,24}}_){{0,3}}?(?!key\b|auth\b))?(?:{NAMES})"  # a sort_key opens nothing
_UNMISTAKABLE = (
    r"(?:access|refresh|application)_?token|client_?secret|(?:auth|refresh)_id|app_sid|(?:x-)?api[_-]?key|authorization"
)

# A word of a sentence behind "Basic" or "Bearer": a few letters of one case or with a capital, that are no base64 of
# user:password, which has its colon in one of these places; or letters of another script than a token's.
_COLON = r"O[g-v]|(?:[a-zA-Z]{4}){0,3}[a-zA-Z][jz][o-r]"
_WORD = (
    rf"(?-i:(?!{_COLON})(?:[A-Za-z][a-z]{{0,13}}|[A-Z]{{1,4}})|[^\W\d_a-zA-Z]{{1,30}})"
    r"\.?(?:$|[\s,;!?)\]}\"'<»”’]|:\s|\\[\"'nrt])"
)
_SCHEME = r"(?:Bearer|Basic)\s{1,9}"

# No pattern may begin a long look at many places, nor look at one place in many ways: a portal writes what it likes.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # rest/1/<code>/method and rest/api/1/<code>/method: the path of a webhook is its secret.
        r"(?<!\w)rest[/\\]{1,16}(?:api[/\\]{1,16})?\d{1,20}[/\\]{1,16}(?!your-code\b)(?P<secret>[^/\\\s?#&\"'<>]+)",
        # 1/<code>, as other clients take it. A code has sixteen digits and letters.
        r"(?<![\w.])\d{1,20}[/\\]{1,16}(?P<secret>(?=[a-z]{0,15}\d)(?=\d{0,15}[a-z])[a-z0-9]{16})(?!\w)",
        # auth=..., also inside a batch command or a nested address, in quotes, or with a prefix.
        rf"(?<![\w.\]]){_NAMED}{SUBKEYS}\]?\s{{0,3}}=(?!=)\s{{0,3}}"
        r"(?:\"(?P<double>[^\"\n]+)|'(?P<single>[^'\n]+)|(?P<secret>[^&#;\s\"'\\<>]+))",
        # "access_token": "..." in the text of a JSON body or of a Python dict.
        rf"[\"']{_NAMED}[\"']\s{{0,99}}:\s{{0,99}}"
        r"(?:\"(?P<double>(?:[^\"\\]|\\.)+)|'(?P<single>(?:[^'\\]|\\.)+))",
        # access_token: ... as YAML, headers, XML, forms, Ruby and the dumps of PHP have it. A word of a sentence has no
        # digit: "access_token: expired" stays.
        rf"(?<![\w.])(?:{_UNMISTAKABLE})[\"'\]]{{0,2}}(?:\s{{0,9}}(?::|=>|,|>)|;s:\d{{1,9}}:|\s{{1,9}}value\s?=)[\s\[\"']{{0,9}}"
        r"(?:string\(\d{1,9}\)\s{0,9}\")?(?P<secret>(?=[a-z_.-]{0,99}\d)[^\s\"'<>\[\]{},;]{6,})",
        r"(?<![\w-])(?:set-)?cookie2?[\"']?\s{0,9}:\s{0,9}(?P<secret>[^\r\n]+)",
        # Basic YW5u...==, wherever it stands, and whatever stands in its header; but not "the Basic plan".
        rf"\bauthorization[\"'\]]{{0,2}}\s{{0,9}}(?:=>|[:=,>])[\s\[\"'b]{{0,9}}{_SCHEME}(?P<secret>[\w.~+/=-]{{3,}})",
        rf"\b{_SCHEME}(?!{_WORD})(?P<secret>[\w.~+/=-]{{3,}})",
        # https://anna:pa55w0rd@portal
        r"(?:://?|//)(?P<secret>[^\s/?#\"'<>]{1,256})@",
        # A token that stands alone. Those of a portal have seventy digits; a fingerprint is no loss.
        r"(?<![0-9a-f])(?P<secret>[0-9a-f]{64,})",
    )
)

_SHAPES = (_PATTERNS[0], _PATTERNS[-1])  # neither a picture nor a program has what looks like these

_ESCAPE = re.compile(
    r"%(?:25){0,8}(?P<percent>[0-9a-f]{2})"
    r"|&(?:amp;){0,8}#(?:x0{0,8}(?P<hex>[0-9a-f]{1,4})|0{0,8}(?P<decimal>[0-9]{1,5}));?"
    r"|&(?:amp;){0,8}(?P<name>amp|sol|bsol|quot|apos|colon|equals|lsqb|rsqb|lowbar|num|quest|commat|lt|gt);"
    r"|(?<!\\)\\{1,16}(?:u\{0{0,8}|U000000|u00|x)(?P<json>[0-9a-f]{2})\}?"
    r"|(?<!\\)\\{1,16}(?P<octal>[0-3][0-7]{2})"
    # Nothing is seen of these: NUL (UTF-16), commands to a terminal, soft hyphens, joiners and marks of direction.
    r"|(?P<nothing>(?<!\\)\\{1,16}(?=[/\"'])|\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]"
    r"|[\0\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff])",
    re.IGNORECASE,
)
_ENTITIES = {"amp": "&", "sol": "/", "bsol": "\\", "quot": '"', "apos": "'", "colon": ":", "equals": "=", "lsqb": "["}
_ENTITIES |= {"rsqb": "]", "lowbar": "_", "num": "#", "quest": "?", "commat": "@", "lt": "<", "gt": ">"}
_MOST_LAYERS = 4
_SHORTEST = 6  # characters; a shorter one may be a part of a word


def redact(value: Any) -> Any:
    """``value`` with every secret masked: text by pattern, mappings also by key, lists and tuples item by item.

    >>> redact("https://x.bitrix24.com/rest/1/s3cr3t/crm.deal.list")
    'https://x.bitrix24.com/rest/1/***/crm.deal.list'
    >>> redact("/auth/?backurl=%2Frest%2F1%2Fs3cr3t%2Fprofile")
    '/auth/?backurl=%2Frest%2F1%2F***%2Fprofile'
    >>> redact({"cmd": {"c0": "profile?auth=s3cr3t&x=1"}, "auth": "s3cr3t"})
    {'cmd': {'c0': 'profile?auth=***&x=1'}, 'auth': '***'}
    """
    if isinstance(value, str):
        return _without(value, _secrets_of(value))
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: MASK if str(key).lower() in SECRET_NAMES else redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    if isinstance(value, tuple):
        return tuple(redact(item) for item in value)
    return value


def redact_code(value: Any) -> Any:
    """``value`` with webhooks and tokens masked in all its texts, where they are parts of a program or of a picture.

    There ``key=`` may be an assignment, and sixteen letters and digits may be pixels: :func:`redact` would break it.

    >>> redact_code({"hook": "rest/1/s3cr3t/", "run": "key=event.key"})
    {'hook': 'rest/1/***/', 'run': 'key=event.key'}
    """
    if isinstance(value, str):
        return _without(value, _secrets_of(value, _SHAPES))
    if isinstance(value, Mapping):
        return {key: redact_code(item) for key, item in value.items()}
    return [redact_code(item) for item in value] if isinstance(value, list | tuple) else value


_GIVEN = re.compile(
    # Not part of a path to a file: a code has letters and digits alone.
    r"(?<![\w.-])\d{1,20}[/\\]{1,16}(?P<secret>(?=[a-z]{0,64}\d)(?=\d{0,64}[a-z])[a-z0-9]{8,})(?![\w-]|\.\w)"
    r"|(?<![\w.-])(?P<code>(?=[a-z0-9]{0,14}\d[a-z])[a-z0-9]{16})(?![\w-]|\.\w)"
    r"|(?<![^\s/\"'(])(?P<login>[^\s/@:\"'(]{1,64}:[^\s/@\"')]{1,128})@",
    re.IGNORECASE,
)


def without_known(value: Any, secrets: Iterable[Callable[[], str]]) -> Any:
    """A text without these secrets, whatever they look like and however they are escaped; anything else as it is.

    They come as functions, so that no variable of the caller holds one.

    >>> without_known("the token My Dog%21 is dead", ["My Dog!".__str__])
    'the token *** is dead'
    """
    if not isinstance(value, str):
        return value
    known = [re.compile(re.escape(text), re.IGNORECASE) for secret in secrets if len(text := secret()) >= _SHORTEST]
    found = [(place, one) for layer, place in layers(value) for pattern in known for one in pattern.finditer(layer)]
    return _without(value, [place(one.span()) for place, one in found])


def masked(text: str) -> str:
    """``text`` fit to be shown in an error, where it may quote what was given in a wrong place.

    More is masked than :func:`redact` does: a webhook however misspelled, and a code on its own.

    >>> masked("1/hookcode0sentinel"), masked("q7w2k9x4m1p8z3v6"), masked("crm.deal.list")
    ('1/***', '***', 'crm.deal.list')
    """
    shown = str(redact(text))
    return _without(shown, [match.span(match.lastgroup or 0) for match in _GIVEN.finditer(shown)])


def looks_secret(name: str, value: Any) -> bool:
    """Whether a named value is likely a secret: by its name, its last word, or what it looks like.

    >>> looks_secret("api_token", 1), looks_secret("hook", "https://x.bitrix24.com/rest/1/s3cr3t/")
    (True, True)
    >>> looks_secret("sort_key", "ID"), looks_secret("month", "2026-10")
    (False, False)
    """
    last = name.lower().rpartition("_")[2]
    by_name = name.lower() in SECRET_NAMES or (last in SECRET_NAMES and last != "key")  # a sort key opens nothing
    return by_name or redact(value) != value


Span = tuple[int, int]


def _secrets_of(text: str, patterns: Iterable[re.Pattern[str]] = _PATTERNS) -> list[Span]:
    return [
        place(match.span(match.lastgroup or 0))
        for layer, place in layers(text)
        for pattern in patterns
        for match in pattern.finditer(layer)
    ]


def _without(text: str, spans: list[Span]) -> str:
    if not spans:
        return text
    kept, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            kept += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*kept, text[at:]])


class _Place:
    """Where the characters of a text without its escapes stand in the text that has them."""

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._here, self._there = [0], [0]  # where a stretch begins: here, without escapes, and there, with them
        here = there = 0
        for match in _ESCAPE.finditer(text):
            start, end = match.span()
            character = _character(match)
            pieces += [text[there:start], character]
            here += start - there
            self._mark(here, start)
            here, there = here + len(character), end
            self._mark(here, end)
        self.text = "".join([*pieces, text[there:]])

    def _mark(self, here: int, there: int) -> None:
        self._here.append(here)
        self._there.append(there)

    def __call__(self, span: Span) -> Span:
        """The span there of a span here."""
        start, end = span
        first = bisect_right(self._here, start) - 1
        last = bisect_right(self._here, end - 1) - 1
        stretch_ends = self._there[last + 1] if last % 2 else self._there[last] + end - self._here[last]
        return self._there[first] + (0 if first % 2 else start - self._here[first]), stretch_ends


def _character(match: re.Match[str]) -> str:
    if match["name"]:
        return _ENTITIES[match["name"].lower()]
    if match["decimal"]:
        return chr(int(match["decimal"]))
    if match["octal"]:
        return chr(int(match["octal"], 8))
    code = match["percent"] or match["hex"] or match["json"]
    return chr(int(code, 16)) if code else ""


def layers(text: str) -> Iterator[tuple[str, Any]]:
    """``text`` as it stands, then with one layer of escapes after another taken off.

    With each comes the function that says where a span of it stands in ``text``.
    """
    places: list[_Place] = []

    def origin(span: Span) -> Span:
        for place in reversed(places):
            span = place(span)
        return span

    yield text, origin
    while len(places) < _MOST_LAYERS and _ESCAPE.search(text):
        places.append(_Place(text))
        text = places[-1].text
        yield text, origin
