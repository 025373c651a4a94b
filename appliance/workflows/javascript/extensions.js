// n8n's data extensions: what `"x".isEmpty()` and its like mean in expressions, by the type they stand on.
// Evaluates to a function that makes `extend(value, name, arguments)`; who calls it is decided by extension_calls.py.
(function (tools) {
  "use strict";
  const { WorkflowError, luxon, bytes, digest } = tools;
  const fail = (message) => {
    throw new WorkflowError(message);
  };
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const isMoment = (value) => luxon.isLoaded() && luxon().DateTime.isDateTime(value);
  const nothing = () => undefined;

  function isSame(left, right) {
    if (left === right) return true;
    if (left === null || right === null || typeof left !== "object" || typeof right !== "object") return false;
    if (Array.isArray(left) !== Array.isArray(right)) return false;
    const names = Object.keys(left);
    return names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]));
  }

  const holds = (list, value) => list.some((other) => isSame(other, value));
  const isBlank = (value) => value === null || value === undefined || value === "" || value === "nil" ||
    (typeof value === "object" && !(value instanceof Date) && !isMoment(value) && Object.keys(value).length === 0);

  function compacted(value) {
    if (Array.isArray(value)) return value.filter((entry) => !isBlank(entry)).map(compacted);
    if (!isObject(value) || value instanceof Date || isMoment(value)) return value;
    return Object.fromEntries(
      Object.entries(value).filter(([, entry]) => !isBlank(entry)).map(([name, entry]) => [name, compacted(entry)]),
    );
  }

  // ---- texts ------------------------------------------------------------------------------

  const HOST = "(?:localhost|\\d{1,3}(?:\\.\\d{1,3}){3}|(?:[a-z0-9_-]+\\.)+[a-z]{2,})";
  const PLACE = `${HOST}(?::\\d+)?(?:[/?#]\\S*)?`;
  const IS_DOMAIN = new RegExp(`^${PLACE}$`, "i");
  const IS_URL = new RegExp(`^(?:https?|ftp)://${PLACE}$`, "i");
  const A_URL = new RegExp(`(?:https?|ftp)://${PLACE}\\S*`, "i");
  const HOST_OF = new RegExp(`^(?:[a-z][a-z0-9+.-]*://)?(?:[^\\s/@]+@)?(${HOST})(?::\\d+)?(?:[/?#]\\S*)?$`, "i");
  const PATH_OF = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#]+([^?#]*)/i;
  const MAIL_HOST = "(?:[a-z0-9-]+\\.)+[a-z]{2,}|\\[\\d{1,3}(?:\\.\\d{1,3}){3}\\]";
  const IS_EMAIL = new RegExp(`^(?:[^\\s<>()[\\]\\\\,;:@"]+|"[^"]+")@(?:${MAIL_HOST})$`, "i");
  const AN_EMAIL = /[a-z0-9._%+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,}/i;
  const SMALL_WORDS = new Set(("a an and as at because but by en for if in neither nor of on only or over per so some " +
    "than that the to up upon v versus via vs when with without yet").split(" "));
  const LETTERS = {
    "Æ": "AE", "æ": "ae", "Ø": "O", "ø": "o", "ß": "ss", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ð": "D", "ð": "d",
    "Þ": "Th", "þ": "th", "Œ": "OE", "œ": "oe", "ı": "i", "«": "<<", "»": ">>", "“": '"', "”": '"', "‘": "'", "’": "'",
    "–": "-", "—": "--", "…": "...", "€": "EU", "£": "PS", "א": "?", "ב": "b", "ג": "g", "ד": "d", "ה": "h", "ו": "v", "ז": "z",
    "ח": "kh", "ט": "t", "י": "y", "כ": "k", "ל": "l", "מ": "m", "נ": "n", "ס": "s", "ע": "`", "פ": "p", "צ": "ts",
    "ק": "q", "ר": "r", "ש": "sh", "ת": "t", "ם": "m", "ן": "n", "ץ": "ts", "ף": "p", "ך": "k",
  };

  function titled(text) {
    const words = text.split(/(\s+)/);
    const last = words.length - 1;
    return words.map((word, index) => {
      if (/\p{Ll}\p{Lu}|\.\p{L}/u.test(word)) return word;
      const isSmall = SMALL_WORDS.has(word.toLowerCase()) || (word.endsWith(".") && SMALL_WORDS.has(word.slice(0, -1)));
      if (isSmall && index > 0 && index < last) return word;
      return word.replace(/(^|-)([^\p{L}\p{N}-]*)(\p{L})/gu, (_, dash, before, letter) => dash + before + letter.toUpperCase());
    }).join("");
  }

  const unmarked = (text) => text
    .replace(/^```[^\n]*\n?/gm, "")
    .replace(/!\[[^\]\n]*\]\([^)\n]*\)/g, "")
    .replace(/\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])/g, "$1")
    .replace(/<\/?[a-z][^>\n]*>/gi, "")
    .replace(/^\s{0,3}#{1,6}\s+/gm, "")
    .replace(/^(?:\s*>)+/gm, (marks) => marks.replaceAll(">", ""))
    .replace(/^\s*(?:[-*+]|\d+\.)\s+/gm, "")
    .replace(/^=+$/gm, "")
    .replace(/(?<!\w)(\*\*\*|___|\*\*|__|\*|_|~~|`)(?=[^\s*_~`])([^\n]*?[^\s*_~`])\1(?!\w)/g, "$2");

  function number(text, read, kind) {
    const value = read(text);
    return Number.isNaN(value) ? fail(`'${text}' cannot be converted to ${kind}`) : value;
  }

  function moment(text, format) {
    const { DateTime } = luxon();
    if (["ms", "s", "us", "excel"].includes(format)) return fromNumber(Number(text), format);
    const read = format
      ? [DateTime.fromFormat(text, format)]
      : [DateTime.fromISO(text, { setZone: true }), DateTime.fromHTTP(text, { setZone: true }),
        DateTime.fromRFC2822(text, { setZone: true }), DateTime.fromSQL(text, { setZone: true }),
        DateTime.fromJSDate(new Date(text))];
    return read.find((found) => found.isValid) ?? fail(`'${text}' cannot be converted to a DateTime`);
  }

  function fromNumber(value, format = "ms") {
    const { DateTime } = luxon();
    const DAYS_TO_1970 = 25569;
    const inMs = { ms: 1, s: 1000, us: 0.001, excel: 86400000 }[format] ??
      fail(`toDateTime() knows the formats 'ms', 's', 'us' and 'excel', not '${format}'`);
    return DateTime.fromMillis(Math.trunc((format === "excel" ? value - DAYS_TO_1970 : value) * inMs));
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return fail(`'${text.slice(0, 100)}' is no JSON; it needs double quotes`);
    }
  }

  const toInt = (text, radix) => number(text, (given) => parseInt(given, radix), "a whole number");
  const toFloat = (text) => number(text, parseFloat, "a number");

  const string = {
    hash(text, algorithm = "md5") {
      const name = algorithm.toLowerCase();
      return name === "base64" ? bytes.toBase64(bytes.encode(text)) : digest(name, text);
    },
    removeMarkdown: unmarked,
    removeTags: (text) => text.replace(/<[^>]*>/g, ""),
    toDate(text) {
      const date = new Date(text);
      return Number.isNaN(date.getTime()) ? fail(`'${text}' cannot be converted to a date`) : date;
    },
    toDateTime: moment,
    toBoolean: (text) => !["false", "0", "no", ""].includes(text.toLowerCase()),
    toNumber: (text) => number(text, Number, "a number"),
    toDecimalNumber: toFloat,
    toFloat,
    toInt,
    toWholeNumber: toInt,
    toSentenceCase: (text) =>
      text.toLowerCase().replace(/(^|[.!?]\s+)(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase()),
    toSnakeCase: (text) => text.toLowerCase().replace(/[ -]/g, "_").replace(/[^\p{L}\p{N}\s_]/gu, ""),
    toTitleCase: titled,
    urlDecode: (text, isWhole) => (isWhole ? decodeURI(text) : decodeURIComponent(text)),
    urlEncode: (text, isWhole) => (isWhole ? encodeURI(text) : encodeURIComponent(text)),
    quote: (text, mark = '"') => mark + text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`) + mark,
    replaceSpecialChars: (text) => [...text].map((letter) => LETTERS[letter] ?? letter).join("")
      .normalize("NFD").replace(/\p{M}/gu, ""),
    length: (text) => text.length,
    isDomain: (text) => IS_DOMAIN.test(text),
    isEmail: (text) => IS_EMAIL.test(text),
    isNumeric: (text) => text !== "" && !/\s/.test(text) && !Number.isNaN(Number(text)),
    isUrl: (text) => IS_URL.test(text),
    isEmpty: (text) => text === "",
    isNotEmpty: (text) => text !== "",
    toJsonString: (text) => JSON.stringify(text),
    extractEmail: (text) => AN_EMAIL.exec(text)?.[0],
    extractDomain: (text) => HOST_OF.exec(text)?.[1],
    extractUrl: (text) => A_URL.exec(text)?.[0],
    extractUrlPath(text) {
      const found = PATH_OF.exec(text);
      return found ? encodeURI(found[1] || "/").replaceAll("%25", "%") : undefined;
    },
    parseJson: parsed,
    base64Encode: (text) => bytes.toBase64(bytes.encode(text)),
    base64Decode: (text) => bytes.decode(bytes.fromBase64(text)),
  };

  // ---- numbers and booleans ---------------------------------------------------------------

  const whole = (value, name) => (Number.isInteger(value) ? value : fail(`${name}() needs a whole number, not ${value}`));
  const round = (value, places = 0) => Number(value.toFixed(places));

  const numeric = {
    ceil: Math.ceil,
    floor: Math.floor,
    abs: Math.abs,
    round,
    format: (value, locale = "en-US", options = {}) => new Intl.NumberFormat(locale, options).format(value),
    isInteger: Number.isInteger,
    isEven: (value) => whole(value, "isEven") % 2 === 0,
    isOdd: (value) => Math.abs(whole(value, "isOdd")) % 2 === 1,
    toBoolean: (value) => value !== 0,
    toInt: (value) => round(value),
    toFloat: (value) => value,
    toDateTime: fromNumber,
    isEmpty: (value) => !value,
    isNotEmpty: (value) => Boolean(value),
  };
  const boolean = {
    toBoolean: (value) => value,
    toInt: Number,
    toFloat: Number,
    toNumber: Number,
    toDateTime: nothing,
    isEmpty: (value) => !value,
    isNotEmpty: (value) => value,
  };

  // ---- lists ------------------------------------------------------------------------------

  const list = (value, name) => (Array.isArray(value) ? value : fail(`${name}() needs a list, e.g. .${name}([1, 2])`));

  function numbers(values, name) {
    if (!values.every((value) => typeof value === "number")) fail(`${name}() needs a list of numbers alone`);
    return values;
  }

  function unique(values, ...names) {
    const part = (value) => (names.length > 0 && isObject(value) ? names.map((name) => value[name]) : value);
    const parts = [];
    return values.filter((value) => !holds(parts, part(value)) && parts.push(part(value)));
  }

  // Fields of the first win; entries stand side by side, and a pair that is not of objects is passed over.
  function merged(values, others) {
    const made = {};
    for (let index = 0; index < values.length; index += 1) {
      const pair = index in others ? [values[index], others[index]] : [values[index]];
      if (pair.every(isObject)) for (const entry of pair) Object.assign(made, { ...entry, ...made });
    }
    return made;
  }

  function plucked(values, ...names) {
    if (names.length === 0) return values;
    return values.flatMap((value) => {
      if (!isObject(value)) return [];
      const found = names.filter((name) => name in value).map((name) => value[name]);
      return found.length === 0 ? [] : [found.length === 1 ? found[0] : found];
    });
  }

  const sum = (values, name = "sum") => numbers(values, name).reduce((total, value) => total + value, 0);

  const array = {
    removeDuplicates: unique,
    unique,
    first: (values) => values[0],
    last: (values) => values.at(-1),
    reverse: (values) => [...values].reverse(),
    pluck: plucked,
    randomItem: (values) => values[Math.floor(Math.random() * values.length)],
    sum: (values) => sum(values),
    min: (values) => Math.min(...numbers(values, "min")),
    max: (values) => Math.max(...numbers(values, "max")),
    average: (values) => (values.length === 0 ? 0 : sum(values, "average") / values.length),
    isEmpty: (values) => values.length === 0,
    isNotEmpty: (values) => values.length > 0,
    compact: compacted,
    smartJoin(values, key, name) {
      if (!key || !name) fail('smartJoin() needs two names, e.g. .smartJoin("name", "value")');
      const complete = values.filter((value) => isObject(value) && key in value && name in value);
      return Object.fromEntries(complete.map((value) => [value[key], value[name]]));
    },
    chunk(values, length) {
      if (typeof length !== "number" || !(length >= 1)) fail("chunk() needs a length of at least 1, e.g. .chunk(5)");
      return Array.from({ length: Math.ceil(values.length / length) },
        (_, index) => values.slice(index * length, (index + 1) * length));
    },
    renameKeys(values, ...names) {
      if (names.length === 0 || names.length % 2) fail('renameKeys() needs pairs, e.g. .renameKeys("name", "title")');
      return values.map((value) => {
        if (!isObject(value)) return value;
        const made = { ...value };
        for (let index = 0; index < names.length; index += 2) {
          if (!(names[index] in made)) continue;
          const moved = made[names[index]];
          delete made[names[index]];
          made[names[index + 1]] = moved;
        }
        return made;
      });
    },
    merge: (values, others) => merged(values, others === undefined ? [] : list(others, "merge")),
    mergeIntoObject: (values, others) => merged(values, list(others, "mergeIntoObject")),
    union: (values, others) => unique([...values, ...list(others, "union")]),
    difference: (values, others) => unique(values.filter((value) => !holds(list(others, "difference"), value))),
    intersection: (values, others) => unique(values.filter((value) => holds(list(others, "intersection"), value))),
    append: (values, ...more) => [...values, ...more],
    toJsonString: (values) => JSON.stringify(values),
    toInt: nothing,
    toFloat: nothing,
    toBoolean: nothing,
    toDateTime: nothing,
  };

  // ---- objects ----------------------------------------------------------------------------

  function filtered(value, wanted, name, isKept) {
    if (typeof wanted !== "string" || wanted === "") fail(`${name}() needs a text that is not empty`);
    const has = ([, entry]) => typeof entry === "string" && entry.includes(wanted);
    return Object.fromEntries(Object.entries(value).filter((entry) => has(entry) === isKept));
  }

  const formEncoded = (text) => encodeURIComponent(text).replaceAll("%20", "+");

  const object = {
    isEmpty: (value) => Object.keys(value).length === 0,
    isNotEmpty: (value) => Object.keys(value).length > 0,
    hasField: (value, name) => name in value,
    removeField(value, name) {
      const { [name]: _, ...others } = value;
      return others;
    },
    removeFieldsContaining: (value, wanted) => filtered(value, wanted, "removeFieldsContaining", false),
    keepFieldsContaining: (value, wanted) => filtered(value, wanted, "keepFieldsContaining", true),
    compact: compacted,
    urlEncode: (value) => Object.entries(value)
      .map(([name, entry]) => `${formEncoded(name)}=${formEncoded(String(entry))}`).join("&"),
    keys: Object.keys,
    values: Object.values,
    toJsonString: (value) => JSON.stringify(value),
    toInt: nothing,
    toFloat: nothing,
    toBoolean: nothing,
    toDateTime: nothing,
  };

  // ---- dates: Luxon's DateTime, or JavaScript's own Date, which stays one -------------------

  const onMoment = (value) => (value instanceof Date ? luxon().DateTime.fromJSDate(value) : value);
  const asGiven = (given, made) => (given instanceof Date ? made.toJSDate() : made);
  const other = (value) => (typeof value === "string" ? moment(value) : onMoment(value));
  const lasting = (amount, unit) => (typeof amount === "object" && amount !== null
    ? amount
    : { [unit]: Number(amount) });

  function difference(from, to, unit) {
    const units = [unit].flat();
    const found = from.diff(to, units).toObject();
    return Array.isArray(unit) ? found : Object.values(found)[0];
  }

  function part(value, unit = "week") {
    const name = String(unit).replace(/s$/, "");
    if (unit === "yearDayNumber") return value.ordinal;
    return unit === "week" ? value.weekNumber : value.get(name);
  }

  const date = {
    plus: (value, amount = 0, unit = "milliseconds") => asGiven(value, onMoment(value).plus(lasting(amount, unit))),
    minus: (value, amount = 0, unit = "milliseconds") => asGiven(value, onMoment(value).minus(lasting(amount, unit))),
    beginningOf: (value, unit = "week") => asGiven(value, onMoment(value).startOf(unit)),
    endOfMonth: (value) => asGiven(value, onMoment(value).endOf("month")),
    extract: (value, unit) => part(onMoment(value), unit),
    isBetween(value, ...ends) {
      if (ends.length !== 2) fail("isBetween() needs two dates");
      const [first, last] = ends.map((end) => other(end).toMillis()).sort((left, right) => left - right);
      return first < value && value < last;
    },
    isDst: (value) => onMoment(value).isInDST,
    isInLast(value, amount = 0, unit = "minutes") {
      const { DateTime } = luxon();
      return DateTime.now().minus({ [unit]: amount }) <= onMoment(value) && onMoment(value) <= DateTime.now();
    },
    isWeekend: (value) => onMoment(value).weekday > 5,
    format: (value, format) => onMoment(value).toFormat(format),
    toDateTime: onMoment,
    diffTo: (value, to = luxon().DateTime.now(), unit = "days") => difference(onMoment(value), other(to), unit),
    diffToNow: (value, unit = "days") => difference(onMoment(value), luxon().DateTime.now(), unit),
    toInt: (value) => onMoment(value).toMillis(),
    toFloat: (value) => onMoment(value).toMillis(),
    toBoolean: nothing,
    isEmpty: () => false,
    isNotEmpty: () => true,
  };

  // ---- choosing by type -------------------------------------------------------------------

  const types = { Array: array, Date: date, Number: numeric, Object: object, String: string, Boolean: boolean };

  function typeOf(value) {
    if (Array.isArray(value)) return array;
    if (value instanceof Date || isMoment(value)) return date;
    return { string, number: numeric, boolean, object }[typeof value] ?? {};
  }

  return function extend(value, name, given) {
    if (value === null || value === undefined) {
      if (name === "isEmpty" || name === "isNotEmpty") return name === "isEmpty";
      fail(`${name}() cannot be called on ${value}`);
    }
    const own = typeOf(value);
    if (Object.hasOwn(own, name)) return own[name](value, ...given);
    if (typeof value[name] === "function") return value[name](...given);
    const able = Object.keys(types).filter((type) => Object.hasOwn(types[type], name));
    return fail(`${name}() can be called on ${able.join(" and ")} only`);
  };
})
