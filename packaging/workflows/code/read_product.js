// @include request
// @include products
const asked = text(body.product);
const quantity = text(body.quantity) === '' ? 1 : Number(body.quantity);
if (asked === '') return refuse('product_missing');
if (!Number.isInteger(quantity) || quantity < 1) return refuse('invalid_quantity');
const words = searchWords(asked);
if (words.length === 0) return refuse('product_missing');
const nothing = '\u0001';
return pass({
  asked, quantity, words, upper: asked.toUpperCase(),
  word1: `%${words[0]}%`, word2: `%${words[1] ?? nothing}%`, word3: `%${words[2] ?? nothing}%`,
});
