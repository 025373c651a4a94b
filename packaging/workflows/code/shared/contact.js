const email = text(body.email, 200);
if (email !== '' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return refuse('invalid_email', { email });
const phone = text(body.phone, 40);
if (phone !== '' && (phone.match(/\d/g) ?? []).length < 6) return refuse('invalid_phone', { phone });
