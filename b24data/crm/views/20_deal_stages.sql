-- Each stay of a deal in a stage: from when to when, for how many hours, and which visit to the stage it was.
-- Limits: the portal's history names no person who moved a deal, and keeps no row of what was before the history began.
-- A stage that was deleted since has no name, and the semantics that the history has. A move that was entered with an
-- earlier time stands where its row does.
create view deal_stages as
with visits as (
  select
    id,
    owner_id as deal_id,
    coalesce(category_id, 0) as category_id,
    stage_id,
    stage_semantic_id,
    created_time as entered_at,
    lead(created_time) over (partition by owner_id order by created_time, id) as left_at,
    row_number() over (partition by owner_id, stage_id order by created_time, id) as visit
  from deal_stage_history
)
select
  v.id,
  v.deal_id,
  v.category_id,
  c.name as category,
  v.stage_id,
  s.stage,
  s.sort,
  coalesce(s.semantics, v.stage_semantic_id, 'P') as semantics,
  s.stage_id is null as is_deleted_stage,
  v.entered_at,
  v.left_at,
  cast(extract(epoch from (v.left_at - v.entered_at)) as double precision) / 3600.0 as hours,
  v.visit,
  v.left_at is null as is_current
from visits v
left join stages s on s.of_table = 'deals' and s.category_id = v.category_id and s.stage_id = v.stage_id
left join categories c on c.id = v.category_id;
