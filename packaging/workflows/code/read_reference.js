// @include request
const found = /([A-Z])[\s-]*([A-Z0-9]{7})\b/.exec(text(body.reference, 60).toUpperCase());
if (!found) return refuse('invalid_reference');
return pass({ reference: `${found[1]}-${found[2]}` });
