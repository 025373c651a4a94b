// @include request
// @include time
// @include reference
const asked = $('Read request').first().json.order_number;
const order = $input.first().json;
if (!order.order_number) return refuse('not_found', { order_number: asked });
// Order numbers can be guessed: what the order was placed with is the proof.
const digits = (value) => String(value ?? '').replace(/\D/g, '').slice(-7);
const known = [text(order.customer_email).toLowerCase(), digits(order.customer_phone)].filter(Boolean);
const given = text(body.contact);
const isOwn = known.includes(given.toLowerCase()) || (digits(given).length >= 6 && known.includes(digits(given)));
if (known.length > 0 && !isOwn) return refuse('contact_unknown', { order_number: order.order_number });
const status = text(order.status).toLowerCase().replace(/[\s-]+/g, '_');
if (['cancelled', 'canceled', 'refunded', 'returned'].includes(status)) {
  return refuse('order_closed', { order_number: order.order_number, status });
}
if (!['delivered', 'picked_up', 'completed'].includes(status)) {
  return refuse('not_delivered', { order_number: order.order_number, status });
}
const arrived = DateTime.fromISO(String(order.delivered_at ?? order.estimated_delivery ?? order.placed_at ?? ''), { zone });
const last = arrived.isValid ? arrived.plus({ days: Number(settings.return_days) }) : null;
if (last && now.startOf('day') > last) {
  return refuse('window_closed', { order_number: order.order_number, return_days: Number(settings.return_days), last_day: last.toISODate() });
}
return pass({
  return_number: reference('R-'), order_number: order.order_number,
  item: text(body.item, 200) || null, reason: text(body.reason, 500), wanted: text(body.wanted, 20) || 'refund',
  name: order.customer_name ?? null, contact: text(body.contact), status: 'requested',
  call_id: callId,
});
