-- A row a call. direction from CALL_TYPE (page voximplant.statistic.get): 1 out, 2 in, 3 in and redirected, 4 callback.
-- answered: its code is 200. Limits: calls of other telephony are here only where they were registered in the portal.
create view call_facts as
select
  c.id as call_id,
  c.call_start_date as started_at,
  c.call_duration as seconds,
  case c.call_type when 1 then 'out' when 2 then 'in' when 3 then 'in' when 4 then 'callback' end as direction,
  c.call_failed_code = '200' as answered,
  c.portal_user_id as owner_id,
  o.owner,
  o.department_id,
  o.department,
  c.phone_number,
  c.crm_entity_type,
  c.crm_entity_id,
  c.crm_activity_id,
  c.cost,
  c.cost_currency
from calls c
left join owners o on o.user_id = c.portal_user_id;
