// Prints what n8n's own expression engine answers: node n8n_expressions.cjs N8N_FOLDER < {"sample", "nowMs", "timeZone", "expressions"}
// An answer is {"value"}, {} for undefined, or {"error"}.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const modules = join(process.argv[2], "node_modules");
const { Workflow } = require(join(modules, "n8n-workflow"));
const { Settings } = require(join(modules, "luxon"));
const { sample, nowMs, timeZone, expressions } = JSON.parse(readFileSync(0, "utf8"));

Settings.now = () => nowMs;
const description = { properties: [], inputs: ["main"], outputs: ["main"], defaults: {} };
const workflow = new Workflow({
  id: "1",
  name: "test",
  active: false,
  connections: {},
  nodes: [{ id: "1", name: "A", type: "test.a", typeVersion: 1, position: [0, 0], parameters: {} }],
  nodeTypes: { getByNameAndVersion: () => ({ description }), getByName: () => ({ description }) },
  settings: { timezone: timeZone },
});
const items = [{ json: sample, pairedItem: { item: 0 } }];
const answers = expressions.map((expression) => {
  try {
    const value = workflow.expression.resolveSimpleParameterValue(`=${expression}`, {}, null, 0, 0, "A", items, "manual", {});
    return value === undefined ? {} : { value };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
