// @include request
// @include time
// @include hours
// @include contact
// @include reference
const name = text(body.name, 100);
if (name === '') return refuse('name_missing');
if (text(body.time) === '') return refuse('invalid_time');
// @include wanted
return pass({
  room,
  booking: {
    reference: reference('B-'),
    service: text(body.service, 100) || settings.default_service || null,
    date, time: clock(minutes), party_size: people,
    name, phone: phone || null, email: email || null, notes: text(body.notes, 500) || null,
    status: 'confirmed', call_id: callId,
  },
});
