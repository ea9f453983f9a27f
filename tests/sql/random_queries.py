"""Random queries over the lists of :mod:`tests.sql.memory`: one text for one seed."""

from __future__ import annotations

import random

from tests.sql.memory import LISTS

COLUMNS = {name: [sql for sql, _, _ in columns] for name, (_, _, columns) in LISTS.items()}
KINDS = {name: {sql: kind for sql, _, kind in columns} for name, (_, _, columns) in LISTS.items()}

# Values of conditions by the type of a column, most of them at an edge.
NUMBERS = ["0", "1", "7", "13", "25", "-1", "10.5", "'7'", "1e1", "null", "1 + 6", "cast('13' as int)"]
VALUES = {
    "integer": [*NUMBERS, "20", "40", "60", "100", "99999"],
    "double": ["0", "1", "99.99", "99.995", "100000", "250000.5", "-1", "1e5", "null", "0.5 + 0.5"],
    "crm_status": ["'NEW'", "'WON'", "'won'", "'C1:WON'", "'LOSE'", "''", "null", "upper('won')"],
    "string": ["'x'", "'X'", "'Ремонт'", "'a,b'", "'7'", "''", "null", "'x '"],
    "boolean": ["true", "false", "null"],
    "datetime": [
        *("'2025-06-01'", "date '2025-06-01'", "timestamp '2025-05-31 23:59:59'", "'2025-06-01 00:00:00+00'"),
        *("timestamptz '2025-06-01 00:00:00-08'", "'2025-06-01T00:00:00+12:00'", "'2025-05-31 21:00:00'", "null"),
        *("date '2025-06-01' + interval 1 day", "timestamp '2025-06-01 00:00:00.000001'", "current_date"),
    ],
    "date": [
        *("'2025-06-01'", "date '2025-05-31'", "timestamp '2025-06-01 12:00:00'", "null", "date '2025-06-02' - 1"),
        *("timestamptz '2025-06-01 00:00:00+12'", "cast('2025-06-01' as date)"),
    ],
}
SIDES = ["join", "inner join", "left join", "left outer join", "right join", "full join", "semi join", "anti join"]


def values_of(kind):
    """The values that a condition on such a column may compare with."""
    return VALUES.get(kind, NUMBERS)


