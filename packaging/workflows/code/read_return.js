// @include request
const tokens = text(body.order_number, 100).toUpperCase().match(/[A-Z0-9][A-Z0-9-]*/g) ?? [];
const number = tokens.find((token) => /\d/.test(token)) ?? '';
if (number === '') return refuse('invalid_order_number');
if (text(body.reason) === '') return refuse('reason_missing');
if (text(body.contact) === '') return refuse('contact_missing');
return pass({ order_number: number, lower_number: number.toLowerCase() });
