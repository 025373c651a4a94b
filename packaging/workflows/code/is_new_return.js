// One return an order and item at a time; the same call, or the same wish again, gets the first.
const wanted = $('Can it be returned?').first().json;
const rows = $input.all().map((item) => item.json).filter((row) => row.return_number);
const open = rows.find((row) => row.call_id === wanted.call_id && wanted.call_id)
  ?? rows.find((row) => row.status !== 'rejected' && (row.item ?? '') === (wanted.item ?? ''));
const told = (row) => ({ return_number: row.return_number, order_number: row.order_number, item: row.item ?? null, wanted: row.wanted });
if (open) {
  const outcome = open.call_id === wanted.call_id ? 'done' : 'already_requested';
  return [{ json: { go: false, answer: { success: true, outcome, ...told(open) } } }];
}
return [{ json: { ...wanted, go: true } }];
