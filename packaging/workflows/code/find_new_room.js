const { room, booking } = $('Read request').first().json;
// @include room
// @include placing
const all = $input.all().map((item) => item.json).filter((row) => row.reference);
const own = all.filter((row) => row.reference === booking.reference);
const rows = all.filter((row) => row.reference !== booking.reference);
const same = own.find((row) => row.time === booking.time && Number(row.party_size) === Number(booking.party_size));
if (same) return [{ json: { go: false, answer: confirm(same, 'moved') } }];
if (!isFree(rows, room.minutes)) return [{ json: { go: false, answer: full(rows) } }];
return [{ json: { go: true, ...booking } }];
