// @include request
// @include time
// @include hours
const found = /([A-Z])[\s-]*([A-Z0-9]{7})\b/.exec(text(body.reference, 60).toUpperCase());
if (!found) return refuse('invalid_reference');
const reference = `${found[1]}-${found[2]}`;
if (text(body.time) === '') return refuse('invalid_time');
const row = $input.all().map((item) => item.json).filter((item) => item.reference === reference).at(-1);
if (!row || row.status === 'cancelled') return refuse('not_found', { reference });
const started = at(DateTime.fromISO(row.date, { zone }), minutesOf(row.time));
if (started < now) return refuse('already_over', { reference, date: row.date, time: row.time });
body.party_size = text(body.party_size) === '' ? row.party_size : body.party_size;
// @include wanted
const { id, createdAt, updatedAt, ...kept } = row;
return pass({
  room, booking: { ...kept, date, time: clock(minutes), party_size: people, call_id: callId },
});
