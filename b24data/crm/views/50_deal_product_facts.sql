-- A row a product of a deal. price is what is paid for one, with discount and tax, as the portal keeps it.
-- Limits: what a product cost, and its price on the day of the deal in other currencies, the portal does not know.
create view deal_product_facts as
select
  p.id,
  p.owner_id as deal_id,
  f.category_id,
  f.category,
  f.stage_id,
  f.semantics,
  f.created_time,
  f.owner_id,
  f.owner,
  p.product_id,
  coalesce(pr.name, p.product_name) as product,
  p.price,
  p.quantity,
  p.price * p.quantity as amount,
  p.price * p.quantity * r.rate as amount_base
from deal_products p
left join deal_facts f on f.deal_id = p.owner_id
left join rates r on r.currency = f.currency_id
left join products pr on pr.id = p.product_id;
