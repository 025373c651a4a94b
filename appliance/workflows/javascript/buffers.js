// Buffer, TextEncoder and TextDecoder as Code nodes have them in n8n; bytes.js does UTF-8 and base64.
(function (bytes) {
  "use strict";
  const two = (byte) => byte.toString(16).padStart(2, "0");
  const letters = (given, mask) => Array.from(given, (byte) => String.fromCharCode(byte & mask)).join("");
  const units = (text) => Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));

  const utf8 = { read: bytes.encode, write: bytes.decode };
  const base64 = { read: bytes.fromBase64, write: bytes.toBase64 };
  const latin1 = { read: (text) => Uint8Array.from(units(text)), write: (given) => letters(given, 0xff) };
  const utf16 = {
    read: (text) => Uint8Array.from(units(text).flatMap((unit) => [unit & 0xff, unit >> 8])),
    write: (given) => Array.from({ length: given.length >> 1 },
      (_, at) => String.fromCharCode(given[2 * at] | (given[2 * at + 1] << 8))).join(""),
  };
  const encodings = {
    utf8, "utf-8": utf8, base64, latin1, binary: latin1, utf16le: utf16, "utf-16le": utf16, ucs2: utf16, "ucs-2": utf16,
    base64url: {
      read: bytes.fromBase64,
      write: (given) => bytes.toBase64(given).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
    },
    hex: {
      read: (text) => Uint8Array.from((/^(?:[\da-f]{2})*/i.exec(text)[0].match(/../g) ?? []), (pair) => parseInt(pair, 16)),
      write: (given) => Array.from(given, two).join(""),
    },
    ascii: { read: latin1.read, write: (given) => letters(given, 0x7f) },
  };

  function encodingOf(name = "utf8") {
    const found = encodings[String(name).toLowerCase()];
    if (!found) throw new TypeError(`Unknown encoding: ${name}`);
    return found;
  }

  class Buffer extends Uint8Array {
    static from(value, encoding) {
      const found = typeof value === "string" ? encodingOf(encoding).read(value) : value?.type === "Buffer" ? value.data : value;
      if (found instanceof ArrayBuffer) return new Buffer(found);
      if (typeof found !== "object" || found === null) throw new TypeError("Buffer.from() needs a text, a list or bytes");
      const made = new Buffer(found.length);
      made.set(found);
      return made;
    }

    static alloc(size, fill = 0) {
      return new Buffer(size).fill(fill);
    }

    static concat(parts) {
      const made = new Buffer(parts.reduce((total, part) => total + part.length, 0));
      parts.reduce((at, part) => (made.set(part, at), at + part.length), 0);
      return made;
    }

    static byteLength(value, encoding) {
      return typeof value === "string" ? encodingOf(encoding).read(value).length : value.byteLength;
    }

    static isBuffer(value) {
      return value instanceof Buffer;
    }

    static isEncoding(name) {
      return Object.hasOwn(encodings, String(name).toLowerCase());
    }

    toString(encoding, from = 0, to = this.length) {
      return encodingOf(encoding).write(this.subarray(from, to));
    }

    toJSON() {
      return { type: "Buffer", data: Array.from(this) };
    }

    equals(other) {
      return this.length === other.length && this.every((byte, at) => byte === other[at]);
    }

    slice(from, to) {
      return this.subarray(from, to);
    }
  }

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") { return bytes.encode(text); }
  }

  class TextDecoder {
    constructor(label = "utf-8") {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`TextDecoder knows utf-8 alone here, not ${label}`);
    }

    get encoding() { return "utf-8"; }

    decode(given = new Uint8Array(0)) {
      const found = given instanceof ArrayBuffer ? new Uint8Array(given) : given;
      return bytes.decode(found).replace(/^\ufeff/, "");
    }
  }

  return { Buffer, TextEncoder, TextDecoder };
})
