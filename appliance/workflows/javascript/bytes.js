// Texts as bytes and as base64, in UTF-8: halves of characters and what is no UTF-8 become U+FFFD.
({
  encode(text) {
    const escaped = encodeURIComponent(String(text).toWellFormed());
    return Uint8Array.from(unescape(escaped), (letter) => letter.charCodeAt(0));
  },
  decode(bytes) {
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at];
      const more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
      const part = more < 0 ? "" : Array.from(bytes.subarray(at, at + more + 1), (byte) => "%" + byte.toString(16).padStart(2, "0"));
      try {
        if (more < 0 || part.length <= more) throw new URIError();
        text += decodeURIComponent(part.join(""));
        at += more + 1;
      } catch {
        text += "\ufffd";
        at += 1;
      }
    }
    return text;
  },
  toBase64(bytes) {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  },
  fromBase64(text) {
    const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/[^A-Za-z0-9+/]/g, "");
    const whole = plain.length % 4 === 1 ? plain.slice(0, -1) : plain;
    return Uint8Array.from(atob(whole + "=".repeat((4 - (whole.length % 4)) % 4)), (letter) => letter.charCodeAt(0));
  },
})
