// What the shop counts is taken off the stock only if nobody was faster; else it is looked at anew.
const { quantity } = $('Read request').first().json;
const { row } = $('Which product?').first().json;
const now = $runIndex === 0 ? row : $input.first().json;
const stock = now.stock === null || now.stock === undefined ? null : Number(now.stock);
if (stock === null) return [{ json: { outcome: 'uncounted' } }];
if (stock < quantity || $runIndex >= 20) return [{ json: { outcome: 'gone', product: row.name, stock } }];
return [{ json: { outcome: 'take', id: row.id, stock, left: stock - quantity } }];
