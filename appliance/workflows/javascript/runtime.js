// The inside of the sandbox: n8n's expression and Code node globals over the data of one run.
// Evaluates to one function, text in and text out; the Python side keeps it, no global names it.
// What may be called when, and what comes of the results, is left to appliance/workflows.
(function () {
  "use strict";
  const compileText = globalThis.eval;
  const root = globalThis;
  const { parse, stringify } = JSON;
  for (const name of ["SharedArrayBuffer", "Atomics", "performance"]) delete root[name];

  /** An error that the author of a workflow must see; never swallowed as undefined. */
  class WorkflowError extends Error {}

  const run = { outputs: new Map(), nodes: {}, zones: {}, sources: {}, digests: {}, missing: [], workflow: {}, execution: {},
    nowMs: 0, timeZone: "UTC" };
  let call = { input: [[]], source: [], node: {}, runIndex: 0, index: 0, contexts: {} };
  let parsed = new Map();

  // ---- data of nodes that ran -------------------------------------------------------------

  function runsOf(name) {
    if (!Object.hasOwn(run.nodes, name)) throw new WorkflowError(`there is no node named '${name}'`);
    const runs = run.outputs.get(name);
    if (!runs) throw new WorkflowError(`node '${name}' has not run`);
    return runs;
  }

  // Parsed anew for every call, so that code which changes its copy changes nothing else.
  function outputOf(name, runIndex) {
    const runs = runsOf(name);
    const index = runIndex === undefined || runIndex === -1 ? runs.length - 1 : runIndex;
    const text = runs[index];
    if (text === undefined) throw new WorkflowError(`node '${name}' has no run ${index}`);
    const key = `${index} ${name}`;
    if (!parsed.has(key)) parsed.set(key, parse(text));
    return parsed.get(key);
  }

  function branchOf(name, branch, runIndex) {
    return outputOf(name, runIndex).branches[branch ?? connectedBranch(name)] ?? [];
  }

  // $('Node').all() means the output through which the node leads to the current one.
  function connectedBranch(name) {
    for (const source of call.source) if (source && source.node === name) return source.output;
    return 0;
  }

  function itemsBehind(target, source, index, depth, found) {
    if (!source || depth > 200) return;
    const output = outputOf(source.node, source.run);
    const item = (output.branches[source.output] ?? [])[index];
    if (!item) return;
    if (source.node === target) {
      found.add(item);
      return;
    }
    for (const pair of [item.pairedItem ?? []].flat()) {
      const link = typeof pair === "number" ? { item: pair } : pair;
      itemsBehind(target, output.source[link.input ?? 0], link.item, depth + 1, found);
    }
  }

  function pairedItem(target, index) {
    runsOf(target);
    const found = new Set();
    itemsBehind(target, call.source[0], index, 0, found);
    if (found.size === 0) {
      throw new WorkflowError(
        `item ${index} of node '${call.node.name}' cannot be traced back to node '${target}'; ` +
          "use .first(), .last() or .all() instead of .item",
      );
    }
    if (found.size > 1) {
      throw new WorkflowError(
        `item ${index} of node '${call.node.name}' comes from several items of node '${target}'; ` +
          "use .first(), .last() or .all() instead of .item",
      );
    }
    return found.values().next().value;
  }

  const contextOf = (name) => call.contexts[name] ?? {};

  function nodeData(name) {
    if (!Object.hasOwn(run.nodes, name)) throw new WorkflowError(`there is no node named '${name}'`);
    return {
      get item() { return pairedItem(name, call.index); },
      get isExecuted() { return run.outputs.has(name); },
      get params() { return run.nodes[name]; },
      get context() { return contextOf(name); },
      first: (branch, runIndex) => branchOf(name, branch, runIndex)[0],
      last: (branch, runIndex) => branchOf(name, branch, runIndex).at(-1),
      all: (branch, runIndex) => branchOf(name, branch, runIndex),
      pairedItem: (index) => pairedItem(name, index ?? call.index),
      itemMatching: (index) => pairedItem(name, index ?? call.index),
    };
  }

  const legacyNodes = new Proxy({}, {
    get(_, name) {
      if (typeof name === "symbol") return undefined;
      const data = nodeData(name);
      const here = () => data.all()[call.index] ?? data.all()[0];
      return {
        get json() { return here()?.json; },
        get data() { return here()?.json; },
        get runIndex() { return runsOf(name).length - 1; },
        get parameter() { return data.params; },
        get context() { return contextOf(name); },
      };
    },
  });

  const input = {
    get item() { return call.input[0][call.index]; },
    get params() { return call.source[0] ? run.nodes[call.source[0].node] : {}; },
    get context() { return call.source[0] ? contextOf(call.source[0].node) : {}; },
    first: () => call.input[0][0],
    last: () => call.input[0].at(-1),
    all: () => call.input[0],
  };

  // ---- dates: Luxon is loaded when something first asks for it ----------------------------

  let luxonLibrary;
  let isIntlLoaded = false;

  function requireSource(name) {
    if (run.sources[name]) return run.sources[name];
    run.missing.push(`source:${name}`);
    throw new WorkflowError(`${name} is being loaded`);
  }

  function loadIntl() {
    if (isIntlLoaded) return;
    const source = requireSource("intl");
    isIntlLoaded = true;
    compileText(source)(zoneTable);
  }

  function luxon() {
    if (!luxonLibrary) {
      loadIntl();
      const source = requireSource("luxon.min");
      luxonLibrary = compileText(`(function(){${source}\nreturn luxon})`)();
      const zone = luxonLibrary.IANAZone.prototype;
      luxonLibrary.IANAZone.isValidZone = (name) => zoneTable(name) !== null;
      zone.offset = function (at) { return offsetMinutes(zoneTable(this.zoneName), at); };
      luxonLibrary.Settings.defaultLocale = "en-US";
      luxonLibrary.Settings.now = () => run.nowMs;
      luxonLibrary.Settings.defaultZone = run.timeZone;
    }
    return luxonLibrary;
  }

  luxon.isLoaded = () => luxonLibrary !== undefined;

  function zoneTable(name) {
    if (typeof name !== "string" || name === "") return null;
    if (!Object.hasOwn(run.zones, name)) {
      run.missing.push(`zone:${name}`);
      throw new WorkflowError(`time zone '${name}' is being looked up`);
    }
    return run.zones[name];
  }

  function offsetMinutes(table, at) {
    if (!table) return NaN;
    let low = 0;
    let high = table.at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (table.at[middle] * 1000 <= at) low = middle + 1;
      else high = middle;
    }
    return table.offsets[low];
  }

  // Until something formats a date or a number, Intl is a promise to load it.
  Object.defineProperty(root, "Intl", {
    configurable: true,
    get() { loadIntl(); return root.Intl; },
    set(value) { Object.defineProperty(root, "Intl", { value, writable: true, configurable: true }); },
  });
  for (const [prototype, name] of [
    [Date.prototype, "toLocaleString"], [Date.prototype, "toLocaleDateString"],
    [Date.prototype, "toLocaleTimeString"], [Number.prototype, "toLocaleString"],
  ]) {
    const value = function (...given) { loadIntl(); return prototype[name].apply(this, given); };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }

  // ---- globals ----------------------------------------------------------------------------

  function refuse(name, remedy) {
    return () => {
      throw new WorkflowError(`${name} is not available here; ${remedy}`);
    };
  }

  const execution = {
    get id() { return run.execution.id; },
    get mode() { return run.execution.mode; },
  };
  for (const [name, remedy] of Object.entries({
    resumeUrl: "a run cannot be resumed", resumeFormUrl: "a run cannot be resumed",
    customData: "put what must be kept into a data table",
  })) {
    Object.defineProperty(execution, name, { get: refuse(`$execution.${name}`, remedy) });
  }

  let searchJmespath;

  function jmespath(data, query) {
    if (typeof query !== "string") throw new WorkflowError("$jmespath() needs an object and a text");
    searchJmespath ??= compileText(`(function(exports){${requireSource("jmespath.min")}\nreturn exports.search})`)({});
    try {
      return searchJmespath(data, query);
    } catch (error) {
      throw new WorkflowError(`the JMESPath query '${query.slice(0, 200)}' failed: ${error.message}`);
    }
  }

  const average = (...values) => values.flat().reduce((sum, value) => sum + value, 0) / values.flat().length;

  const getters = {
    $json: () => call.input[0][call.index]?.json,
    $binary: () => ({}),
    $input: () => input,
    $node: () => legacyNodes,
    $itemIndex: () => call.index,
    $runIndex: () => call.runIndex,
    $parameter: () => call.node.parameters,
    $prevNode: () => ({
      name: call.source[0]?.node,
      outputIndex: call.source[0]?.output,
      runIndex: call.source[0]?.run,
    }),
    $workflow: () => run.workflow,
    $execution: () => execution,
    $mode: () => run.execution.mode,
    $now: () => luxon().DateTime.fromMillis(run.nowMs),
    $today: () => luxon().DateTime.fromMillis(run.nowMs).startOf("day"),
    DateTime: () => luxon().DateTime,
    Duration: () => luxon().Duration,
    Interval: () => luxon().Interval,
    $pageCount: () => call.page?.count,
    $request: () => call.page?.request,
    $response: () => call.page?.response,
    $env: refuse("$env", "environment variables are never shown to workflows"),
    $vars: refuse("$vars", "put the value into the tool's configuration (_config)"),
    $secrets: refuse("$secrets", "map an integration instead"),
    $nodeId: () => call.node.id,
    $nodeVersion: () => call.node.version,
    $webhookId: refuse("$webhookId", "a tool is called by its name"),
    $getWorkflowStaticData: refuse("$getWorkflowStaticData", "keep what must outlive a run in a data table"),
    $fromAI: refuse("$fromAI", "what the model filled in is in the Webhook node's body"),
    $evaluateExpression: refuse("$evaluateExpression", "write the expression where its value is needed"),
    process: refuse("process", "environment variables are never shown to workflows"),
    require: refuse("require", "no modules can be loaded"),
    fetch: refuse("fetch", "use an HTTP Request node"),
    items: () => call.input[0],
    item: () => call.input[0][call.index],
  };
  for (const name of ["Buffer", "TextEncoder", "TextDecoder", "setTimeout", "setInterval", "setImmediate",
    "clearTimeout", "clearInterval", "clearImmediate"]) {
    getters[name] = () => ofCode(name);
  }
  for (const [name, get] of Object.entries(getters)) {
    const set = (value) =>
      Object.defineProperty(root, name, { value, writable: true, configurable: true });
    Object.defineProperty(root, name, { get, set, configurable: true });
  }
  const functions = {
    $: nodeData,
    $items: (name, branch, runIndex) =>
      name === undefined ? call.input[0] : branchOf(name, branch ?? 0, runIndex),
    $if: (condition, yes, no) => (condition ? yes : no),
    $ifEmpty: (value, other) => (isEmpty(value) ? other : value),
    $min: (...values) => Math.min(...values),
    $max: (...values) => Math.max(...values),
    $average: average,
    $not: (value) => !value,
    $jmespath: jmespath,
    $jmesPath: jmespath,
    min: Math.min,
    max: Math.max,
    average,
    not: (value) => !value,
    numberList: (from, to) => Array.from({ length: Math.abs(to - from) + 1 }, (_, step) => from + (to < from ? -step : step)),
    zip: (keys, values) => Object.fromEntries(keys.map((key, index) => [key, values[index]])),
  };
  for (const [name, value] of Object.entries(functions)) {
    Object.defineProperty(root, name, { value, writable: true, configurable: true });
  }
  const silent = () => undefined;
  root.console = { log: silent, info: silent, warn: silent, error: silent, debug: silent };

  function isEmpty(value) {
    if (value === undefined || value === null || value === "") return true;
    return typeof value === "object" && Object.keys(value).length === 0;
  }

  // ---- n8n's data extensions: their calls come rewritten by extension_calls.py ---------------

  let extensions;
  let byteTools;
  const OF_OBJECTS = new Set(["isEmpty", "isNotEmpty", "hasField", "removeField", "removeFieldsContaining",
    "keepFieldsContaining", "compact", "urlEncode", "keys", "values", "toJsonString", "toInt", "toFloat", "toBoolean",
    "toDateTime"]);

  function bytes() {
    byteTools ??= compileText(requireSource("bytes"));
    return byteTools;
  }

  let bufferClasses;
  let isInCode = false;

  // Nothing in here takes time but the script itself, so a timer's time is passed over, not waited for.
  let timers = [];
  let timerMs = 0;
  let timerCount = 0;

  function setTimer(work, ms, given, everyMs = null) {
    timerCount += 1;
    timers.push({ id: timerCount, at: timerMs + Math.max(0, Number(ms) || 0), work, given, everyMs });
    return timerCount;
  }

  function clearTimer(id) {
    timers = timers.filter((timer) => timer.id !== id);
  }

  function fireTimer() {
    const next = timers.reduce((first, timer) => (timer.at < first.at ? timer : first));
    clearTimer(next.id);
    timerMs = next.at;
    if (next.everyMs !== null) timers.push({ ...next, at: timerMs + next.everyMs });
    try {
      next.work(...next.given);
    } catch (error) {
      settled = describe(error);
    }
  }

  const timerFunctions = {
    setTimeout: (work, ms, ...given) => setTimer(work, Math.max(1, ms || 0), given),
    setInterval: (work, ms, ...given) => setTimer(work, Math.max(1, ms || 0), given, Math.max(1, ms || 0)),
    setImmediate: (work, ...given) => setTimer(work, 0, given),
    clearTimeout: clearTimer,
    clearInterval: clearTimer,
    clearImmediate: clearTimer,
  };

  // As in n8n, these are there for Code nodes alone.
  function ofCode(name) {
    if (!isInCode) throw new WorkflowError(`it uses ${name}, which is there in Code nodes only`);
    if (name in timerFunctions) return timerFunctions[name];
    bufferClasses ??= compileText(requireSource("buffers"))(bytes());
    return bufferClasses[name];
  }

  function digest(algorithm, text) {
    const key = `${algorithm}:${text}`;
    if (Object.hasOwn(run.digests, key)) {
      if (run.digests[key] === null) throw new WorkflowError(`there is no algorithm '${algorithm}' for hash()`);
      return run.digests[key];
    }
    run.missing.push(`digest:${key}`);
    throw new WorkflowError("a digest is being made");
  }

  // What is plainly a method of the value's own needs no extensions: $("Node").first(), Math.max().
  function isOwnMethod(value, name, given) {
    if (typeof value === "function") return true;
    if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof Date) return false;
    if (typeof value[name] !== "function") return false;
    if (luxon.isLoaded() && luxonLibrary.DateTime.isDateTime(value)) {
      return (name === "plus" || name === "minus") && given.length === 1;
    }
    return !OF_OBJECTS.has(name);
  }

  function extend(value, name, given) {
    if (isOwnMethod(value, name, given)) return value[name](...given);
    extensions ??= compileText(requireSource("extensions"))({ WorkflowError, luxon, bytes: bytes(), digest });
    return extensions(value, name, given);
  }

  const optional = (value, next) => (value === null || value === undefined ? undefined : next(value));

  // ---- expressions ------------------------------------------------------------------------

  const compiled = new Map();

  function compileChunk(text) {
    if (!compiled.has(text)) {
      const body = text.replace(/[\s;]+$/, "");
      try {
        compiled.set(text, compileText(`(function(__extend,__optional){return (\n${body}\n)})`));
      } catch (error) {
        throw new WorkflowError(`invalid syntax: ${error.message}`);
      }
    }
    return compiled.get(text);
  }

  // `name(…)`, `name.method(…)` and `new name.Class(…)`.
  function isCalled(name, text) {
    const plain = name.replaceAll("$", "\\$");
    return new RegExp(`(?<![\\w$.])${plain}(?:\\s*\\??\\.\\s*[\\w$]+)*\\s*\\(`).test(text);
  }

  // As in n8n, reading a field of undefined or an unknown name gives undefined. A call of an unknown
  // function does not: it may be one of n8n's that is missing here, and must not pass unnoticed.
  function evaluateChunk(text) {
    const evaluate = compileChunk(text);
    try {
      return evaluate.call(undefined, extend, optional);
    } catch (error) {
      if (error === null || error instanceof WorkflowError || error instanceof InternalError) {
        throw error;
      }
      if (run.missing.length > 0) throw error;
      if (error instanceof RangeError && /stack/.test(error.message)) throw error;
      if (error instanceof TypeError && /not a function$/.test(error.message)) {
        throw new WorkflowError("it calls a function that does not exist here");
      }
      const unknown = error instanceof ReferenceError && /^'?([\w$]+)/.exec(error.message)?.[1];
      if (unknown && isCalled(unknown, text)) {
        throw new WorkflowError(`it calls ${unknown}, which does not exist here`);
      }
      return undefined;
    }
  }

  function evaluateTemplate(template) {
    if (template.length === 1 && template[0].code !== undefined) {
      return evaluateChunk(template[0].code);
    }
    const parts = template.map((chunk) => {
      if (chunk.code === undefined) return chunk.text;
      const value = evaluateChunk(chunk.code);
      return value || value === 0 || value === false ? value : "";
    });
    return parts.join("");
  }

  // All that is missing is asked for at once; the answers of such a round are not looked at.
  function evaluateAll(request) {
    return request.items.map((index) =>
      request.templates.map((template) => {
        call.index = index;
        try {
          const value = evaluateTemplate(template);
          if (typeof value === "bigint") throw new WorkflowError("it is a BigInt; use Number(…)");
          if (typeof value === "function") throw new WorkflowError("it is a function; call it with ()");
          return value === undefined ? {} : { value };
        } catch (error) {
          if (isMemoryError(error)) throw error;
          return { error: String(error?.message ?? error) };
        }
      }),
    );
  }

  // ---- the Code node ----------------------------------------------------------------------

  let settled = null;

  // Without memory for an error object, QuickJS throws null.
  const isMemoryError = (error) =>
    error === null || (error instanceof InternalError && /memory/.test(error.message));

  function describe(error) {
    if (isMemoryError(error)) return { fatal: "out of memory" };
    if (!(error instanceof Error)) return { error: String(error) };
    const place = /<input>:(\d+):/.exec(error.stack ?? "");
    const line = place && !(error instanceof WorkflowError) ? Number(place[1]) - 1 : null;
    const name = error.name && error.name !== "Error" ? `${error.name}: ` : "";
    return { error: error instanceof WorkflowError ? error.message : name + error.message, line };
  }

  async function runCode(request) {
    const body = compileText(`(async function(){\n${request.code}\n})`);
    if (!request.perItem) return [{ value: await body.call({}) }];
    const results = [];
    for (let index = 0; index < call.input[0].length; index += 1) {
      call.index = index;
      try {
        results.push({ value: await body.call({}) });
      } catch (error) {
        if (isMemoryError(error) || run.missing.length > 0) throw error;
        results.push(describe(error));
      }
    }
    return results;
  }

  // A call that is repeated because something was missing must not hear from the first attempt.
  function startCode(request) {
    const attempt = {};
    startCode.latest = attempt;
    settled = null;
    timers = [];
    const settle = (value) => { if (startCode.latest === attempt) settled = value; };
    runCode(request).then((results) => settle({ results }), (error) => settle(describe(error)));
  }

  // ---- the one entrance -------------------------------------------------------------------

  const operations = {
    begin(request) {
      Object.assign(run, request.run);
      if (luxonLibrary) luxonLibrary.Settings.defaultZone = run.timeZone;
    },
    preload() { luxon(); },
    supply(request) {
      Object.assign(run.zones, request.zones);
      Object.assign(run.sources, request.sources);
      Object.assign(run.digests, request.digests);
    },
    evaluate: evaluateAll,
    code: startCode,
    settled() {
      if (settled || timers.length === 0) return settled;
      fireTimer();
      return settled ?? { isPending: true };
    },
    regex: (request) => new RegExp(request.source, request.flags).test(request.text),
  };

  return function (text) {
    const request = parse(text);
    for (const output of request.outputs ?? []) {
      if (!run.outputs.has(output.node)) run.outputs.set(output.node, []);
      run.outputs.get(output.node)[output.run] = output.data;
    }
    if (request.op !== "settled") isInCode = request.op === "code";
    if (request.call) {
      call = { ...request.call, index: 0 };
      parsed = new Map();
    }
    run.missing = request.op === "settled" ? run.missing : [];
    let result = null;
    let error = null;
    try {
      result = operations[request.op](request) ?? null;
    } catch (thrown) {
      if (run.missing.length === 0) throw thrown;
      error = String(thrown.message);
    }
    return stringify({ result, error, missing: run.missing });
  };
})();
