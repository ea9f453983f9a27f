"""``%b24`` and ``%%b24``: a line to a request, a request to a client's call, the result to the notebook."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.completer import SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Unicode

from b24data.auth.profiles import Profiles
from b24data.client.catalog import MethodEntry, check_call, is_list, of_portal, own_parameters, raise_for_error
from b24data.client.connect import Client, connect, find_credentials
from b24data.client.status import status_of
from b24data.errors import ConfigError, SdkError
from b24data.fields.cache import cache_of
from b24data.jupyter import transforms
from b24data.jupyter.completion import Completion, Knowledge, complete
from b24data.jupyter.display import readable
from b24data.jupyter.namespace import Names, evaluate, names_here
from b24data.jupyter.sql import Parameters, frames_in
from b24data.jupyter.sql_completion import Query, SqlKnowledge, complete_sql, query_at
from b24data.lists.methods import known_methods
from b24data.portals.profiles import profiles
from b24data.secret import Secret
from b24data.syntax.options import HelpShown
from b24data.syntax.references import expander
from b24data.syntax.request import LineRequest, output_of, refuse_list_options, refuse_options, request_of
from b24data.text.hints import Face, sign_in
from b24data.text.raised import in_one_line

if TYPE_CHECKING:
    from b24data.portals.portals import Portals
    from b24data.signin.panel import AuthPanel


def load(shell: InteractiveShell) -> None:
    """Bring ``%b24``, its completion and ``%b24 call?`` into a shell; once is enough, twice does no harm."""
    if "b24" in shell.magics_manager.magics["line"]:
        return
    magic = B24Magic(shell)
    shell.register_magics(magic)
    transforms.install(shell)
    shell.Completer.custom_matchers.append(magic.matcher)


def unload(shell: InteractiveShell) -> None:
    """Take all of it out again."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("b24", None)
    shell.magics_manager.registry.pop("B24Magic", None)
    transforms.uninstall(shell)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if not isinstance(getattr(one, "__self__", None), B24Magic)]


