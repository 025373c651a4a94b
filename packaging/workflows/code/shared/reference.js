// Six letters and digits that are not mistaken for each other, and a digit, by which it is known as
// a number and not as a word.
const pick = (alphabet) => alphabet[Math.floor(Math.random() * alphabet.length)];
const reference = (prefix) => prefix
  + Array.from({ length: 6 }, () => pick('ABCDEFGHJKLMNPQRSTUVWXYZ23456789')).join('') + pick('23456789');
