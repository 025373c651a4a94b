// The first who saved keeps the slot; the visit's own earlier row does not stand in its way.
const { room } = $('Read request').first().json;
// @include room
// @include placing
const saved = $('Save').first().json;
const before = $input.all().map((item) => item.json)
  .filter((row) => row.reference && row.reference !== saved.reference && row.id < saved.id);
if (isFree(before, room.minutes)) {
  return [{ json: { go: true, saved_id: saved.id, reference: saved.reference, answer: confirm(saved, 'moved') } }];
}
return [{ json: { go: false, saved_id: saved.id, answer: full(before) } }];
