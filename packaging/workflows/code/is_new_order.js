const { order } = $('What does it cost?').first().json;
const known = $input.first().json;
const told = (row) => ({ success: true, outcome: 'done', order_number: row.order_number, items: row.items, total: row.total, currency: row.currency, delivery_method: row.delivery_method });
if (order.call_id && known.call_id === order.call_id) return [{ json: { go: false, answer: told(known) } }];
return [{ json: { go: true, ...order } }];
