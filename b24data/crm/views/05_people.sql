-- Users with one department each: that of the lowest number, where they are in several.
create view owners as
with first_of as (
  select user_id, min(department_id) as department_id from user_departments group by user_id
)
select
  u.id as user_id,
  nullif(trim(coalesce(u.name, '') || ' ' || coalesce(u.last_name, '')), '') as owner,
  f.department_id,
  d.name as department,
  u.active
from users u
left join first_of f on f.user_id = u.id
left join departments d on d.id = f.department_id;

-- What one unit of a currency is worth in the base currency (page crm.currency.list: AMOUNT is for AMOUNT_CNT units).
create view rates as
select currency, case when base then 1.0 else amount / nullif(coalesce(amount_cnt, 1), 0) end as rate from currencies;
