"""Queries in which a condition, a column or a LIMIT is easily given a meaning that it does not have."""

QUERIES = [
    "select k from deals as d(c0, k) where c0 > 90 order by c0 limit 3",
    "select * from (select * from deals pivot (count(*) for stage_id in ('NEW', 'WON') group by closed)) order by all",
    "select * from deals pivot (count(*) for stage_id in ('NEW', 'WON') group by closed) limit 9",
    "select id from deals where id in (7, 13, 15, 16) and id in (13, 16, 17) and id in (13, 90) limit 5",
    "select id from deals where id in (7, 13) and id in (14, 15) limit 5",
    "select id from deals where company_id in (7, 13, 19) and company_id in (13, 19, 25) limit 90",
    "select c.id, l.id from companies c join contacts l on l.company_id = c.id join deals d on d.lead_id = l.id",
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
    "select id from deals where stage_id = e'WON'",
    "select id from deals where stage_id = e'\\x57ON'",
    "select id from deals where stage_id = $$WON$$",
    "select id from deals where stage_id = $t$WON$t$",
    "select id from deals where id < 1_3",
    "select id from deals where id < 1_00",
    "select id from deals where id < .5e2",
    "select id from deals where title = 'a\\b' or title = 'x'",
    "select id from deals where title = 'a;b' or title = 'x'",
    "select id from deals where title in ('x', 'it''s')",
    "select id from deals where closedate < date '2025-06-10' - 7",
    "select id from deals where created_time < timestamp '2025-06-10' - interval 9 day",
    "select id from deals where created_time < timestamp '2025-07-01' - interval '1 month'",
    "select id from deals where created_time >= date_trunc('month', timestamp '2025-06-15')",
    (
        "select id from deals where created_time >= date_trunc('month', date '2025-06-15') and "
        "created_time < date_trunc('month', date '2025-06-15') + interval 1 month"
    ),
    "select id from deals where created_time >= '2025-06-01'::timestamp",
    "select id from deals where created_time >= timestamp with time zone '2025-06-01 00:00:00+05'",
    "select id from deals where created_time < make_timestamp(2025, 6, 1, 0, 0, 0)",
    "select id from deals where closedate between '2025-05-31'::date and '2025-06-02'::date + 1",
    "select id from deals where closedate = (date '2025-06-01')",
    "select id from deals where created_time < cast('2025-06-01' as timestamptz)",
    "select id from deals where created_time = '2025-06-01'::date",
    "select id from deals where created_time <= '2025-06-01 00:00:00'",
    "select id from deals where closedate < 'infinity'",
    "select id from deals where created_time < 'infinity'::timestamptz",
    "select id from deals where closedate > '-infinity'",
    "select id from deals where id < 'nan'::double",
    "select id from deals where opportunity < 'nan'::double",
    "select id from deals where opportunity < 'inf'::double",
    "select id from deals where opportunity > 99.994",
    "select id from deals where opportunity > 99.996",
    "select id from deals where opportunity >= 99.9900001",
    "select id from deals where opportunity < 99.9950001 and opportunity > 0",
    "select id from deals where opportunity between 99.981 and 99.999",
    "select id from deals where opportunity = 0.5::float * 2",
    "select id from deals where opportunity = cast(1 as decimal(10, 4))",
    "select id from deals where id = 7.0",
    "select id from deals where id in (7.0, 8.5)",
    "select id from deals where id = 7::double",
    "select id from deals where id < 7::tinyint",
    "select id from deals where id < true::int + 20",
    "select id from deals where closed = 1",
    "select id from deals where closed = 'true'",
    "select id from deals where closed = 't'",
    "select id from deals where closed in (true)",
    "select id from deals where closed > false",
    "select id from deals where not not closed",
    "select id from deals where id == 7",
    "select id from deals where id <> 7 and id < 20",
    "select id from deals where (((id)) < ((20)))",
    "select id from deals where id < 20 and (company_id < 30 and (opportunity > 1))",
    "select id from deals where id < 20 or false",
    "select id from deals where id < 20 and true",
    "select id from deals where id < (select 20)",
    "select id from deals where id < greatest(20, 10)",
    "select id from deals where id < least(200, 100) and id > abs(-7)",
    "select id from deals where id between 7 and null",
    "select id from deals where id between 20 and 7",
    "select id from deals where id in ()",
    "select id from deals where id in (7) or id in (9)",
    "select id from deals where id in (7, 9) and id in (9, 13)",
    "select id from deals where id = 7 or id = 9 or id = 13",
    "select id from deals where id = 7 or (id = 9 and closed)",
    "select id from deals where row(id) = row(7)",
    "select id from deals where id is not null and id < 20",
    "select id from deals where exists (select id where id < 20)",
    "select id from deals where company_id in (select id from companies where id = company_id)",
    (
        "select d.id from deals d where d.id < 50 and d.company_id in (select c.id from companies c "
        "where c.id = d.company_id and c.id < 20)"
    ),
    (
        "select a.id from deals a join (select id, company_id from deals where id < 50) b on b.id = a.id "
        "where a.id < 100"
    ),
    "select a.id from deals a join lateral (select 1 as one where a.id < 20) b on true",
    (
        "select a.id, b.id from deals a left join lateral (select id from companies c where c.id = "
        "a.company_id and c.id < 20) b on true"
    ),
    "select a.id from deals a join companies b on true where a.company_id = b.id and b.id < 20",
    "select a.id from deals a join companies b on a.company_id = b.id or a.id = b.id where a.id < 30",
    "select a.id from deals a join companies b on (a.company_id = b.id and (b.id < 20)) is true",
    "select a.id from deals a join companies b on not (a.company_id <> b.id)",
    (
        "select a.id, b.title from deals a left join companies b on a.company_id = b.id and a.id < 30 "
        "where b.id is null and a.id < 60"
    ),
    "select a.id from deals a left join companies b on a.company_id = b.id where b.title = 'x' or b.id is null",
    "select a.id from deals a left join companies b on a.company_id = b.id where coalesce(b.id, 7) = 7",
    (
        "select a.id from deals a left join companies b on a.company_id = b.id and b.id in (1, 7, 13) "
        "left join contacts c on c.company_id = b.id and c.id < 50"
    ),
    (
        "select a.id from deals a full join companies b on a.company_id = b.id join users u on u.id = "
        "a.assigned_by_id and a.id < 60"
    ),
    (
        "select b.id from deals a right join companies b on a.company_id = b.id left join users u on "
        "u.id = a.assigned_by_id and u.active where b.id < 40"
    ),
    "select count(*) from deals a, deals b, users u where a.id = b.id and a.id < 30 and b.id < 30 and u.id = 1",
    "select a.id from deals a, users u where u.id = a.assigned_by_id and a.id < 20",
    "select a.id from users u, deals a where u.id = a.assigned_by_id and u.id in (1, 7, 13)",
    "select a.id from users u inner join deals a on u.id = a.id where u.id in (1, 7, 13)",
    "select c.id from leads l join companies c on c.id = l.company_id join contacts k on k.id = c.id where l.id < 9",
    "select c.id from companies c where c.id = (select max(company_id) from leads where id < 20)",
    (
        "with q as (select company_id from leads where id < 12) select c.id from companies c join q on "
        "q.company_id = c.id"
    ),
    "with q as (select * from leads) select c.id from companies c join q on q.company_id = c.id where q.id < 12",
    (
        "with q as (select id from deals where id < 30), r as (select id from q where id > 7) select * "
        "from r union select id from deals where id = 9"
    ),
    "with q as not materialized (select * from deals) select id from q where id < 20",
    "select * from (values (7), (9)) v(id) join deals d using (id) where d.id < 100",
    "select d.id from (values (7), (9)) deals(id) join deals d on d.id = deals.id",
    "select id, title from deals where id < 20 union by name select id, name as title from contacts where id < 20",
    (
        "select * from (select id from deals where id < 20 union all select id from companies where id < "
        "20) where id > 7"
    ),
    "select id from deals where id < 20 intersect all select id from companies",
    "select id from deals except select id from deals where id > 20",
    "select id from deals where id < 100 order by id desc limit 5 offset 2",
    "select d.id, d.title from deals d order by d.id limit 3",
    "select d.title, d.id as k from deals d order by k limit 3",
    "select title from deals order by id limit 3",
    "select title as id, id as title from deals order by id limit 3",
    "select id from deals order by deals.id desc limit 3",
    "select id, id from deals order by id limit 3",
    "select distinct id from deals order by id limit 3",
    "select id from deals where closed order by id limit 3",
    "select id from deals where company_id > 7 order by id limit 3",
    "select id from deals where company_id >= 0 order by id limit 3",
    "select id from deals where id > 7.5 order by id limit 3",
    "select id from deals where id > 7 and title is not null order by id limit 3",
    "select id from deals where id > 7 or id = 3 order by id limit 3",
    "(select id from deals order by id limit 3) union all (select id from deals order by id desc limit 3) order by 1",
    "select * from (select id from deals order by id limit 3) d",
    "with q as (select id from deals order by id desc limit 3) select * from q order by id",
    "select (select id from deals order by id limit 1) as first, (select max(id) from deals) as last",
    "select id from deals order by id asc nulls first limit 3",
    "select id from deals order by id limit 0",
    "select id from deals order by id limit null",
    "select id from deals order by id offset 170",
    "select id + 0 as id from deals order by id limit 3",
    "select columns('id') from deals order by id limit 3",
    "select * from deals order by id desc limit 2",
    "select a.* from deals a order by a.id desc limit 2",
    "select *, row_number() over (order by opportunity, id) as k from deals order by id limit 2",
    "select *, sum(id) over () as k from deals order by id limit 2",
    "select id, sum(id) over () as k from deals order by id limit 2",
    "select first(id order by id) as f from deals where id > 7",
    "select string_agg(title, ',' order by id) as t from deals where id < 20",
    "select count(distinct stage_id) filter (where closed) as n from deals where id < 90",
    "select stage_id, count(*) from deals where id < 90 group by cube (stage_id) order by all",
    "select arg_max(title, id) as t from deals where closed",
    "select id from deals group by all having sum(opportunity) > 100 and id < 100",
    "select stage_id as id from deals where id < 20 group by stage_id",
    (
        "select date_trunc('month', created_time) as created_time, count(*) as n from deals where "
        "created_time > '2025-06-01' group by all"
    ),
    "select upper(stage_id) as stage_id from deals where stage_id = 'WON'",
    'select id as "deals" from deals where deals.id < 20',
    "select deals.title as d, d.id from deals, deals d where deals.id = d.id and d.id < 20",
    'select "deals"."id" as "ID", "DEALS"."Id" as x from "DEALS" where "Deals"."iD" < 20',
    'select id from deals as "d x" where "d x".id < 20',
    'select id from deals where "id" < 20 and deals."company_id" is not null',
]
