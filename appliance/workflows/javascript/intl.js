// The part of Intl that QuickJS lacks and Luxon and Date need: English, Gregorian, every IANA zone.
// Another locale falls back to en-US, as ECMA-402 lets an implementation do. Zone data is left to
// the Python side, which hands over `zoneTable`.
(function (zoneTable) {
  "use strict";
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August",
    "September", "October", "November", "December"];
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const CURRENCIES = { USD: "$", EUR: "€", GBP: "£", ILS: "₪", JPY: "¥", INR: "₹", CNY: "CN¥" };
  const two = (number) => String(number).padStart(2, "0");

  function offsetMs(zone, at) {
    if (zone === "UTC") return 0;
    const table = zoneTable(zone);
    if (!table) throw new RangeError(`Invalid time zone specified: ${zone}`);
    let index = 0;
    while (index < table.at.length && table.at[index] * 1000 <= at) index += 1;
    return table.offsets[index] * 60000;
  }

  function expandStyles(options) {
    const dates = {
      full: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
      long: { year: "numeric", month: "long", day: "numeric" },
      medium: { year: "numeric", month: "short", day: "numeric" },
      short: { year: "2-digit", month: "numeric", day: "numeric" },
    };
    const times = {
      full: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
      long: { hour: "numeric", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
      medium: { hour: "numeric", minute: "2-digit", second: "2-digit" },
      short: { hour: "numeric", minute: "2-digit" },
    };
    return { ...options, ...dates[options.dateStyle], ...times[options.timeStyle] };
  }

  function offsetName(minutes) {
    if (minutes === 0) return "UTC";
    const size = Math.abs(minutes);
    const rest = size % 60 ? `:${two(size % 60)}` : "";
    return `GMT${minutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${rest}`;
  }

  class DateTimeFormat {
    constructor(_locales, options = {}) {
      const chosen = expandStyles({ ...options });
      const asked = ["weekday", "year", "month", "day", "hour", "minute", "second", "timeZoneName", "era"];
      if (!asked.some((field) => chosen[field] !== undefined)) {
        Object.assign(chosen, { year: "numeric", month: "numeric", day: "numeric" });
      }
      chosen.timeZone = chosen.timeZone ?? "UTC";
      offsetMs(chosen.timeZone, 0);
      this.chosen = chosen;
      this.format = (date) => this.formatToParts(date).map((part) => part.value).join("");
    }

    resolvedOptions() {
      return { locale: "en-US", calendar: "gregory", numberingSystem: "latn",
        timeZone: this.chosen.timeZone };
    }

    formatToParts(date = Date.now()) {
      const at = Number(date);
      if (Number.isNaN(at)) throw new RangeError("Invalid time value");
      const shift = offsetMs(this.chosen.timeZone, at);
      return joinParts(this.chosen, new Date(at + shift), shift / 60000);
    }
  }

  function datePieces(chosen, local) {
    const pieces = [];
    const year = local.getUTCFullYear();
    const yearText = chosen.year === "2-digit" ? two(year % 100) : String(year < 1 ? 1 - year : year);
    const month = local.getUTCMonth();
    const isNamed = chosen.month === "long" || chosen.month === "short" || chosen.month === "narrow";
    const day = chosen.day === "2-digit" ? two(local.getUTCDate()) : String(local.getUTCDate());
    const literal = (value) => pieces.push({ type: "literal", value });
    const add = (type, value) => pieces.push({ type, value });
    if (chosen.weekday) {
      const name = DAYS[local.getUTCDay()];
      const short = chosen.weekday === "narrow" ? name[0] : name.slice(0, 3);
      add("weekday", chosen.weekday === "long" ? name : short);
    }
    if (chosen.month) {
      if (pieces.length) literal(", ");
      const name = MONTHS[month];
      const short = chosen.month === "narrow" ? name[0] : name.slice(0, 3);
      const number = chosen.month === "2-digit" ? two(month + 1) : String(month + 1);
      add("month", isNamed ? (chosen.month === "long" ? name : short) : number);
    }
    if (chosen.day) {
      if (pieces.length) literal(chosen.month ? (isNamed ? " " : "/") : ", ");
      add("day", day);
    }
    if (chosen.year) {
      if (pieces.length) literal(isNamed ? (chosen.day ? ", " : " ") : "/");
      add("year", yearText);
    }
    if (chosen.era) {
      if (pieces.length) literal(" ");
      add("era", year > 0 ? "AD" : "BC");
    }
    return pieces;
  }

  function timePieces(chosen, local, minutes) {
    const pieces = [];
    const is24 = chosen.hour12 === false || chosen.hourCycle === "h23" || chosen.hourCycle === "h24";
    const hours = local.getUTCHours();
    const shown = is24 ? hours : hours % 12 || 12;
    const add = (type, value) => {
      if (pieces.length) pieces.push({ type: "literal", value: ":" });
      pieces.push({ type, value });
    };
    if (chosen.hour) add("hour", chosen.hour === "2-digit" || is24 ? two(shown) : String(shown));
    if (chosen.minute) add("minute", two(local.getUTCMinutes()));
    if (chosen.second) add("second", two(local.getUTCSeconds()));
    if (chosen.hour && !is24) {
      pieces.push({ type: "literal", value: " " });
      pieces.push({ type: "dayPeriod", value: hours < 12 ? "AM" : "PM" });
    }
    if (chosen.timeZoneName) {
      if (pieces.length) pieces.push({ type: "literal", value: " " });
      pieces.push({ type: "timeZoneName", value: offsetName(minutes) });
    }
    return pieces;
  }

  function joinParts(chosen, local, minutes) {
    const date = datePieces(chosen, local);
    const time = timePieces(chosen, local, minutes);
    const between = date.length && time.length ? [{ type: "literal", value: ", " }] : [];
    return [...date, ...between, ...time];
  }

  class NumberFormat {
    constructor(_locales, options = {}) {
      const isMoney = options.style === "currency";
      const least = options.minimumFractionDigits ?? (isMoney && options.currency !== "JPY" ? 2 : 0);
      const most = options.maximumFractionDigits ?? Math.max(least, isMoney ? least : 3);
      this.chosen = { useGrouping: true, ...options, least, most };
      this.format = (number) => formatNumber(Number(number), this.chosen);
    }

    resolvedOptions() {
      return { locale: "en-US", numberingSystem: "latn", ...this.chosen };
    }
  }

  function formatNumber(number, chosen) {
    if (Number.isNaN(number)) return "NaN";
    if (!Number.isFinite(number)) return number < 0 ? "-∞" : "∞";
    const scaled = chosen.style === "percent" ? number * 100 : number;
    const most = chosen.style === "percent" ? Math.max(chosen.least, chosen.maximumFractionDigits ?? 0) : chosen.most;
    let [whole, fraction = ""] = Math.abs(scaled).toFixed(most).split(".");
    while (fraction.length > chosen.least && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
    whole = whole.padStart(chosen.minimumIntegerDigits ?? 1, "0");
    if (chosen.useGrouping) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    const text = fraction ? `${whole}.${fraction}` : whole;
    const sign = scaled < 0 ? "-" : "";
    if (chosen.style === "percent") return `${sign}${text}%`;
    if (chosen.style !== "currency") return sign + text;
    const code = String(chosen.currency).toUpperCase();
    return sign + (CURRENCIES[code] ?? `${code} `) + text;
  }

  class PluralRules {
    select(number) { return number === 1 ? "one" : "other"; }
  }

  globalThis.Intl = { DateTimeFormat, NumberFormat, PluralRules };
  const day = { year: "numeric", month: "numeric", day: "numeric" };
  const time = { hour: "numeric", minute: "2-digit", second: "2-digit" };
  const withDefaults = (defaults, keys) => function (locales, options = {}) {
    const isAsked = keys.some((key) => options[key] !== undefined);
    return new DateTimeFormat(locales, isAsked ? options : { ...defaults, ...options }).format(this);
  };
  const dateKeys = ["weekday", "year", "month", "day", "dateStyle"];
  const timeKeys = ["hour", "minute", "second", "timeStyle"];
  const methods = {
    toLocaleString: withDefaults({ ...day, ...time }, [...dateKeys, ...timeKeys]),
    toLocaleDateString: withDefaults(day, dateKeys),
    toLocaleTimeString: withDefaults(time, timeKeys),
  };
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(Date.prototype, name, { value, writable: true, configurable: true });
  }
  Object.defineProperty(Number.prototype, "toLocaleString", {
    value: function (locales, options) { return new NumberFormat(locales, options).format(this); },
    writable: true, configurable: true,
  });
})
