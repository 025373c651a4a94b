// The shop's time. Minutes of a day may pass 24 * 60 where a shop closes after midnight.
const wantedZone = body._context?.time_zone ?? 'UTC';
const zone = DateTime.now().setZone(wantedZone).isValid ? wantedZone : 'UTC';
const now = DateTime.now().setZone(zone);
const clock = (total) =>
  `${String(Math.floor(total / 60) % 24).padStart(2, '0')}:${String(total % 60).padStart(2, '0')}`;
const minutesOf = (time) => {
  const [hour, minute] = String(time).split(':').map(Number);
  return hour * 60 + minute;
};
const readDate = (given) => {
  const word = text(given, 40).toLowerCase();
  if (['today', 'היום'].includes(word)) return now.startOf('day');
  if (['tomorrow', 'מחר'].includes(word)) return now.plus({ days: 1 }).startOf('day');
  const day = /^\d{4}-\d{2}-\d{2}$/.test(word) ? DateTime.fromISO(word, { zone }) : null;
  return day && day.isValid ? day : null;
};
const readTime = (given) => {
  const match = /^(\d{1,2})(?:[:.](\d{2}))?\s*([ap]\.?m\.?)?$/i.exec(text(given, 20));
  if (!match) return null;
  let hour = Number(match[1]);
  const minute = Number(match[2] ?? 0);
  const half = (match[3] ?? '').toLowerCase();
  if (half && (hour < 1 || hour > 12)) return null;
  if (half.startsWith('p') && hour < 12) hour += 12;
  if (half.startsWith('a') && hour === 12) hour = 0;
  return hour < 24 && minute < 60 ? hour * 60 + minute : null;
};
const at = (day, minutes) => day.set({ hour: Math.floor(minutes / 60), minute: minutes % 60 });
const local = (moment) => moment.toISO({ suppressMilliseconds: true });
