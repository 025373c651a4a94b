// @include request
// @include contact
// @include products
const asked = text(body.product);
const quantity = text(body.quantity) === '' ? 1 : Number(body.quantity);
if (asked === '' || searchWords(asked).length === 0) return refuse('product_missing');
if (!Number.isInteger(quantity) || quantity < 1) return refuse('invalid_quantity');
if (quantity > Number(settings.max_quantity)) return refuse('quantity_too_large', { max_quantity: Number(settings.max_quantity) });
const name = text(body.name, 100);
if (name === '') return refuse('name_missing');
if (phone === '') return refuse('invalid_phone');
const address = text(body.address, 300);
if (address === '') return refuse('address_missing');
const isPickup = /^(pick[\s-]?up|collect(ion)?|self[\s-]?collection|איסוף( עצמי)?)$/i.test(address);
if (isPickup && !settings.pickup) return refuse('no_pickup');
if (!isPickup && !settings.delivery) return refuse('no_delivery', { postcode: text(body.postcode, 20) });
const words = searchWords(asked);
const nothing = '\u0001';
return pass({
  asked, quantity, words, upper: asked.toUpperCase(), is_pickup: isPickup,
  word1: `%${words[0]}%`, word2: `%${words[1] ?? nothing}%`, word3: `%${words[2] ?? nothing}%`,
  name, phone, email: email || null, address: isPickup ? null : address,
  postcode: isPickup ? null : text(body.postcode, 20) || null, notes: text(body.notes, 500) || null,
  call_id: callId,
});
