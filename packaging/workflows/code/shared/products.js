// Turns what a visitor calls a product into up to three search words, and ranks what was found.
const fillers = new Set(['a', 'an', 'the', 'any', 'some', 'of', 'with', 'and', 'or', 'for', 'in', 'to',
  'do', 'does', 'you', 'have', 'is', 'are', 'there', 'stock', 'please', 'sell', 'יש', 'לכם', 'את', 'של', 'עם', 'במלאי']);
const stem = (word) => {
  if (/^[a-z]+$/.test(word)) {
    if (word.length > 4 && /(ches|shes|sses|xes|zes|oes)$/.test(word)) return word.slice(0, -2);
    if (word.length > 4 && word.endsWith('ies')) return word.slice(0, -3);
    if (word.length > 3 && word.endsWith('s') && !word.endsWith('ss')) return word.slice(0, -1);
  }
  if (/^ה[\u05d0-\u05ea]{3,}$/.test(word)) return word.slice(1);
  return word;
};
const searchWords = (asked) => {
  const letters = asked.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'-]*/gu) ?? [];
  const words = letters.filter((word) => !fillers.has(word)).map(stem);
  return (words.length ? words : letters).sort((a, b) => b.length - a.length).slice(0, 3);
};
const rank = (rows, asked, words) => {
  const score = (row) => {
    const name = String(row.name).toLowerCase();
    const all = `${name} ${String(row.description ?? '').toLowerCase()}`;
    if (String(row.sku ?? '').toLowerCase() === asked.toLowerCase()) return 100;
    if (name === asked.toLowerCase()) return 90;
    const inName = words.filter((word) => name.includes(word)).length;
    const anywhere = words.filter((word) => all.includes(word)).length;
    if (inName === words.length) return 50;
    if (anywhere === words.length) return 40;
    return inName * 2 + anywhere;
  };
  const ranked = rows.filter((row) => row.name).map((row) => ({ row, score: score(row) }))
    .sort((a, b) => b.score - a.score || String(a.row.name).localeCompare(String(b.row.name)));
  const best = ranked.length ? ranked[0].score : 0;
  const isExact = best >= 40;
  return {
    isExact,
    rows: ranked.filter((entry) => (best >= 90 || !isExact ? entry.score === best : entry.score >= 40))
      .map((entry) => entry.row),
  };
};
// An empty stock means that the shop does not count it: made to order.
const stockOf = (row) => (row.stock === null || row.stock === undefined ? null : Number(row.stock));
const describe = (row, quantity, low) => {
  const stock = stockOf(row);
  const state = stock === null ? 'made_to_order' : stock <= 0 ? 'out_of_stock'
    : stock < quantity ? 'not_enough' : stock <= low ? 'few_left' : 'in_stock';
  return {
    sku: row.sku ?? null, name: row.name, description: row.description ?? null,
    price: row.price ?? null, currency: row.currency ?? null, stock,
    available: state !== 'out_of_stock' && state !== 'not_enough', availability: state,
  };
};
