// What a visitor is told of a visit that found room or did not.
const full = (rows) => ({
  success: false, error: 'fully_booked', date: room.date, time: clock(room.minutes),
  alternatives: freeTimes(rows, 3),
});
const confirm = (row, outcome) => ({
  success: true, outcome,
  reference: row.reference, service: row.service, date: row.date, time: row.time,
  party_size: row.party_size, name: row.name, status: row.status,
});
