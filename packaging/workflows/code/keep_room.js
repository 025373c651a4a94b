// The first who saved keeps the slot; who was later looks only at those before.
const { room } = $('Read request').first().json;
// @include room
// @include placing
const saved = $('Save').first().json;
const rows = $input.all().map((item) => item.json).filter((row) => row.reference);
const before = rows.filter((row) => row.id < saved.id);
const twin = saved.call_id ? before.find((row) => row.call_id === saved.call_id) : undefined;
if (twin) return [{ json: { go: false, saved_id: saved.id, answer: confirm(twin, 'booked') } }];
if (isFree(before, room.minutes)) return [{ json: { go: true, answer: confirm(saved, 'booked') } }];
return [{ json: { go: false, saved_id: saved.id, answer: full(before) } }];
