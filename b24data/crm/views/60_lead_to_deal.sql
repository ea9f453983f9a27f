-- A row a lead, and a row more for each further deal that came of it.
-- Limits: a deal knows its lead only where it was made by converting it.
create view lead_to_deal as
select
  l.id as lead_id,
  l.title,
  l.source_id,
  src.name as source,
  l.stage_id as lead_stage_id,
  s.stage as lead_stage,
  coalesce(s.semantics, l.stage_semantic_id) as lead_semantics,
  l.created_time as lead_created,
  l.assigned_by_id as owner_id,
  o.owner,
  f.deal_id,
  f.created_time as deal_created,
  cast(extract(epoch from (f.created_time - l.created_time)) as double precision) / 3600.0 as hours_to_deal,
  f.semantics as deal_semantics,
  f.amount_base
from leads l
left join stages s on s.of_table = 'leads' and s.stage_id = l.stage_id
left join statuses src on src.entity_id = 'SOURCE' and src.status_id = l.source_id
left join owners o on o.user_id = l.assigned_by_id
left join deal_facts f on f.lead_id = l.id;
