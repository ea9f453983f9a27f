-- The stages of leads and of every pipeline of deals, in their order.
-- semantics: P in progress, S won, F lost (page crm.status.list).
create view stages as
select
  case when entity_id = 'STATUS' then 'leads' else 'deals' end as of_table,
  case
    when entity_id = 'STATUS' then null
    when entity_id = 'DEAL_STAGE' then 0
    else cast(substr(entity_id, 12) as bigint)
  end as category_id,
  status_id as stage_id,
  name as stage,
  sort,
  coalesce(nullif(semantics, ''), 'P') as semantics
from statuses
where entity_id in ('STATUS', 'DEAL_STAGE') or left(entity_id, 11) = 'DEAL_STAGE_';
