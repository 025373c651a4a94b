const { room, booking } = $('Read request').first().json;
// @include room
// @include placing
const rows = $input.all().map((item) => item.json).filter((row) => row.reference);
const repeated = booking.call_id ? rows.find((row) => row.call_id === booking.call_id) : undefined;
if (repeated) return [{ json: { go: false, answer: confirm(repeated, 'booked') } }];
if (!isFree(rows, room.minutes)) return [{ json: { go: false, answer: full(rows) } }];
return [{ json: { go: true, ...booking } }];
