"""A notebook that runs unattended: parameters in, an executed copy out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from b24data import errors
from b24data.errors import ALREADY_RUNNING, ConfigError, ExportError, SdkError, extra
from b24data.exports.parameters import cell_source, check_assigned, check_parameters
from b24data.files.atomic import file_behind, write_whole
from b24data.files.disk import told
from b24data.files.locks import locked
from b24data.files.places import data_folder
from b24data.frames.parquet import check_target
from b24data.text.redact import redact, redact_code

_TAG, _INJECTED = "parameters", "injected-parameters"
_LAST_S = 1  # what is left for a cell that begins when the time is over


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookRun:
    """One run of ``notebook`` in its own folder, as ``profile`` (None: whom the environment says).

    The executed copy appears as ``out`` (``.ipynb``) or in the folder ``out``, which is made, when the last cell has
    ended well; one that failed is kept beside it as ``NAME.failed.ipynb``, and the earlier copy is what it was.
    ``timeout`` is in seconds, for all cells together. ``tell`` gets a line for each cell. Needs the extra ``notebook``.

    >>> NotebookRun(notebook=Path("books/report.ipynb"), out=Path("done")).copy.as_posix()
    'done/report.ipynb'
    """

    notebook: Path
    out: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    html: bool = False
    timeout: float | None = None
    kernel: str = ""
    profile: str | None = None
    tell: Callable[[str], object] = print

    @property
    def copy(self) -> Path:
        """Where the executed copy appears."""
        return self.out if self.out.suffix == ".ipynb" else self.out / self.notebook.name

    @property
    def failed(self) -> Path:
        """Where the copy of a run that failed is kept."""
        return self.copy.with_name(f"{self.copy.stem}.failed.ipynb")

    def run(self) -> int:
        """Execute it; returns the number of code cells.

        :raises ConfigError: it is not a notebook, or does not take these parameters.
        :raises ExportError: a cell failed (its own error is the cause), took too long, or another program writes
            to the copy.
        """
        notebook = self._read()
        self._set_parameters(notebook)
        copy = file_behind(self.copy)
        if copy.resolve() == self.notebook.resolve():
            raise ConfigError(f"{copy} is the notebook itself", hint="give the executed copy another name")
        if self.copy is not self.out:
            with told(self.out):
                self.out.mkdir(parents=True, exist_ok=True)
        page = check_target(copy.with_suffix(".html")) if self.html else None
        with _alone(check_target(copy)):
            try:
                cells = self._execute(notebook)
            except BaseException:
                with contextlib.suppress(OSError, SdkError):  # the first trouble is the one to tell
                    _mask_outputs(notebook)
                    write_whole(file_behind(self.failed), _text(notebook))
                raise
            _mask_outputs(notebook)
            if page is not None:
                write_whole(page, _html(notebook, copy.stem))
            write_whole(copy, _text(notebook))
            with contextlib.suppress(OSError):
                self.failed.unlink(missing_ok=True)
        return cells

    def _read(self) -> Any:
        nbformat = _needed("nbformat")
        if self.html:
            _needed("nbconvert")
        try:
            notebook = nbformat.read(self.notebook, as_version=4)
        except FileNotFoundError:
            raise ConfigError(f"there is no {self.notebook}") from None
        except OSError as error:
            raise ConfigError(
                f"{self.notebook} can't be read: {error.strerror}", hint="give a file of yours"
            ) from error
        except (nbformat.ValidationError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise ConfigError(f"{self.notebook} is not a notebook") from error
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.metadata.pop("widgets", None)
        return notebook

    def _set_parameters(self, notebook: Any) -> None:
        """Put the parameters behind the tagged cell, in the place of those of a run before."""
        check_parameters(self.parameters)
        notebook.cells = [cell for cell in notebook.cells if _INJECTED not in cell.metadata.get("tags", ())]
        if not self.parameters:
            return
        tagged = [at for at, cell in enumerate(notebook.cells) if _TAG in cell.metadata.get("tags", ())]
        if not tagged:
            raise ConfigError(
                f"no cell of {self.notebook} has the tag {_TAG!r}, so the notebook takes no parameters",
                hint="in JupyterLab: select the cell that sets them, property inspector (gear), add the tag",
            )
        check_assigned(notebook.cells[tagged[0]].source, self.parameters)
        cell = _needed("nbformat").v4.new_code_cell(cell_source(self.parameters), metadata={"tags": [_INJECTED]})
        if notebook.get("nbformat_minor", 0) < 5:
            cell.pop("id", None)
        notebook.cells.insert(tagged[0] + 1, cell)

    # The kernel.

    def _execute(self, notebook: Any) -> int:
        nbclient = _needed("nbclient")
        client = nbclient.NotebookClient(notebook, kernel_name=self.kernel, store_widget_state=False)
        end = None if self.timeout is None else time.monotonic() + self.timeout
        code = [at for at, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
        env = {**os.environ, "B24DATA_NONINTERACTIVE": "1", **({"B24_PROFILE": self.profile} if self.profile else {})}
        with self._kernel(client, env):
            for number, at in enumerate(code, 1):
                self.tell(f"cell {number} of {len(code)}")
                if end is not None:
                    client.timeout = max(_LAST_S, round(end - time.monotonic()))
                try:
                    client.execute_cell(notebook.cells[at], at, execution_count=number)
                except nbclient.exceptions.CellExecutionError as error:
                    name, line = str(error.ename), " ".join(str(redact(str(error.evalue))).split())
                    raise self._failed(f"cell {number}: {name}: {line}") from _ours(name, line)
                except nbclient.exceptions.CellTimeoutError as error:
                    _interrupt(client)
                    raise self._failed(f"cell {number}: not done within {self.timeout:,.0f} s, stopped") from error
                except nbclient.exceptions.DeadKernelError as error:
                    raise self._failed(
                        f"cell {number}: the kernel died, perhaps because it ran out of memory"
                    ) from error
                except BaseException:
                    _interrupt(client)
                    raise
        return len(code)

    @contextlib.contextmanager
    def _kernel(self, client: Any, env: Mapping[str, str]) -> Iterator[None]:
        """A kernel that ends with the block. What it says beside the notebook is for when it does not start."""
        from jupyter_client.kernelspec import NoSuchKernel

        with tempfile.TemporaryFile() as said:
            try:
                cwd = str(self.notebook.resolve().parent)
                started = client.setup_kernel(env=env, cwd=cwd, stdout=said, stderr=said)
                started.__enter__()
            except NoSuchKernel as error:
                raise ConfigError(
                    f"{self.notebook.name} asks for the kernel {error.name!r}, which is not here",
                    hint="--kernel python3 uses another one; python -m ipykernel install --user creates one",
                ) from error
            except RuntimeError as error:
                said.seek(0)
                last = said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise self._failed(f"the kernel did not start: {redact(last) or error}") from error
            try:
                yield
            finally:
                started.__exit__(None, None, None)

    def _failed(self, what: str) -> ExportError:
        return ExportError(f"{self.notebook.name}, {what}", hint=f"the partial copy: {self.failed}")


def _ours(name: str, line: str) -> SdkError | None:
    """The error of b24data that a cell raised, as far as the exit code depends on it."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, errors.AuthorizationRequiredError | errors.IncompleteFetchError):
        return kind(line)
    if kind is ExportError and ALREADY_RUNNING in line:
        return ExportError(line, code=ALREADY_RUNNING)
    return None


