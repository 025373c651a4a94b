const { room } = $('Read request').first().json;
// @include room
const rows = $input.all().map((item) => item.json).filter((row) => row.reference);
const found = { date: room.date, party_size: room.people };
if (room.minutes !== null) {
  const isOpen = isFree(rows, room.minutes);
  const near = freeTimes(rows, 3);
  const told = { success: true, outcome: isOpen ? 'free' : near.length ? 'taken' : 'no_times', ...found, time: clock(room.minutes) };
  return [{ json: isOpen ? told : { ...told, alternatives: near } }];
}
const times = freeTimes(rows, 8);
return [{ json: { success: true, outcome: times.length ? 'times' : 'no_times', ...found, free_times: times } }];
