// @include request
const asked = text(body.postcode, 100);
if (asked === '' || !/[\p{L}\p{N}]/u.test(asked)) return refuse('invalid_postcode');
const code = asked.toUpperCase().replace(/[\s-]+/g, '');
return pass({ asked, code });
