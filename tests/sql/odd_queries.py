"""Queries in which a condition, a column or a LIMIT is easily given a meaning that it does not have."""

QUERIES = [
    "select * replace (-id as id) from deals order by id limit 3",
    "select * replace (company_id as id), title from deals a order by id desc limit 3",
    "select d.title from deals as d(title, id) where d.title < 60",
    "select d.a from deals as d(a, title) where d.title is not null and d.a > 7",
    "select b.x from companies a join deals as b(x, id) on b.x = a.id and b.id is not null",
    "with q(a, b) as (select * exclude (closed) from deals where id < 40) select a, b from q",
    "select id from deals where (id, company_id) in ((7, 13), (13, 0))",
    "select id from deals where id = 7 is null",
    "select id from deals where not id = 7 and closed = true",
    "select id from deals where id in (7, 13) = true",
    "select id from deals where id::varchar = '7'",
    "select id from deals where -id < -50",
    "select id from deals where id < 60 and id > 9223372036854775807",
    "select a.id from deals a full join leads b using (company_id) where company_id = 13",
    "select a.id from deals a left join leads b using (company_id) where company_id = 13 and a.id < 100",
    (
        "select count(*) from (deals a join companies b on a.company_id = b.id and b.id < 20) left join "
        "contacts c on c.company_id = b.id and c.id > 7"
    ),
    (
        "select count(*) from companies c left join (deals a join users b on a.assigned_by_id = b.id and "
        "a.id < 50) on a.company_id = c.id"
    ),
    "select id from deals where id in (with deals as (select 7 as id union all select 9) select id from deals)",
    (
        "with a as (with deals as (select 1 as id) select * from deals) select deals.id, a.id from "
        "deals, a where deals.id < 40"
    ),
    "with DEALS as (select id from companies where id < 20) select id from deals where id > 7",
    "with deals as (select * from companies), x as (select id from deals where id < 30) select * from x",
    "select deals from deals where deals.id < 20",
    "select to_json(a) as j from deals a where a.id < 20",
    "select hash(a) is not null as h, a.id from deals a",
    "select (select a) as s from deals a where id < 30",
    "select coalesce(*columns(* exclude (title, stage_id, created_time, closedate, closed))) as x from deals",
    "select list(columns(*)) from users",
    "select count(*) from (summarize deals)",
    "select column_name from (describe deals)",
    "from (pivot deals on stage_id using count(*) group by closed) order by all",
    "select * from (unpivot (select id, company_id, lead_id from deals) on company_id, lead_id into name n value v)",
    "select a.id, b.id from deals a positional join companies b",
    "select id from deals where exists (select 1 from companies where company_id = companies.id and id < 20)",
    (
        "select id from deals where exists (select 1 from companies where companies.id = "
        "deals.company_id and title = 'x')"
    ),
    "select id from companies where id not in (select company_id from deals where id < 50)",
    "select id from companies where id not in (select company_id from deals where company_id > 0 and id < 50)",
    (
        "select sum(case when closed then opportunity end) as s, count(*) filter (where id < 50) as n "
        "from deals where id > 5"
    ),
    (
        "select a.id from deals a join deals b on a.company_id = b.company_id and a.id < b.id where a.id "
        "< 50 and b.id < 50"
    ),
    "select a.id from deals a join deals b on a.company_id = b.company_id where a.id < 50 and b.id > 50",
    "select id from deals where id < 50 union all select id from deals where id > 150",
    "select id from deals where id < 50 union all select id from deals where id < 50 and closed",
    "select id, lag(id) over (order by id) as before from deals where id > 13",
    "select id from (select id, row_number() over (order by id) as k from deals) where k < 10 and id > 7",
    "select max(id) from deals where id < 100 limit 1",
    "select id from deals where id < 100 order by opportunity nulls last, id limit 4",
    "select -id as ID from deals order by id limit 4",
    'select id, title as "id " from deals order by id desc limit 4',
    "select id from deals order by 1 desc limit 4",
    "select id from deals order by id limit 5 offset 500",
    "select id from deals order by id fetch first 3 rows only",
    "select id from deals order by id limit 10 percent",
    "select id from deals order by id limit (2 + 3)",
    "select id from deals where id > 7 order by id limit 3",
    "select id from deals where stage_id = 'WON' order by id limit 3",
    "select id from deals where opportunity > 1 order by id desc limit 3",
    "select id from deals where opportunity < 1 order by id desc limit 3",
    "select id from deals where created_time > '2025-06-01' order by id desc limit 3",
    "select distinct on (stage_id) stage_id, id from deals where id < 90 order by stage_id, id",
    "select stage_id, id from deals where id < 90 qualify row_number() over (partition by stage_id order by id) = 1",
    (
        "select c.id, d.n from companies c, lateral (select count(*) as n from deals where company_id = "
        "c.id and id < 60) d"
    ),
    "select a.id from deals a, companies b where a.company_id = b.id and b.id = 13",
    "select b.id from deals a join companies b on b.id = a.company_id where a.id < 8",
    (
        "select b.id, c.id from deals a join companies b on b.id = a.company_id left join contacts c on "
        "c.id = a.lead_id where a.id < 8"
    ),
    "select b.id from deals a left join companies b on b.id = a.company_id where a.id < 12",
    "select b.id from deals a right join companies b on b.id = a.company_id and a.id < 12",
    "select b.id from deals a full join companies b on b.id = a.company_id where a.id < 12",
    "select b.id from companies b anti join deals a on b.id = a.company_id and a.id < 12",
    "select b.id from companies b semi join deals a on b.id = a.company_id and a.id < 12",
    "select b.id from companies b where b.id in (select company_id from deals where id < 12)",
    (
        "select a.id from deals a join companies a2 on a.company_id = a2.id join companies a3 on "
        "a.company_id = a3.id + 6 where a2.id < 20"
    ),
    "select id from deals where opportunity between 0 and 100",
    "select id from deals where opportunity between 50 and 100",
    "select id from deals where opportunity in (0, 1)",
    "select id from deals where opportunity = 0 or opportunity = 1",
    "select id from deals where company_id < 20 and company_id > 5",
    "select id from deals where company_id < 20 and company_id > -5",
    "select id from deals where not (company_id >= 20)",
    "select id from deals where company_id is null or company_id < 7",
    "select id from deals where stage_id = 'WON' and stage_id = 'NEW'",
    "select id from deals where id = 7 and id = 9",
    "select id from deals where id < 20 and id < 9 and id <= 8",
    "select id from deals where id in (7, 9, null)",
    "select id from deals where id not in (7, null)",
    "select id from deals where null",
    "select id from deals where closed and not closed",
    "select id from deals where closed is not distinct from true",
    "select id from deals where (closed) = (true)",
    "select id from deals where true = closed",
    "select id from deals where created_time::date = '2025-06-01'",
    "select id from deals where created_time between '2025-05-31' and '2025-06-01'",
    "select id from deals where created_time = '2025-06-01 00:00:00+00'",
    "select id from deals where closedate = '2025-06-01' and closedate <= timestamp '2025-06-01 12:00:00'",
    "select id from deals where closedate < timestamptz '2025-06-01 00:00:01+14'",
    "select id from deals where created_time > current_date - interval 3 year",
    "select id from deals where date_trunc('day', created_time) = '2025-06-01'",
    "select id from deals where title = 'x' or stage_id = 'WON'",
    'select "ID", "Title" from "deals" where "deals"."ID" < 30',
    "select deals.id from companies deals where deals.id < 30",
    (
        "select deals.title from companies deals join deals companies on companies.company_id = deals.id "
        "where companies.id < 50"
    ),
    "select deals.id from deals as companies, companies as deals where companies.id = 7 and deals.id < 20",
    "select x.id from (select * from deals where id < 50) x where x.company_id = 13",
    "select id as company_id, title from deals where company_id = 13",
    "select id + 1 as k from deals where k < 20",
    "select company_id as id from deals where id < 20",
    "select id from deals group by id having id < 20",
    "select id, count(*) over () as n from deals where id < 50",
    "values (1), (2)",
    "select 1 as x where exists (from deals where id = 7)",
    "select * from deals where id < 30 order by all limit 5",
    "table deals",
    "(select id from deals where id < 20) union (select id from companies order by id limit 2) order by 1",
    (
        "select id from deals a where a.id = (select max(b.id) from deals b where b.company_id = "
        "a.company_id and b.id < 60)"
    ),
    "select id from deals tablesample 100%",
    (
        "select u.name, (select count(*) from deals where assigned_by_id = u.id and closed) as n from "
        "users u where u.active"
    ),
    (
        "select * from (from deals select id, company_id) join (from companies select id as company_id, "
        "title) using (company_id)"
    ),
    (
        "select d.id from deals d where d.id in (7, 13) and d.company_id in (select id from companies "
        "where id < 40) and d.lead_id is null"
    ),
    "select count(*) from deals, deals d2 where deals.id = 7 and d2.id = 7",
    "select count(*) from deals where id = 7 having count(*) > 0",
    (
        "with recursive up(n) as (select min(id) from deals where id > 10 union all select n + 1 from up "
        "where n < 20) select * from up join deals on deals.id = n where deals.id < 30"
    ),
    "select [x for x in [id, 5] if x > 4] as l from deals where id < 20",
    "select {'a': id, 'title': title} as s from deals where id < 20",
    "select s.title from (select {'title': id} as s from deals where id < 20)",
    "select max(a.id) from deals a group by grouping sets ((closed), ()) order by all",
    "select id from deals where id % 2 = 1 and id < 50",
    "select id from deals where (select 7) = id",
    "select id from deals where id = any([7, 13])",
    "select id from deals where id in [7, 13]",
    "select id from deals where list_contains([7, 13], id)",
    "select id from deals where title ~ 'x'",
    "select id from deals where title = 'x' and title != 'X'",
    "select id from deals where title > 'a' and title < 'y'",
    "select id from deals where stage_id >= 'N'",
]
