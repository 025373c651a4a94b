// @include request
// @include moments
const order = $input.first().json;
const asked = $('Read request').first().json.order_number;
if (!order.order_number) return [{ json: { success: false, error: 'not_found', order_number: asked } }];
const day = (value) => {
  const moment = local(value);
  return moment?.slice(11, 16) === '00:00' ? moment.slice(0, 10) : moment;
};
const status = String(order.status ?? '').trim().toLowerCase().replace(/[\s-]+/g, '_') || 'unknown';
const isOver = ['delivered', 'picked_up', 'cancelled', 'canceled', 'refunded', 'returned'].includes(status);
return [{ json: {
  success: true,
  outcome: isOver ? 'over' : 'under_way',
  order_number: order.order_number,
  status,
  items: order.items ?? null,
  total: order.total ?? null,
  currency: order.currency ?? null,
  placed_at: local(order.placed_at),
  estimated_delivery: day(order.estimated_delivery),
  tracking_url: order.tracking_url ?? null,
} }];
