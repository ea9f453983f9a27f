-- A row a deal: names for codes, the amount in the base currency, days open, the last activity.
-- days_open counts to the time of the last move for a closed deal, else to the time of the last run.
-- Limits: the rate is today's and not that of the deal's day; a record that the user may not see has no name.
create view deal_facts as
with bound as (
  select l.owner_id as deal_id, max(a.created) as last_activity, count(*) as activities
  from activity_links l join activities a on a.id = l.activity_id
  where l.owner_type_id = 2
  group by l.owner_id
)
select
  d.id as deal_id,
  d.title,
  d.category_id,
  c.name as category,
  d.stage_id,
  s.stage,
  coalesce(s.semantics, d.stage_semantic_id) as semantics,
  d.created_time,
  d.moved_time,
  d.closedate,
  d.company_id,
  co.title as company,
  d.contact_id,
  nullif(trim(coalesce(ct.name, '') || ' ' || coalesce(ct.last_name, '')), '') as contact,
  d.assigned_by_id as owner_id,
  o.owner,
  o.department_id,
  o.department,
  d.lead_id,
  d.source_id,
  src.name as source,
  d.opportunity as amount,
  d.currency_id,
  d.opportunity * r.rate as amount_base,
  cast(extract(epoch from (case when d.closed then d.moved_time else run.began end - d.created_time)) as double precision) / 86400.0 as days_open,
  b.last_activity,
  coalesce(b.activities, 0) as activities
from deals d
cross join last_run run
left join categories c on c.id = coalesce(d.category_id, 0)
left join stages s on s.of_table = 'deals' and s.category_id = coalesce(d.category_id, 0) and s.stage_id = d.stage_id
left join companies co on co.id = d.company_id
left join contacts ct on ct.id = d.contact_id
left join owners o on o.user_id = d.assigned_by_id
left join rates r on r.currency = d.currency_id
left join statuses src on src.entity_id = 'SOURCE' and src.status_id = d.source_id
left join bound b on b.deal_id = d.id;
