// @include request
// @include time
const asked = $('Read request').first().json.reference;
const rows = $input.all().map((item) => item.json).filter((row) => row.reference);
const row = rows.at(-1);
if (!row) return refuse('not_found', { reference: asked });
const told = { reference: row.reference, service: row.service, date: row.date, time: row.time, name: row.name };
if (row.status === 'cancelled') return answer('already_cancelled', told);
const start = at(DateTime.fromISO(row.date, { zone }), minutesOf(row.time));
if (start < now) return refuse('in_the_past', told);
if (start < now.plus({ minutes: Number(settings.cancel_notice_minutes) })) {
  return refuse('too_late', { ...told, cancel_notice_minutes: Number(settings.cancel_notice_minutes) });
}
return pass({ reference: row.reference, told });
