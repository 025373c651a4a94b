// @include request
// @include products
const { asked, words, quantity } = $('Read request').first().json;
const { isExact, rows } = rank($input.all().map((item) => item.json), asked, words);
if (rows.length === 0) return [{ json: { success: false, error: 'not_found', product: asked, products: [] } }];
const described = rows.map((row) => describe(row, quantity, Number(settings.low_stock)));
const isLeft = (product) => product.stock === null || product.stock > 0;
const products = [...described.filter(isLeft), ...described.filter((product) => !isLeft(product))].slice(0, 10);
return [{ json: {
  success: true,
  outcome: !isExact ? 'closest' : rows.length > 1 ? 'several' : products[0].availability,
  product: asked,
  is_exact: isExact,
  match_count: rows.length,
  available: products.some((product) => product.available),
  products,
} }];
