"""What analysts do with a frame every day: nothing raises, and no column becomes ``object``."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest

from b24data import Sandbox


@dataclass(frozen=True)
class Sheet:
    """A frame, and the names of columns of each sort in it."""

    frame: pd.DataFrame
    again: pd.DataFrame  # another fetch of the same list
    id: str
    code: str
    number: str
    time: str
    day: str

    @property
    def days(self) -> pd.Series[Any]:
        """The days as dates of pandas, which they are in the default backend; docs/types.md says how in the other."""
        return self.frame[self.day].astype("datetime64[us]")

    @property
    def dated(self) -> pd.DataFrame:
        """The frame with days and times of pandas, for what needs an index of times."""
        times = self.frame[self.time].astype("datetime64[us, UTC]")
        return self.frame.assign(**{self.day: self.days, self.time: times})


LISTS: dict[str, dict[str, Any]] = {
    "crm.deal.list": {
        "roles": ("ID", "STAGE_ID", "OPPORTUNITY", "DATE_CREATE", "CLOSEDATE"),
    },
    "crm.contact.list": {
        "roles": ("ID", "SOURCE_ID", "ASSIGNED_BY_ID", "DATE_CREATE", "BIRTHDATE"),
        "select": ["*", "UF_*", "PHONE", "EMAIL"],
    },
    "tasks.task.list": {
        "roles": ("ID", "STATUS", "TIME_ESTIMATE", "CREATED_DATE", "DEADLINE"),
        "dtypes": {"DEADLINE": "date"},
    },
    "voximplant.statistic.get": {
        "roles": ("ID", "CALL_CATEGORY", "CALL_DURATION", "CALL_START_DATE", "DAY"),
        "dtypes": {"CALL_DURATION": "int", "CALL_START_DATE": "datetime", "COST": "decimal"},
    },
    "crm.stagehistory.list": {
        "roles": ("ID", "STAGE_ID", "OWNER_ID", "CREATED_TIME", "DAY"),
        "dtypes": {"CREATED_TIME": "datetime", "STAGE_ID": "category"},
        "params": {"entityTypeId": 2},
    },
}


@pytest.fixture(scope="module")
def portal():
    with Sandbox(deals=400, contacts=100) as portal:
        yield portal


@pytest.fixture(scope="module", params=["numpy_nullable", "pyarrow"])
def backend(request):
    return request.param


@pytest.fixture(scope="module", params=LISTS)
def sheet(portal, backend, request):
    options = dict(LISTS[request.param])
    id_name, code, number, time, day = options.pop("roles")
    with portal.connect() as b24:
        frames = [
            b24.tools.fetch_all(request.param, progress=False, dtype_backend=backend, **options) for _ in range(2)
        ]
    if day == "DAY":  # of lists that have none
        for frame in frames:
            frame[day] = frame[time].astype("datetime64[us, UTC]").dt.tz_localize(None).dt.normalize()
    return Sheet(frames[0], frames[1], id_name, code, number, time, day)


def written_to(form: str, frame: pd.DataFrame, **options: Any) -> None:
    text = io.BytesIO() if form == "excel" else io.StringIO()
    getattr(frame, f"to_{form}")(text, **options)
    assert text.getvalue()


def for_excel(sheet: Sheet) -> pd.DataFrame:
    """Excel knows no zones and no lists."""
    flat = sheet.dated[[sheet.id, sheet.code, sheet.number, sheet.time, sheet.day]]
    return flat.assign(**{sheet.time: flat[sheet.time].dt.tz_localize(None)})


NOW = pd.Timestamp("2025-06-01", tz="UTC")

EVERYDAY = {
    "head": lambda s: s.frame.head(),
    "sample": lambda s: s.frame.sample(5, random_state=1),
    "repr": lambda s: repr(s.frame),
    "info": lambda s: s.frame.info(buf=io.StringIO()),
    "describe": lambda s: s.frame[[s.number, s.time]].describe(),
    "isna": lambda s: s.frame.isna().sum(),
    "memory_usage": lambda s: s.frame.memory_usage(deep=True),
    "loc by a mask": lambda s: s.frame.loc[s.frame[s.number] > 1],
    "compare a time": lambda s: s.frame[s.frame[s.time] >= NOW],
    "compare a day with a text": lambda s: s.dated[s.days >= "2025-01-01"],
    "compare a day with a Timestamp": lambda s: s.dated[s.days == pd.Timestamp("2025-06-13")],
    "between": lambda s: s.frame[s.frame[s.number].between(1, 1e9)],
    "isin": lambda s: s.frame[s.frame[s.code].isin(s.frame[s.code].dropna().unique()[:2])],
    "query": lambda s: s.frame.query(f"{s.number} > 1"),
    "query of days": lambda s: s.dated.query(f"{s.day} >= '2025-01-01'"),
    "sort_values": lambda s: s.frame.sort_values([s.code, s.number], ascending=[True, False]),
    "nlargest": lambda s: s.frame.nlargest(5, s.number),
    "drop_duplicates": lambda s: s.frame.drop_duplicates(s.code),
    "value_counts": lambda s: s.frame[s.code].value_counts(),
    "value_counts as shares": lambda s: s.frame[s.code].value_counts(normalize=True),
    "nunique": lambda s: s.frame[[s.code, s.number]].nunique(),
    "sum": lambda s: s.frame[s.number].sum(),
    "mean of a flag": lambda s: (s.frame[s.number] > 1).mean(),
    "quantile": lambda s: s.frame[s.number].quantile([0.5, 0.9]),
    "cumsum": lambda s: s.frame[s.number].cumsum(),
    "rank": lambda s: s.frame[s.number].rank(),
    "cut": lambda s: pd.cut(s.frame[s.number].astype("float64"), 4).value_counts(),
    "shift and diff": lambda s: s.frame.sort_values(s.time)[s.time].diff(),
    "groupby sum": lambda s: s.frame.groupby(s.code, observed=True)[s.number].sum(),
    "groupby agg": lambda s: s.frame.groupby(s.code, observed=True).agg(n=(s.id, "count"), last=(s.time, "max")),
    "groupby transform": lambda s: s.frame.groupby(s.code, observed=True)[s.number].transform("max"),
    "Grouper of times": lambda s: s.dated.groupby(pd.Grouper(key=s.time, freq="MS"))[s.number].sum(),
    "Grouper of days": lambda s: s.dated.groupby(pd.Grouper(key=s.day, freq="MS"))[s.number].sum(),
    "resample": lambda s: s.dated.set_index(s.time).sort_index()[s.number].resample("W").count(),
    "rolling": lambda s: s.frame[s.number].astype("Float64").rolling(3).mean(),
    "pivot_table": lambda s: s.frame.pivot_table(index=s.code, values=s.number, aggfunc="sum", observed=True),
    "crosstab": lambda s: pd.crosstab(s.frame[s.code], s.frame[s.number].isna()),
    "unstack": lambda s: s.frame.groupby([s.code, s.days.dt.year], observed=True)[s.id].count().unstack(),
    "melt": lambda s: s.frame[[s.id, s.number]].melt(s.id),
    "merge": lambda s: s.frame.merge(s.again[[s.id, s.number]], on=s.id, suffixes=("", "_2")),
    "merge with a calendar": lambda s: s.dated.merge(
        pd.DataFrame({s.day: pd.date_range("2024-01-01", "2027-12-31"), "weekday": 1}), on=s.day, how="left"
    ),
    "merge_asof": lambda s: pd.merge_asof(
        s.dated.sort_values(s.time)[[s.time, s.id]],
        pd.DataFrame({s.time: pd.Series([NOW]).dt.as_unit("us"), "rate": [1.0]}),
        on=s.time,
    ),
    "concat of two fetches": lambda s: pd.concat([s.frame, s.again], ignore_index=True),
    "join by the id": lambda s: s.frame.set_index(s.id).join(s.again.set_index(s.id)[[s.code]].add_suffix("_2")),
    "assign and map": lambda s: s.frame.assign(x=s.frame[s.number] * 2, y=s.frame[s.number].fillna(0)),
    "fillna": lambda s: s.frame.fillna({s.number: 0}),
    "dropna": lambda s: s.frame.dropna(subset=[s.number, s.time]),
    "astype": lambda s: s.frame[[s.number]].astype("Float64"),
    "text of a code": lambda s: s.frame[s.code].astype("string").str.lower().str.contains("new"),
    "where": lambda s: s.frame[s.number].where(s.frame[s.number] > 1),
    "clip and round": lambda s: s.frame[s.number].clip(0, 1000).round(-1),
    "tz_convert": lambda s: s.frame[s.time].dt.tz_convert("Europe/Moscow"),
    "hour and weekday": lambda s: pd.DataFrame({"hour": s.frame[s.time].dt.hour, "weekday": s.days.dt.day_of_week}),
    "to_period": lambda s: s.days.dt.to_period("M"),
    "strftime": lambda s: s.days.dt.strftime("%d.%m.%Y"),
    "age in days": lambda s: (NOW - s.frame[s.time]).dt.days,
    "to_csv": lambda s: written_to("csv", s.frame, index=False),
    "to_csv with a form of dates": lambda s: written_to("csv", s.dated, date_format="%d.%m.%Y", sep=";", decimal=","),
    "to_json": lambda s: written_to(
        "json", s.dated[[s.id, s.code, s.number, s.day]], orient="records", date_format="iso"
    ),
    "to_excel": lambda s: written_to("excel", for_excel(s), index=False),
    "to_dict": lambda s: s.frame.to_dict("records"),
    "to_html": lambda s: s.frame.head().to_html(),
    "plot": lambda s: s.dated.groupby(s.day)[s.number].count().plot(),
    "plot bars": lambda s: s.frame.groupby(s.code, observed=True)[s.number].count().plot.bar(),
}


# pandas 2 has no type of its own for texts that it makes, nor for a table of numbers and times.
OBJECTS_OF_PANDAS_2 = {"melt", "strftime", "describe"}


@pytest.fixture(scope="module", autouse=True)
def without_a_screen():
    import matplotlib as mpl
    from matplotlib import pyplot

    mpl.use("agg")
    yield
    pyplot.close("all")


def objects_in(made: Any) -> list[str]:
    if isinstance(made, pd.DataFrame):
        return [str(name) for name in made.columns if made[name].dtype == object]
    return ["values"] if isinstance(made, pd.Series) and made.dtype == object else []


@pytest.mark.parametrize("call", EVERYDAY)
def test_an_everyday_call__works_and_makes_no_object_column(sheet, call):
    assert objects_in(sheet.frame) == []
    before = sheet.frame.copy()
    made = objects_in(EVERYDAY[call](sheet))
    assert made == [] or (call in OBJECTS_OF_PANDAS_2 and pd.__version__ < "3")
    assert sheet.frame.equals(before)


def test_there_are__as_many_calls_as_are_promised():
    assert len(EVERYDAY) >= 47
