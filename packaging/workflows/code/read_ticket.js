// @include request
// @include contact
// @include reference
const description = text(body.description, 2000);
if (description === '') return refuse('description_missing');
if (email === '' && phone === '') return refuse('contact_missing');
return pass({
  ticket_number: reference('T-'),
  subject: text(body.subject, 150) || description.slice(0, 80),
  description, order_number: text(body.order_number, 40) || null,
  name: text(body.name, 100) || null, email: email || null, phone: phone || null,
  priority: settings.priority, status: 'open', call_id: callId,
});
