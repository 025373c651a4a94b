// The shop's own system, mapped to this tool: how it is asked. Braces in its address are filled in.
const body = $('Webhook').first().json.body ?? {};
const system = body._integrations[KEY];
const given = Object.fromEntries(Object.entries(body)
  .filter(([name, value]) => !name.startsWith('_') && value !== null && value !== undefined && value !== ''));
const used = new Set();
let url = String(system.apiUrl).replace(/\{(\w+)\}/g, (whole, name) => {
  used.add(name);
  return encodeURIComponent(String(given[name] ?? ''));
});
const method = String(system.method ?? (WRITES ? 'POST' : 'GET')).toUpperCase();
const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !used.has(name)));
const query = WRITES ? {} : { ...rest };
const headers = { Accept: 'application/json' };
if (system.authMethod === 'bearer') headers.Authorization = `Bearer ${system.apiKey}`;
if (system.authMethod === 'basic') headers.Authorization = `Basic ${btoa(system.apiKey)}`;
if (system.authMethod === 'header') headers[system.apiKeyName ?? 'X-API-Key'] = system.apiKey;
if (system.authMethod === 'query') query[system.apiKeyName ?? 'X-API-Key'] = system.apiKey;
if (WRITES && body._context?.call_id) headers['Idempotency-Key'] = body._context.call_id;
const written = Object.entries(query)
  .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join('&');
if (written) url += (url.includes('?') ? '&' : '?') + written;
return [{ json: { url, method, headers, body: rest } }];
