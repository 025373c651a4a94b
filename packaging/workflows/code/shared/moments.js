// A moment in the shop's time, as ISO 8601 with its offset; without Luxon, which is slow to load.
const clockIn = (timeZone) => new Intl.DateTimeFormat('en-US', {
  timeZone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});
let shopClock;
try {
  shopClock = clockIn(body._context?.time_zone ?? 'UTC');
} catch {
  shopClock = clockIn('UTC');
}
const local = (value) => {
  const moment = new Date(value ?? NaN);
  if (Number.isNaN(moment.getTime())) return null;
  const { year, month, day, hour, minute, second } = Object.fromEntries(
    shopClock.formatToParts(moment).map((part) => [part.type, part.value]),
  );
  const written = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const offset = Math.round((Date.parse(`${written}Z`) - moment.getTime()) / 60000);
  const sign = offset < 0 ? '-' : '+';
  const two = (number) => String(Math.floor(number)).padStart(2, '0');
  return `${written}${sign}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
};
