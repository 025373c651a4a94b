// @include request
// Accepts "12345", "#12345", " order no. 12345 ", "ORD-12345" and plain numbers.
const tokens = text(body.order_number, 100).toUpperCase().match(/[A-Z0-9][A-Z0-9-]*/g) ?? [];
const number = tokens.find((token) => /\d/.test(token)) ?? '';
if (number === '') return refuse('invalid_order_number');
return pass({ order_number: number, lower_number: number.toLowerCase() });
