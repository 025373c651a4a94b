// Whether a visit finds room among others. The fullest moment within it counts, not the sum of all
// who come and go meanwhile.
const clock = (total) =>
  `${String(Math.floor(total / 60) % 24).padStart(2, '0')}:${String(total % 60).padStart(2, '0')}`;
const minutesOf = (time) => {
  const [hour, minute] = String(time).split(':').map(Number);
  return hour * 60 + minute;
};
const isFree = (rows, start) => {
  const weigh = (size) => (room.counts_people ? Number(size ?? 1) : 1);
  const others = rows.map((row) => ({ from: minutesOf(row.time), weight: weigh(row.party_size) }));
  const end = start + room.duration;
  const moments = [start, ...others.map((row) => row.from).filter((from) => from > start && from < end)];
  const taken = moments.map((moment) => others
    .filter((row) => row.from <= moment && moment < row.from + room.duration)
    .reduce((sum, row) => sum + row.weight, 0));
  return Math.max(...taken) + weigh(room.people) <= room.capacity;
};
const freeTimes = (rows, most) => room.slots
  .filter((start) => isFree(rows, start))
  .sort((a, b) => Math.abs(a - (room.minutes ?? a)) - Math.abs(b - (room.minutes ?? b)))
  .slice(0, most).sort((a, b) => a - b).map(clock);
