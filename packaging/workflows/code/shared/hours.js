// Opening hours as minutes of the day: [[540, 720], [840, 1080]]; none on a closed day.
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const rangesOf = (day) => {
  const date = day.toISODate();
  if ((settings.closed_dates ?? []).includes(date)) return [];
  const given = settings.special_hours?.[date] ?? settings.opening_hours?.[WEEKDAYS[day.weekday - 1]] ?? [];
  return [given].flat().join(',').split(',')
    .map((range) => /^\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*$/.exec(range))
    .filter(Boolean)
    .map(([, h1, m1, h2, m2]) => [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)])
    .map(([open, close]) => [open, close <= open ? close + 24 * 60 : close]);
};
const writeRanges = (ranges) => ranges.map(([open, close]) => `${clock(open)}–${clock(close)}`).join(', ');
