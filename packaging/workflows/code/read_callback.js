// @include request
// @include time
// @include hours
// @include contact
// @include reference
const name = text(body.name, 100);
if (name === '') return refuse('name_missing');
if (phone === '') return refuse('invalid_phone');
const isDated = text(body.date) !== '';
const day = isDated ? readDate(body.date) : null;
if (isDated && !day) return refuse('invalid_date');
const minutes = text(body.time) === '' ? null : readTime(body.time);
if (text(body.time) !== '' && minutes === null) return refuse('invalid_time');
const start = minutes === null ? null : at(day ?? now.startOf('day'), minutes);
const date = day?.toISODate() ?? start?.toISODate() ?? null;
if ((day && day < now.startOf('day')) || (start && start < now)) return refuse('in_the_past', { date });
if (date) {
  const ranges = rangesOf(day ?? now.startOf('day'));
  if (ranges.length === 0) return refuse('closed', { date });
  if (start && !ranges.some(([open, close]) => open <= minutes && minutes < close)) {
    return refuse('outside_opening_hours', { date, time: clock(minutes), hours: writeRanges(ranges) });
  }
}
return pass({
  reference: reference('C-'), name, phone, topic: text(body.topic, 300) || null,
  date, time: minutes === null ? null : clock(minutes), status: 'open',
  call_id: callId,
});
