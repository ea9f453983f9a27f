-- By pipeline, stage and month of the first entry (UTC): how many deals reached the stage, how many of them went on to a
-- later one or were won, their share, and the median of the hours that they spent in it (stays that have ended).
-- Limits: those of deal_stages; a month that is not over counts deals that may still go on.
create view funnel as
with deals_in as (
  select
    category_id,
    category,
    stage_id,
    stage,
    sort,
    semantics,
    deal_id,
    min(entered_at) as first_entered,
    sum(hours) as hours
  from deal_stages
  group by category_id, category, stage_id, stage, sort, semantics, deal_id
),
went_on as (
  select d.category_id, d.stage_id, d.deal_id
  from deals_in d
  join deal_stages n
    on n.deal_id = d.deal_id
    and n.category_id = d.category_id
    and n.entered_at >= d.first_entered
    and n.stage_id <> d.stage_id
    and (n.semantics = 'S' or (n.semantics = 'P' and n.sort > d.sort))
  group by d.category_id, d.stage_id, d.deal_id
)
select
  d.category_id,
  d.category,
  cast(date_trunc('month', d.first_entered at time zone 'UTC') as date) as month,
  d.stage_id,
  d.stage,
  d.sort,
  d.semantics,
  count(*) as reached,
  count(w.deal_id) as passed_on,
  cast(count(w.deal_id) as double precision) / count(*) as conversion,
  percentile_cont(0.5) within group (order by d.hours) as median_hours
from deals_in d
left join went_on w on w.category_id = d.category_id and w.stage_id = d.stage_id and w.deal_id = d.deal_id
group by d.category_id, d.category, cast(date_trunc('month', d.first_entered at time zone 'UTC') as date), d.stage_id,
  d.stage, d.sort,
  d.semantics;
