// Its answer as this tool gives it: fields of the same name, or those that "fields" of the tool's
// configuration names, such as {"status": "order.state"}.
const config = $('Webhook').first().json.body._config ?? {};
const reply = $input.first().json;
const status = Number(reply.statusCode ?? 0);
const found = Array.isArray(reply.body) ? reply.body[0] : reply.body;
const value = found !== null && typeof found === 'object' ? found : {};
const follow = (path) => String(path).split('.').reduce((part, name) => part?.[name], value);
const fields = Object.fromEntries(FIELDS
  .map((name) => [name, follow(config.fields?.[name] ?? name)])
  .filter(([, part]) => part !== undefined && part !== null));
const fail = (error) => [{ json: { success: false, error, ...fields } }];
if (status === 404 || status === 410 || (status === 200 && found === undefined)) return fail('not_found');
if (status === 409) return fail(CONFLICT);
if (status < 200 || status > 299) return fail(status >= 400 && status < 500 ? 'refused_by_system' : 'system_unavailable');
if (value.success === false) return fail(typeof value.error === 'string' ? value.error : 'refused_by_system');
return [{ json: { success: true, outcome: value.outcome ?? OUTCOME, ...fields } }];
