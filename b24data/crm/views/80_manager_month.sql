-- A row a user and month (UTC): deals created, won and lost, the amount won, calls, activities, tasks closed.
-- A deal is won or lost in the month of its last move. Limits: it counts for who is responsible for it now.
create view manager_month as
with events as (
  select owner_id, created_time as happened, 1 as created, 0 as won, 0 as lost, 0.0 as amount_won, 0 as calls,
    0 as call_seconds, 0 as activities, 0 as tasks_closed
  from deal_facts
  union all
  select owner_id, moved_time, 0, case when semantics = 'S' then 1 else 0 end,
    case when semantics = 'F' then 1 else 0 end,
    case when semantics = 'S' then coalesce(amount_base, 0.0) else 0.0 end, 0, 0, 0, 0
  from deal_facts where semantics in ('S', 'F')
  union all
  select owner_id, started_at, 0, 0, 0, 0.0, 1, coalesce(seconds, 0), 0, 0 from call_facts
  union all
  select responsible_id, created, 0, 0, 0, 0.0, 0, 0, 1, 0 from activities
  union all
  select responsible_id, closed_date, 0, 0, 0, 0.0, 0, 0, 0, 1 from tasks where closed_date is not null
)
select
  e.owner_id,
  o.owner,
  o.department_id,
  o.department,
  cast(date_trunc('month', e.happened at time zone 'UTC') as date) as month,
  cast(sum(e.created) as bigint) as deals_created,
  cast(sum(e.won) as bigint) as deals_won,
  cast(sum(e.lost) as bigint) as deals_lost,
  sum(e.amount_won) as amount_won,
  cast(sum(e.calls) as bigint) as calls,
  cast(sum(e.call_seconds) as bigint) as call_seconds,
  cast(sum(e.activities) as bigint) as activities,
  cast(sum(e.tasks_closed) as bigint) as tasks_closed
from events e
left join owners o on o.user_id = e.owner_id
where e.owner_id is not null and e.happened is not null
group by e.owner_id, o.owner, o.department_id, o.department, cast(date_trunc('month', e.happened at time zone 'UTC') as date);
