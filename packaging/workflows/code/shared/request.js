// What the caller sent, and the settings: the tool's configuration overrides each of the node's.
const body = $('Webhook').first().json.body ?? {};
const settings = { ...$('Settings').first().json, ...(body._config ?? {}) };
const text = (value, most = 200) => String(value ?? '').replace(/\s+/g, ' ').trim().slice(0, most);
const callId = text(body._context?.call_id, 100);
const refuse = (error, more = {}) => [{ json: { go: false, answer: { success: false, error, ...more } } }];
const answer = (outcome, more = {}) => [{ json: { go: false, answer: { success: true, outcome, ...more } } }];
const pass = (more = {}) => [{ json: { go: true, ...more } }];