@magics_class
class B24Magic(Magics):
    """The magics. ``%config B24Magic.profile = "acme"`` says who calls where no ``--profile`` does."""

    profile = Unicode("", help="the profile to use; empty: the one that b24data.connect() finds").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._shell = shell
        self._clients: dict[str | Secret[str], Client] = {}
        self._current: AuthPanel | Client | None = None
        self._methods: dict[str, None] = dict.fromkeys(known_methods())
        self._fields: dict[str, list[str]] = {}

    @no_var_expand
    @line_cell_magic
    def b24(self, line: str, cell: str | None = None) -> Any:
        """Call a Bitrix24 portal.

        %b24 login                      sign in
        %b24 status                     portal, user, permissions, tokens
        %b24 profiles                   the portals signed in to on this machine
        %b24 call METHOD [options]      a whole list as a DataFrame, any other result as it is
        %b24 fetch METHOD [options]     a whole list, with --to into a file
        %%b24 sql [options]             one SELECT in the rest of the cell, as a DataFrame
        %b24 crm sync --to FOLDER       the whole CRM as linked tables; crm tables, check, export FOLDER
        %b24 describe METHOD            the fields of a list
        %b24 methods [PATTERN]          the methods of the portal

        %%b24 call METHOD takes parameters as YAML or JSON in the rest of the cell.
        %b24 call? shows the options. In values, $name and {{expression}} stand for what the notebook has.
        """
        request = LineRequest(command="")
        try:
            names = names_here(self._shell)
            request = request_of(line, cell, expand=expander(names, partial(evaluate, names)))
            _refuse_local(request, names)
            if request.params and is_list(request.method):
                refuse_options(request, own_parameters(request.method), " on the first line" if cell else "")
            result = self._do(request, names)
        except HelpShown:
            return None
        except SdkError as error:
            self._keep(request.output or output_of(line), getattr(error, "report", None))
            error.face = Face.CELL
            raise
        except (OSError, KeyboardInterrupt) as error:
            self._keep(request.output or output_of(line), None)
            in_one_line(error)
            raise
        return self._keep(request.output, result)

    def _keep(self, output: str | None, result: Any) -> Any:
        """Into the variable that ``-o`` names, if it does; after an error the report or None, never old data."""
        if output is None:
            return result
        self._shell.user_ns[output] = result
        return None

    def _do(self, request: LineRequest, names: Names) -> Any:
        does: dict[str, Callable[[LineRequest], Any]] = {
            "login": self._login,
            "status": lambda _: status_of(self._client(request)),
            "profiles": lambda _: profiles(),
            "call": self._call,
            "fetch": self._fetch,
            "sql": partial(self._sql, names),
            "crm": self._crm,
            "describe": self._describe,
            "methods": self._methods_like,
        }
        return does[request.command](request)

    def _login(self, request: LineRequest) -> Any:
        """The one who signs in calls from now on; a panel's client does once there is one."""
        if isinstance(request.profile, Client):
            self._current = request.profile
            return status_of(request.profile)
        from b24data.signin.login import login

        self._clients.clear()
        self._current = login(request.profile or self.profile or None)
        return self._current

    def _client(self, request: LineRequest) -> Client:
        """Who calls: the one whom the line names, or the current one."""
        current = self._current if isinstance(self._current, Client) else getattr(self._current, "client", None)
        chosen = request.profile or current or self.profile
        if isinstance(chosen, Client):
            return chosen
        if request.profiles is not None:
            hint = "name one; call and fetch of a list, and sql, take many"
            raise ConfigError(
                f"%b24 {request.command} {request.method} is for one portal".replace("  ", " "), hint=hint
            )
        if not isinstance(chosen, str):
            raise ConfigError("--profile takes the name of a profile or a client", hint=f"{sign_in()} makes one")
        return self._connected(chosen or None)

    def _connected(self, profile: str | None) -> Client:
        """The client of what ``connect()`` goes by now: a sign-in or the environment may say another than before."""
        try:
            source = find_credentials(profile, Profiles())
        except SdkError:
            return connect(profile)  # which raises it, with what a waiting panel adds
        who = source.profile or source.webhook
        if who not in self._clients:
            self._clients[who] = connect(profile)
        return self._clients[who]

    def _call(self, request: LineRequest) -> Any:
        check_call(request.method, write=request.write)
        if not request.raw and is_list(request.method):
            return self._fetch(request)
        refuse_list_options(request, listed=is_list(request.method))
        client = self._client(request)
        answer = client.actions.v2.call.make(method=request.method, params=request.call_params)
        raise_for_error(answer)
        return answer if request.raw else readable(answer.result)

    def _describe(self, request: LineRequest) -> Any:
        described = self._client(request).tools.describe(request.method, params=request.params)
        self._fields[request.method.lower()] = list(described["code"])
        return described

    def _fetch(self, request: LineRequest) -> Any:
        if request.profiles is not None:
            return self._at_many(request.profiles, lambda many: request.fetch(many.tools))
        client = self._client(request)
        found = request.fetch(client.tools)
        if request.to is None and not request.dry_run:
            self._fields.setdefault(request.method.lower(), _described(client, request) or list(found.columns))
        return found

    def _at_many(self, profiles: str | list[str], work: Callable[[Portals], Any]) -> Any:
        """At many portals: what they brought, and a warning that names those that failed."""
        from b24data.portals.connect import connect_all

        with connect_all(profiles, errors="collect") as portals:
            result = work(portals)
            for line in portals.failed_lines(Face.CELL):
                warnings.warn(line, stacklevel=2)
        return result

    def _sql(self, names: Names, request: LineRequest) -> Any:
        if request.profiles is not None and request.crm is None:
            if request.dry_run:
                raise ConfigError("--dry-run is for one portal", hint="name it: --profile NAME")
            asked: dict[str, Any] = {"frames": frames_in(names), "all": request.everything}
            query, params = request.query, Parameters(names)
            return self._at_many(request.profiles, lambda many: many.tools.sql(query, params, **asked))
        from b24data.sql.run import run_sql

        return run_sql(
            lambda: self._client(request).tools,
            request.query,
            Parameters(names),
            crm=request.crm,
            frames=frames_in(names),
            everything=request.everything,
            explain=request.dry_run,
        )

    def _crm(self, request: LineRequest) -> Any:
        """The report of a run, else a DataFrame: tables, findings, what was loaded. Only a run asks the portal."""
        import pandas as pd

        folder, options = str(request.crm), dict(request.options)
        if request.method == "sync":
            return self._client(request).tools.sync_crm(folder, **options)
        if request.method == "tables":
            from b24data.crm.snapshot import snapshot_of

            return pd.DataFrame(snapshot_of(folder).manifest.rows)
        if request.method == "check":
            from b24data.crm.check import check_crm

            return pd.DataFrame(check_crm(folder).rows, columns=["table", "finding", "rows", "note", "examples"])
        from b24data.crm.export import export_crm

        return pd.DataFrame({"loaded": export_crm(folder, str(request.to), options.get("schema"))})

    def _methods_like(self, request: LineRequest) -> Any:
        import pandas as pd

        found = of_portal(self._client(request), request.method)
        self._methods.update(dict.fromkeys(one.method for one in found))
        return pd.DataFrame([asdict(one) for one in found], columns=[one.name for one in fields(MethodEntry)])

    # Completion.

    @context_matcher()  # type: ignore[untyped-decorator]
    def matcher(self, context: Any) -> SimpleMatcherResult:
        """What Tab offers: methods, options, fields, tables, columns; from what is known already."""
        lines = context.full_text.split("\n")
        at = sum(len(one) + 1 for one in lines[: context.cursor_line]) + context.cursor_position
        if query := query_at(context.full_text, at):
            return self._of_query(query)
        line = context.text_until_cursor.rpartition("\n")[2]
        knowledge = Knowledge(lambda: self._methods, self._known_fields, lambda: Profiles().names(), self._variables)
        found = complete(line, knowledge)
        return _matched(found)

    def _of_query(self, query: Query) -> SimpleMatcherResult:
        """In a query: of a cell, or of a client that the notebook has."""
        from b24data.sql.known import known_columns, known_tables, tables_of_folder

        client = self._shell.user_ns.get(query.client) if query.client else self._current_client()
        if query.client and not isinstance(client, Client):
            return _matched(None)
        names = Names(None, self._shell.user_ns)
        frames = frames_in(names) if not query.client else {}
        folder = names.get(query.folder[1:], "") if query.folder.startswith("$") else query.folder
        there = tables_of_folder(str(folder)) if folder else {name: [] for name in known_tables()}

        def columns(table: str) -> Iterable[str]:
            if folder and table.lower() in there:
                return there[table.lower()]
            found = () if folder else known_columns(table, client.tools if client else None)
            return found or [str(name) for name in _columns_of(frames.get(table))]

        known = SqlKnowledge(lambda: [*there, *frames], columns, self._variables)
        return _matched(complete_sql(query, known))

    def _current_client(self) -> Client | None:
        try:
            return self._client(LineRequest(command=""))
        except (SdkError, OSError):
            return None

    def _known_fields(self, method: str) -> Iterable[str]:
        """Of what was described or fetched here, else of what is kept on disk for the one who calls."""
        if method.lower() in self._fields:
            return self._fields[method.lower()]
        client = self._current_client()
        try:
            cache = cache_of(client.session) if client else None
        except (SdkError, OSError):
            return ()
        return cache.names(method) if cache else ()

    def _variables(self) -> Iterable[str]:
        return [name for name in self._shell.user_ns if name[:1] != "_" and name not in self._shell.user_ns_hidden]


def _matched(found: Completion | None) -> SimpleMatcherResult:
    if found is None:
        return SimpleMatcherResult(completions=[])
    completions = [SimpleCompletion(text, type=found.kind) for text in found.texts]
    return SimpleMatcherResult(completions=completions, matched_fragment=found.fragment, suppress=True)


def _columns_of(frame: Any) -> Iterable[Any]:
    found = getattr(frame, "column_names", None)
    return found if found is not None else getattr(frame, "columns", ())


def _refuse_local(request: LineRequest, names: Names) -> None:
    """``-o`` sets a variable of the notebook; a function that has one of that name would go on with its own."""
    if request.output is not None and names.is_local(request.output):
        hint = f"leave -o out and write {request.output} = %b24 {request.command} {request.method}".rstrip()
        raise ConfigError(
            f"-o {request.output} is a local variable here, but -o sets variables of the notebook", hint=hint
        )


def _described(client: Client, request: LineRequest) -> list[str]:
    """The fields for Tab to offer: the fetch has just asked for their description, so nothing is sent."""
    try:
        return list(client.tools.describe(request.method, params=request.params)["code"])
    except SdkError:
        return []
