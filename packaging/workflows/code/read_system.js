// Its answer as this tool gives it: fields of the same name, or those that "fields" of the tool's
// configuration names, such as {"status": "order.state"}. What the visitor gave fills in the rest.
const given = $('Webhook').first().json.body ?? {};
const config = given._config ?? {};
const reply = $input.first().json;
const status = Number(reply.statusCode ?? 0);
const found = Array.isArray(reply.body) ? reply.body[0] : reply.body;
const value = found !== null && typeof found === 'object' ? found : {};
const isGiven = (part) => part !== undefined && part !== null && part !== '';
const pick = (read) => Object.fromEntries(FIELDS.map((name) => [name, read(name)]).filter(([, part]) => isGiven(part)));
const follow = (path) => String(path).split('.').reduce((part, name) => part?.[name], value);
const fields = pick((name) => follow(config.fields?.[name] ?? name));
const told = { ...FILLED, ...pick((name) => given[name]), ...fields };
const fail = (error) => [{ json: { success: false, error, ...told } }];
// Nothing that can be told: what reads found nothing out, what writes may have been done.
const untold = [{ json: { success: false, end: 'unknown' } }];
if (status === 0) {
  const isUnsent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|No connection to|CSAI_EGRESS_ALLOW/
    .test(JSON.stringify(reply.error ?? ''));
  return isUnsent ? fail('system_unavailable') : untold;
}
if (status === 404 || status === 410) return fail('not_found');
if (status === 409) return fail(CONFLICT);
if (status === 425 || status === 429) return fail('system_unavailable');
if (status >= 400 && status < 500 && status !== 408) return fail('refused_by_system');
if (status < 200 || status > 299) {
  if (status === 307 || status === 308 || (!WRITES && status > 299 && status < 400)) return fail('refused_by_system');
  return WRITES ? untold : fail('system_unavailable');
}
const problem = [value.error, value.errors].find((part) => (Array.isArray(part) ? part.length > 0 : !!part));
if (value.success === false || problem !== undefined) return fail(ERRORS.includes(value.error) ? value.error : 'refused_by_system');
const isEmpty = (part) => Array.isArray(part) && part.length === 0;
if (!WRITES && (status === 204 || isEmpty(reply.body))) return fail('not_found');
if (FIELDS.includes('products') && typeof fields.available === 'boolean' && !isGiven(fields.products) && isGiven(told.product)) {
  const outcome = fields.available ? 'in_stock' : 'out_of_stock';
  return [{ json: { success: true, outcome, ...told, products: [{ name: told.product }] } }];
}
const isNamed = Object.keys(OUTCOMES).includes(value.outcome);
if (!WRITES && !isNamed && PROOF.some((name) => isEmpty(fields[name]))) {
  return NOTHING === 'not_found' ? fail(NOTHING) : [{ json: { success: true, outcome: NOTHING, ...told } }];
}
const isDone = WRITES && (value.success === true || status === 204);
if (!isNamed && !isDone && !PROOF.some((name) => isGiven(fields[name]))) return untold;
// A sentence that would stay unfinished is not begun: the fields are told by their names.
const outcome = isNamed ? value.outcome : OUTCOME;
const isWhole = OUTCOMES[outcome].every((name) => isGiven(told[name]));
return [{ json: { success: true, ...(isWhole ? { outcome } : {}), ...told } }];
