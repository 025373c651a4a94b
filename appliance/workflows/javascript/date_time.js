// What the Date & Time node does to dates, with Luxon. Evaluates to one function from a list of tasks to a list of
// { value } or { error }; reading the node's parameters is left to appliance/workflows/nodes/date_time.py.
((DateTime, Duration) => {
  "use strict";

  function fail(message) {
    throw new Error(message);
  }

  /** Reads ISO, SQL, RFC 2822 and what Date knows; whole numbers are seconds or, from 12 digits on, milliseconds. */
  function read(value, zone, format) {
    const text = String(value ?? "").trim();
    if (text === "") return DateTime.fromMillis(0, { zone });
    const options = { zone, setZone: false };
    let moment;
    if (format) {
      moment = DateTime.fromFormat(text, format, options);
      if (!moment.isValid) fail(`${JSON.stringify(text)} is no date of the format ${JSON.stringify(format)}`);
      return moment;
    }
    if (/^-?\d{9,}(\.\d+)?$/.test(text)) {
      const number = Number(text);
      return Math.abs(number) < 1e11 ? DateTime.fromSeconds(number, options) : DateTime.fromMillis(number, options);
    }
    for (const parse of ["fromISO", "fromSQL", "fromRFC2822", "fromHTTP"]) {
      moment = DateTime[parse](text, options);
      if (moment.isValid) return moment;
    }
    const parsed = Date.parse(text);
    if (Number.isNaN(parsed)) fail(`${JSON.stringify(text)} is no date`);
    return DateTime.fromMillis(parsed, options);
  }

  /** The formats of Moment, which the first version of the node takes, token by token. */
  const MOMENT = {
    YYYY: (d) => d.toFormat("yyyy"), YY: (d) => d.toFormat("yy"), Y: (d) => String(d.year),
    Q: (d) => String(d.quarter), Qo: (d) => ordinal(d.quarter),
    MMMM: (d) => d.toFormat("LLLL"), MMM: (d) => d.toFormat("LLL"), MM: (d) => d.toFormat("LL"),
    M: (d) => String(d.month), Mo: (d) => ordinal(d.month),
    DDDD: (d) => d.toFormat("ooo"), DDD: (d) => String(d.ordinal), DDDo: (d) => ordinal(d.ordinal),
    DD: (d) => d.toFormat("dd"), D: (d) => String(d.day), Do: (d) => ordinal(d.day),
    dddd: (d) => d.toFormat("cccc"), ddd: (d) => d.toFormat("ccc"), dd: (d) => d.toFormat("ccc").slice(0, 2),
    d: (d) => String(d.weekday % 7), do: (d) => ordinal(d.weekday % 7), e: (d) => String(d.weekday % 7),
    E: (d) => String(d.weekday),
    WW: (d) => d.toFormat("WW"), W: (d) => String(d.weekNumber), Wo: (d) => ordinal(d.weekNumber),
    GGGG: (d) => String(d.weekYear), GG: (d) => d.toFormat("kk"),
    HH: (d) => d.toFormat("HH"), H: (d) => String(d.hour), hh: (d) => d.toFormat("hh"), h: (d) => d.toFormat("h"),
    kk: (d) => String(d.hour || 24).padStart(2, "0"), k: (d) => String(d.hour || 24),
    mm: (d) => d.toFormat("mm"), m: (d) => String(d.minute), ss: (d) => d.toFormat("ss"), s: (d) => String(d.second),
    SSS: (d) => d.toFormat("SSS"), SS: (d) => d.toFormat("SSS").slice(0, 2), S: (d) => d.toFormat("SSS").slice(0, 1),
    A: (d) => (d.hour < 12 ? "AM" : "PM"), a: (d) => (d.hour < 12 ? "am" : "pm"),
    ZZ: (d) => d.toFormat("ZZZ"), Z: (d) => d.toFormat("ZZ"),
    X: (d) => String(Math.floor(d.toSeconds())), x: (d) => String(d.toMillis()),
    LTS: (d) => d.toFormat("h:mm:ss a"), LT: (d) => d.toFormat("h:mm a"), LLLL: (d) => d.toFormat("cccc, LLLL d, yyyy h:mm a"),
    LLL: (d) => d.toFormat("LLLL d, yyyy h:mm a"), LL: (d) => d.toFormat("LLLL d, yyyy"), L: (d) => d.toFormat("LL/dd/yyyy"),
    ll: (d) => d.toFormat("LLL d, yyyy"), l: (d) => d.toFormat("L/d/yyyy"),
  };
  const TOKEN = new RegExp(
    `\\[[^\\]]*\\]|${Object.keys(MOMENT).sort((a, b) => b.length - a.length).join("|")}`, "g",
  );

  function ordinal(number) {
    const teens = number % 100 >= 11 && number % 100 <= 13;
    return number + ((!teens && { 1: "st", 2: "nd", 3: "rd" }[number % 10]) || "th");
  }

  function formatAsMoment(moment, format) {
    return format.replace(TOKEN, (token) => (token[0] === "[" ? token.slice(1, -1) : MOMENT[token](moment)));
  }

  /** Moment's tokens for reading a date, as Luxon names them. */
  function readingFormat(format) {
    const names = { YYYY: "yyyy", YY: "yy", DD: "dd", D: "d", DDDD: "ooo", DDD: "o", dddd: "cccc", ddd: "ccc", A: "a",
      Z: "ZZ", ZZ: "ZZZ", X: "X", x: "x" };
    return format.replace(TOKEN, (token) => (token[0] === "[" ? `'${token.slice(1, -1)}'` : (names[token] ?? token)));
  }

  const PARTS = { week: "weekNumber" };

  const OPERATIONS = {
    getCurrentDate(task) {
      const now = DateTime.now().setZone(task.zone);
      return (task.includeTime ? now : now.startOf("day")).toString();
    },
    addToDate: (task) => read(task.date, task.zone).plus({ [task.unit]: task.duration }).toString(),
    subtractFromDate: (task) => read(task.date, task.zone).minus({ [task.unit]: task.duration }).toString(),
    formatDate: (task) => read(task.date, task.zone, task.fromFormat).toFormat(task.format),
    roundDate(task) {
      const moment = read(task.date, task.zone);
      if (task.mode === "roundDown") return moment.startOf(task.unit).toString();
      return moment.plus({ [task.unit]: 1 }).startOf(task.unit).toString();
    },
    getTimeBetweenDates(task) {
      const span = read(task.end, task.zone).diff(read(task.start, task.zone), task.units);
      return task.isText ? span.toString() : span.toObject();
    },
    extractDate: (task) => read(task.date, task.zone).get(PARTS[task.part] ?? task.part),
    formatAsMoment(task) {
      const format = task.fromFormat && readingFormat(task.fromFormat);
      return formatAsMoment(read(task.date, task.fromZone, format).setZone(task.zone), task.format);
    },
    calculateAsMoment(task) {
      const format = task.fromFormat && readingFormat(task.fromFormat);
      if (!format && /^\d*$/.test(String(task.date ?? "").trim())) fail(`${JSON.stringify(task.date)} is no date`);
      const moment = read(task.date, task.zone, format);
      const span = Duration.fromObject({ [task.unit]: task.duration });
      return (task.isAdded ? moment.plus(span) : moment.minus(span)).toUTC().toISO();
    },
  };

  return (tasks) =>
    tasks.map((task) => {
      try {
        const value = OPERATIONS[task.operation](task);
        if (value === "Invalid DateTime") fail("the result is no date; check the time zone and the format");
        return { value };
      } catch (error) {
        return { error: String(error.message) };
      }
    });
})
