// @include request
// @include areas
// @include reference
const wanted = $('Read request').first().json;
const { row } = $('Which product?').first().json;
const areas = $input.all().map((item) => item.json).filter((area) => area.id);
const cents = (value) => Math.round(Number(value) * 100) / 100;
const goods = row.price === null || row.price === undefined ? null : cents(row.price * wanted.quantity);
let fee = 0;
if (!wanted.is_pickup && areas.length > 0) {
  const given = [wanted.postcode, ...String(wanted.address).split(/[,\n]+/), ...String(wanted.address).split(/[\s,]+/)];
  const area = given.filter(Boolean).map((part) => findArea(areas, part)).find(Boolean);
  if (!area) return refuse('no_delivery', { postcode: wanted.postcode ?? wanted.address });
  if (goods !== null && area.minimum_order && goods < area.minimum_order) {
    return refuse('below_minimum', { total: goods, minimum_order: area.minimum_order, currency: row.currency ?? null });
  }
  fee = goods !== null && area.free_from && goods >= area.free_from ? 0 : Number(area.fee ?? 0);
} else if (!wanted.is_pickup) {
  fee = Number(settings.delivery_fee ?? 0);
}
return pass({ order: {
  order_number: `${settings.order_prefix}${Math.floor(100000 + Math.random() * 900000)}`,
  status: 'received',
  customer_name: wanted.name, customer_email: wanted.email, customer_phone: wanted.phone,
  items: `${wanted.quantity} × ${row.name}`,
  total: goods === null ? null : cents(goods + fee), currency: row.currency ?? null,
  placed_at: DateTime.now().toUTC().toISO(),
  delivery_method: wanted.is_pickup ? 'pickup' : 'delivery',
  delivery_address: wanted.address, postcode: wanted.postcode, notes: wanted.notes, call_id: wanted.call_id,
} });
