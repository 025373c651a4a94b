// @include request
// @include products
const wanted = $('Read request').first().json;
const { isExact, rows } = rank($input.all().map((item) => item.json), wanted.asked, wanted.words);
if (rows.length === 0) return refuse('not_found', { product: wanted.asked });
const described = rows.map((row) => describe(row, wanted.quantity, 0));
if (rows.length > 1 || !isExact) {
  return refuse('several_products', { product: wanted.asked, products: described.filter((found) => found.available).slice(0, 5) });
}
const [product] = described;
if (product.availability === 'out_of_stock') return refuse('sold_out', { product: product.name });
if (!product.available) return refuse('not_enough', { product: product.name, stock: product.stock });
return pass({ row: rows[0] });
