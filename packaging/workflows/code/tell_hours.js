// @include request
// @include time
// @include hours
const asked = text(body.date);
const day = asked === '' ? now.startOf('day') : readDate(asked);
if (!day) return [{ json: { success: false, error: 'invalid_date' } }];
const minutes = text(body.time) === '' ? null : readTime(body.time);
if (text(body.time) !== '' && minutes === null) return [{ json: { success: false, error: 'invalid_time' } }];
const hours = writeRanges(rangesOf(day));
const isWithin = (date, at) => rangesOf(date).some(([open, close]) => open <= at && at < close)
  || rangesOf(date.minus({ days: 1 })).some(([, close]) => at < close - 24 * 60);
const opensNext = () => {
  for (let ahead = 0; ahead < 60; ahead += 1) {
    const next = now.startOf('day').plus({ days: ahead });
    const open = rangesOf(next).map(([start]) => at(next, start)).find((moment) => moment > now);
    if (open) return local(open);
  }
  return null;
};
const found = { date: day.toISODate(), hours: hours || null };
if (asked !== '' && minutes !== null) {
  const isOpen = isWithin(day, minutes);
  return [{ json: { success: true, outcome: isOpen ? 'open_at' : hours ? 'closed_at' : 'closed_on', ...found, time: clock(minutes) } }];
}
if (asked !== '') return [{ json: { success: true, outcome: hours ? 'open_on' : 'closed_on', ...found } }];
const isOpen = isWithin(day, now.hour * 60 + now.minute);
return [{ json: {
  success: true, outcome: isOpen ? 'open_now' : 'closed_now', ...found,
  next_opening: isOpen ? null : opensNext(),
  week: WEEKDAYS.map((name, index) => {
    const date = now.startOf('week').plus({ days: index });
    return { day: name, hours: writeRanges(rangesOf(date < now.startOf('day') ? date.plus({ days: 7 }) : date)) || 'closed' };
  }),
} }];
