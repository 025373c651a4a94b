const reference = (prefix) => prefix + Array.from({ length: 7 }, () => {
  const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  return alphabet[Math.floor(Math.random() * alphabet.length)];
}).join('');