def _interrupt(client: Any) -> None:
    """Ctrl-C for the kernel, so that it ends a refresh of tokens that is under way before it is shut down."""
    from jupyter_core.utils import run_sync

    if client.km is not None:
        with contextlib.suppress(RuntimeError, OSError):
            run_sync(client.km.interrupt_kernel)()


def _alone(out: Path) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of the executed copy."""
    name = hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:16]
    busy = ExportError(f"another program writes to {out}", code=ALREADY_RUNNING)
    return locked(data_folder("notebooks") / f"{name}.lock", busy=busy)


def _mask_outputs(notebook: Any) -> None:
    """Mask every secret in what the cells said, before it is saved in any form: an error may quote a webhook."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                output.text = redact(output.text)
            elif output.output_type == "error":
                output.evalue, output.traceback = redact(output.evalue), redact(output.traceback)
            else:
                output.data.update({kind: _masked(kind, shown) for kind, shown in output.data.items()})


def _masked(kind: str, shown: Any) -> Any:
    """One form of a result, of a MIME type. In programs, pictures and charts only the unmistakable is masked."""
    if kind == "text/html" and isinstance(shown, str):
        parts = _PROGRAM.split(shown)  # every second one is a program or a picture
        return "".join(redact_code(part) if number % 2 else redact(part) for number, part in enumerate(parts))
    return redact(shown) if kind.startswith("text/") else redact_code(shown)


_PROGRAM = re.compile(
    r"(<(?:script|style)\b(?:(?!</(?:script|style)).)*|\bdata:[\w/+.-]{1,99};base64,[\w+/=]*)",
    re.IGNORECASE | re.DOTALL,
)


def _text(notebook: Any) -> str:
    return str(_needed("nbformat").writes(notebook))


def _html(notebook: Any, title: str) -> str:
    body, _ = _needed("nbconvert").HTMLExporter().from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(body)


def _needed(name: str) -> Any:
    import importlib

    with extra("notebook", "running a notebook"):
        return importlib.import_module(name)
