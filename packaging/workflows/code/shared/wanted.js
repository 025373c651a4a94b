// When a visit can be: reads date, time and party size, and refuses what the shop does not offer.
const people = text(body.party_size) === '' ? 1 : Number(body.party_size);
if (!Number.isInteger(people) || people < 1) return refuse('invalid_party_size');
if (people > Number(settings.max_party_size)) {
  return refuse('party_too_large', { max_party_size: Number(settings.max_party_size) });
}
const day = readDate(body.date);
if (!day) return refuse('invalid_date');
const date = day.toISODate();
const isTimed = text(body.time) !== '';
const minutes = isTimed ? readTime(body.time) : null;
if (isTimed && minutes === null) return refuse('invalid_time');
if (day < now.startOf('day') || (isTimed && at(day, minutes) < now)) {
  return refuse('in_the_past', { date, ...(isTimed ? { time: clock(minutes) } : {}) });
}
const earliest = now.plus({ minutes: Number(settings.min_notice_minutes) });
if (isTimed && at(day, minutes) < earliest) {
  return refuse('too_soon', { min_notice_minutes: Number(settings.min_notice_minutes) });
}
if (day > now.startOf('day').plus({ days: Number(settings.max_days_ahead) })) {
  return refuse('too_far_ahead', { max_days_ahead: Number(settings.max_days_ahead) });
}
const ranges = rangesOf(day);
if (ranges.length === 0) return refuse('closed', { date });
const duration = Number(settings.duration_minutes);
const slots = ranges.flatMap(([open, close]) => {
  const starts = [];
  for (let start = open; start + duration <= close; start += Number(settings.slot_minutes)) starts.push(start);
  return starts;
}).filter((start) => at(day, start) >= earliest);
const near = (starts, most) => [...starts]
  .sort((a, b) => Math.abs(a - (minutes ?? a)) - Math.abs(b - (minutes ?? b)))
  .slice(0, most).sort((a, b) => a - b).map(clock);
if (isTimed && !slots.includes(minutes)) {
  return refuse('outside_opening_hours', {
    date, time: clock(minutes), hours: writeRanges(ranges), alternatives: near(slots, 3),
  });
}
const room = {
  date, minutes, duration, slots, people,
  capacity: Number(settings.capacity_per_slot),
  counts_people: settings.capacity_counts === 'people',
};
