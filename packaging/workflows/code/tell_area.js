// @include request
// @include areas
const { asked } = $('Read request').first().json;
const rows = $input.all().map((item) => item.json).filter((row) => row.id);
const area = findArea([...rows, ...(settings.areas ?? [])], asked);
if (!area) return [{ json: { success: true, outcome: 'no_delivery', postcode: asked } }];
return [{ json: {
  success: true, outcome: 'delivers', postcode: asked, city: area.city ?? null,
  fee: area.fee ?? 0, currency: area.currency ?? settings.currency ?? null,
  minimum_order: area.minimum_order ?? null, free_from: area.free_from ?? null,
  delivery_minutes: area.delivery_minutes ?? null,
} }];