class Writer:
    """Writes one query; ``chance`` decides everything."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def one(self, *choices):
        return self.chance.choice(choices)

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    # Conditions.

    def column(self, named):
        alias, table = self.one(*named)
        name = self.one(*COLUMNS[table])
        return self.spelled(alias, name), KINDS[table][name]

    def spelled(self, alias, name):
        """A column as people write it: any case, quotation marks."""
        name = self.one(name, name, name, name.upper(), f'"{name}"')
        return f"{alias}.{name}"

    def condition(self, named, depth=0):
        name, kind = self.column(named)
        values = values_of(kind)
        one, other = self.one(*values), self.one(*values)
        if depth < 2 and self.maybe(0.15):
            left, right = self.condition(named, depth + 1), self.condition(named, depth + 1)
            return self.one(
                f"({left} or {right})", f"not ({left} and {right})", f"({left} and {right})", f"not ({left})"
            )
        if depth < 2 and self.maybe(0.05):
            when, then = self.condition(named, 2), self.condition(named, 2)
            return f"case when {when} then {then} else {self.one('true', 'null')} end"
        forms = [
            *[f"{name} = {one}"] * 3,
            f"{one} = {name}",
            f"({name}) = ({one})",
            f"({name} = {one} or {name} = {other})",
            *[f"{name} in ({one}, {other})"] * 2,
            f"{name} not in ({one}, {other})",
            f"{name} != {one}",
            f"{name} is null",
            f"{name} is not null",
            f"{name} is distinct from {one}",
            f"{name} is not distinct from {one}",
            f"coalesce({name}, {one}) = {other}" if "null" not in (one, other) else f"{name} is null",
        ]
        if kind == "boolean":
            return self.one(name, f"not {name}", f"{name} is true", f"{name} is not false", *forms)
        if kind == "string":
            forms += [
                f"{name} like 'x%'",
                f"lower({name}) = {one}",
                f"{name} ilike '%РЕМ%'",
                f"{name} collate nocase = {one}",
            ]
        for sign in ("<", "<=", ">", ">="):
            forms += [f"{name} {sign} {one}", f"{one} {sign} {name}"]
        forms += [f"{name} between {one} and {other}"] * 2 + [f"{name} not between {one} and {other}"]
        forms += [f"{name} > {one} and {name} <= {other}"]
        return self.one(*forms)

    def simple(self, named):
        """A condition that may go to the portal, and that many rows meet."""
        alias, table = self.one(*named)
        kinds = KINDS[table]
        name = self.one(*kinds)
        kind, column = kinds[name], self.spelled(alias, name)
        if kind in ("integer", "user", "crm_company", "crm_lead", "double"):
            return self.one(
                f"{column} {self.one('>', '>=')} {self.one('0', '1', '7', '13')}",
                f"{column} < 60",
                f"{column} <= 100",
                f"{column} between 5 and 80",
                f"{column} in (1, 7, 13, 19, 25, 31)",
            )
        if kind in ("datetime", "date"):
            return f"{column} {self.one('>', '>=', '<', '<=')} {self.one(*VALUES[kind])}"
        if kind == "boolean":
            return self.one(column, f"{column} = true")
        return f"{column} in ({self.one(*VALUES[kind])}, {self.one(*VALUES[kind])}, {self.one(*VALUES[kind])})"

    def conditions(self, named, share=0.85):
        """A WHERE, or nothing."""
        if not self.maybe(share):
            return ""
        parts = [self.one(self.condition, self.simple)(named) for _ in range(self.one(1, 1, 2, 2, 3))]
        if self.maybe(0.12):
            parts.append(self.nested(named))
        return " where " + " and ".join(parts)

    def nested(self, named):
        """A condition with a query in it; most look at the row outside."""
        alias, _ = self.one(*named)
        inner, inside = self.table_named("s")
        keys = [
            name
            for name, kind in KINDS[inner].items()
            if kind not in ("double", "string", "datetime", "date", "boolean", "crm_status")
        ]
        key, outer = self.one(*keys), f"{alias}.id"
        where = self.conditions([(inside, inner)], 0.7) or " where true"
        source = f"{inner} {inside}"
        return self.one(
            f"exists (select 1 from {source}{where} and {inside}.{key} = {outer})",
            f"not exists (select 1 from {source}{where} and {inside}.{key} = {outer})",
            f"{outer} in (select {inside}.{key} from {source}{where})",
            f"{outer} not in (select {inside}.{key} from {source}{where} and {inside}.{key} is not null)",
            f"{outer} >= (select min({inside}.id) from {source}{where})",
            f"(select count(*) from {source}{where} and {inside}.{key} = {outer}) {self.one('> 0', '= 0', '< 2')}",
            f"{outer} = any (select {inside}.{key} from {source}{where})",
        )

    # FROM.

    def table_named(self, alias):
        """A table with an alias: sometimes its own name, sometimes that of another table."""
        table = self.one("deals", "deals", "deals", *COLUMNS)
        if alias == "a" and self.maybe(0.15):
            return table, self.one(*COLUMNS)
        return table, alias

    def tables(self):
        """FROM with up to four tables, and the aliases that the rest may use."""
        table, alias = self.table_named("a")
        text = table if alias == table else f"{table} {self.one('', 'as ')}{alias}"
        named = [(alias, table)]
        crossed = False
        for letter in "bcd"[: self.one(0, 0, 1, 1, 2, 3)]:
            other = self.one("deals", *COLUMNS)
            left, left_table = self.one(*named)
            shape = self.chance.random()
            keys = self.keys(left_table, other)
            on = f"{left}.{keys[0]} = {letter}.{keys[1]}"
            on = self.one(on, f"{letter}.{keys[1]} = {left}.{keys[0]}")
            if shape < 0.12 and crossed:
                shape = 1.0
            crossed |= shape < 0.12
            if shape < 0.07:
                text += f", {other} {letter}"
            elif shape < 0.12:
                text += f" cross join {other} {letter}"
            elif shape < 0.2:
                where = self.conditions([("l", other)], 0.6) or " where true"
                text += f", lateral (select * from {other} l{where} and l.{keys[1]} = {left}.{keys[0]}) {letter}"
            elif shape < 0.27:
                shared = [one for one in COLUMNS[left_table] if one in COLUMNS[other]]
                text += f" {self.one('join', 'left join', 'full join')} {other} {letter} using ({self.one(*shared)})"
                if len(named) > 1:
                    text = text.rpartition(" using ")[0] + f" on {on}"
            elif shape < 0.35:
                inner = self.conditions([("i", other)])
                text += f" {self.one('join', 'left join')} (select * from {other} i{inner}) {letter} on {on}"
            else:
                side = self.one(*SIDES)
                if self.maybe(0.5):
                    on += " and " + self.condition([(letter, other), (left, left_table)])
                text += f" {side} {other} {letter} on {on}"
                if side in ("semi join", "anti join"):
                    continue
            named.append((letter, other))
        return text, named

    def keys(self, left, right):
        """Columns of numbers to join by."""
        plain = ("integer", "user", "crm_company", "crm_lead")
        first = [name for name, kind in KINDS[left].items() if kind in plain]
        second = [name for name, kind in KINDS[right].items() if kind in plain]
        return self.one(*first), self.one("id", "id", *second)

    # SELECT.

    def query(self):
        """The whole text."""
        text, named = self.tables()
        where = self.conditions(named)
        some = [self.column(named)[0] for _ in range(self.one(1, 2, 3))]
        alias, table = named[0]
        columns = ", ".join(f"{name} as x{at}" for at, name in enumerate(some))
        shapes = [
            *(
                self.plain,
                self.plain,
                self.limited,
                self.limited,
                self.counted,
                self.grouped,
                self.common,
                self.shadowed,
            ),
            *(self.united, self.windowed, self.starred, self.distinct_on, self.pivoted, self.aliased, self.turned),
            self.derived,
        ]
        return self.one(*shapes)(text, where, named, some, columns, alias, table)

    def plain(self, text, where, named, some, columns, alias, table):
        return f"select {columns} from {text}{where}"

    def counted(self, text, where, named, some, columns, alias, table):
        extra = self.one("", f", count(distinct {some[0]}) as d", f", count(*) filter ({self.condition(named)}) as f")
        return f"select count(*) as n, min({some[0]}) as m, sum({alias}.id) as s{extra} from {text}{where}"

    def grouped(self, text, where, named, some, columns, alias, table):
        having = self.one("", " having count(*) > 1", f" having max({alias}.id) > 20")
        by = self.one("group by all", "group by 1", f"group by {some[0]}", f"group by rollup ({some[0]})")
        return f"select {some[0]} as x, count(*) as n, max({alias}.id) as m from {text}{where} {by}{having}"

    def common(self, text, where, named, some, columns, alias, table):
        other = self.one(*COLUMNS)
        side = self.one("join", "left join", "right join", "full join")
        outer = self.conditions([("o", other)])
        return (
            f"with q as {self.one('', 'materialized ')}(select {columns}, {alias}.id as key from {text}{where}) "
            f"select q.*, o.id as oid from q {side} {other} o on o.id = q.key{outer}"
        )

    def shadowed(self, text, where, named, some, columns, alias, table):
        """A query of WITH that has the name of a list."""
        inner = self.conditions([("i", "deals")])
        hidden = f"with deals as (select i.* from deals i{inner}) "
        recursive = self.maybe(0.2)
        if recursive:
            hidden = "with recursive up as (select 1 as n union all select n + 1 from up where n < 5) "
        return (
            hidden
            + f"select {columns} from {text}{where}"
            + (" union all select null" + ", null" * (len(some) - 1) if recursive else "")
        )

    def united(self, text, where, named, some, columns, alias, table):
        word = self.one("union all", "union", "except", "intersect", "union all by name")
        other, other_named = self.tables()
        right = f"select {other_named[0][0]}.id as id from {other}{self.conditions(other_named)}"
        return f"select {alias}.id as id from {text}{where} {word} {right}"

    def limited(self, text, where, named, some, columns, alias, table):
        whole = [name for name, kind in KINDS[table].items() if kind in ("integer", "user", "crm_company", "crm_lead")]
        exact = f" where a.{self.one(*whole)} {self.one('=', '>', '<')} {self.one('7', '13', '25', '-1')}"
        exact = self.one(exact, f"{exact} and a.id > 20")
        where = self.one("", " where a.id between 5 and 60", exact, exact, self.conditions([("a", table)]))
        what = self.one("*", "id, *", "a.id", "a.id as id, a.id + 1 as k", "id as title, id as key")
        order = self.one("order by id", "order by a.id desc", "order by id asc", "order by a.id desc nulls last")
        start = self.one("", f" offset {self.one(0, 3, 500)}")
        if "as title" in what:
            order = self.one("order by a.id", "order by a.id desc")
        return f"select {what} from {table} a{where} {order} limit {self.one(0, 1, 5, 12)}{start}"

    def windowed(self, text, where, named, some, columns, alias, table):
        over = f"over (partition by {some[0]} order by {alias}.id)"
        qualify = self.one("", f" qualify rank() {over} = 1", f" qualify count(*) over (partition by {some[0]}) > 1")
        return f"select {columns}, rank() {over} as k from {text}{where}{qualify}"

    def starred(self, text, where, named, some, columns, alias, table):
        what = self.one(
            f"{alias}.*",
            f"{alias}.* exclude (id)",
            f"{alias}.* replace ({alias}.id + 1 as id)",
            f"{alias}",
            f"count({alias}.*) as n",
            f"{alias}.* like '%id'",
        )
        single = "columns('.*_id|id')" if len(named) == 1 else what
        return f"select {self.one(what, single)} from {text}{where}"

    def distinct_on(self, text, where, named, some, columns, alias, table):
        column = self.one(*COLUMNS[table])
        where = self.conditions([("a", table)])
        if self.maybe(0.4):
            return f"select distinct {columns} from {text}{self.conditions(named)}"
        return f"select distinct on ({column}) {column} as x, id from {table} a{where} order by {column}, id desc"

    def pivoted(self, text, where, named, some, columns, alias, table):
        where = self.conditions([("a", "deals")])
        inner = f"(select stage_id, closed, id from deals a{where})"
        if self.maybe(0.5):
            return f"select * from {inner} pivot (count(*) for stage_id in ('WON', 'NEW'))"
        return "select * from deals pivot (count(id) for stage_id in ('WON', 'NEW') group by closed)"

    def aliased(self, text, where, named, some, columns, alias, table):
        """An alias that is the name of a column, used in WHERE without a table before it."""
        column = self.one(*COLUMNS[table])
        value = self.one(*values_of(KINDS[table][column]))
        form = self.one(
            f"select id as {column} from {table} where {column} = {value}" if KINDS[table][column] == "integer" else "",
            f"select {column} as z from {table} where z = {value}",
            f"select {column} as z, id from {table} where z is null or {column} in ({value})",
            f"select s.{column} from (select {column}, id from {table}) s where s.{column} = {value}",
            f"select {column}, id from {table} where {column} = {value} order by {column}, id",
        )
        return form or f"select {column} from {table} where {column} = {value}"

    def turned(self, text, where, named, some, columns, alias, table):
        """FROM first, natural joins, and lists of values."""
        other = self.one(*COLUMNS)
        return self.one(
            f"from {text}{where}" if len(named) == 1 else f"from {text} select {columns}{where}",
            f"select count(*) as n from {table} a natural join {other} b{self.conditions([('a', table)])}",
            f"select {alias}.id, v from {text}, (values (1), (2)) t(v){where}",
            f"select a.id, n from {table} a, range(3) t(n){self.conditions([('a', table)])}",
            f"select a.id, u from {table} a, unnest([a.id, 5]) t(u){self.conditions([('a', table)])}",
        )

    def derived(self, text, where, named, some, columns, alias, table):
        outer = self.one("", " where x0 is not null", " where key < 30", " where key in (7, 13, 25)")
        deep = f"select {columns}, {alias}.id as key from {text}{where}"
        return f"select * from ({deep}) deals{outer}"


def random_query(seed: int) -> str:
    """The query of a seed."""
    return Writer(seed).query()
