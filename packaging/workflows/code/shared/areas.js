// Finds the row of the delivery areas that a postcode or a town is in; "SW1*" stands for all that
// begin so, and the longest such beginning wins.
const plain = (value) => text(value, 100).toUpperCase().replace(/[\s-]+/g, '');
const findArea = (rows, given) => {
  const wanted = plain(given);
  const fits = rows.filter((row) => {
    const code = plain(row.postcode);
    if (code.endsWith('*')) return wanted.startsWith(code.slice(0, -1)) && code.length > 1;
    return (code !== '' && code === wanted) || (plain(row.city) !== '' && plain(row.city) === wanted);
  });
  return fits.sort((a, b) => plain(b.postcode).length - plain(a.postcode).length)[0];
};
