"""The public surface, on the Python standard library alone: ``python surface.py`` where only the wheel is installed.

Prints a line for each claim that holds; the first one that does not ends it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

LOADED = "import sys; sys.argv[1:] = ['--help']; from b24data.cli.main import main; main(); print(sorted(sys.modules))"
MAGIC = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "b24data")
print("b24" in shell.magics_manager.magics["line"])
"""
HEAVY = ("pandas", "pyarrow", "httpx", "IPython", "ipywidgets")


def claim(what: str, holds: object) -> None:
    if not holds:
        sys.exit(f"does not hold: {what}")
    print(f"ok  {what}")  # noqa: T201


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    import b24data

    claim("nothing of the source tree is seen", "site-packages" in b24data.__file__)
    claim("every public name is there", [getattr(b24data, name) for name in b24data.__all__])
    loaded = run("-c", LOADED)
    claim("help loads nothing heavy", not [name for name in HEAVY if f"'{name}'" in loaded])
    claim("the command is there", b24data.__version__ in run("-m", "b24data", "--version"))

    with b24data.Sandbox(deals=3_000, token_ttl_requests=3) as portal, tempfile.TemporaryDirectory() as folder:
        fields = ["ID", "TITLE", "STAGE_ID", "OPPORTUNITY", "DATE_CREATE"]
        b24, truth = portal.connect(), portal.truth("crm.deal.list")
        for backend in ("numpy_nullable", "pyarrow"):
            frame = b24.tools.fetch_all("crm.deal.list", fields, labels="add", dtype_backend=backend, progress=False)
            claim(
                f"a list is whole, typed {backend}", frame["ID"].tolist() == truth.ids and "object" not in frame.dtypes
            )
        report = b24.tools.fetch_all("crm.deal.list", fields, to=Path(folder, "deals.parquet"), progress=False)
        claim("a file appears with its report", report.complete and Path(folder, "deals.parquet").is_file())
        synced = b24.tools.sync("crm.deal.list", fields, to=Path(folder, "deals"), progress=False)
        claim("a dataset is kept", synced.inserted == truth.count)
        claim("fields are described", "STAGE_ID" in set(b24.tools.describe("crm.deal.list")["code"]))
        claim("tokens were renewed", portal.stats.refreshes == portal.stats.deaths > 0)
        one = b24.actions.v2.call.make(method="crm.deal.list", params={"select": ["ID"]})
        claim("a call answers, and says that it is not all", one.is_success and one.next == 50)

    claim("the magic loads", "True" in run("-c", MAGIC))


if __name__ == "__main__":
    main()
