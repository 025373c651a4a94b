/**
 * Owns watching all that a widget draws, in the page: what it may consist of is listed here, and all else is found.
 * Leaves requests and dialogs to the browser tests, which evaluate this function.
 */
() => {
  const elements = new Set(("a bdi blockquote br button code details div em form h2 h3 hr i input label li ol option"
    + " p path pre s select span strong style summary svg table td textarea th time tr ul").split(" "));
  const attributes = new Set(("autocomplete class d dir disabled enterkeyhint focusable for hidden href id lang maxlength"
    + " name novalidate open placeholder popover rel required role rows scope start step tabindex target title type value viewbox").split(" "));
  const unseen = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
  const guard = (window.guard = { found: new Set(), drawn: 0, told: [], root: null });
  const isKnown = ({ name }, node) => attributes.has(name.toLowerCase()) || /^(aria|data)-/.test(name)
    || (name === "style" && node.matches(".root, textarea"));
  const lookAt = (node) => {
    if (!elements.has(node.localName)) guard.found.add(`element: ${node.outerHTML}`);
    for (const one of node.attributes) {
      if (!isKnown(one, node)) guard.found.add(`attribute: ${one.name} of ${node.cloneNode().outerHTML}`);
      if (one.name !== "value" && unseen.test(one.value)) guard.found.add(`unseen: ${JSON.stringify(one.value)}`);
    }
    const to = node.getAttribute("href");
    if (to !== null && !/^(https?:\/\/(?!.*@)|mailto:|tel:)/.test(to)) guard.found.add(`address: ${to}`);
  };
  const look = (node) => {
    if (node.nodeType === 3 && unseen.test(node.data)) guard.found.add(`unseen: ${JSON.stringify(node.data)}`);
    if (node.nodeType !== 1) return;
    lookAt(node);
    node.childNodes.forEach(look);
  };
  guard.scan = () => (look(guard.root), [...guard.found]);
  guard.watch = () => {
    guard.root = document.querySelector("csai-widget").shadowRoot.querySelector(".root");
    new MutationObserver((changes) => {
      for (const { target, addedNodes, type } of changes) {
        guard.drawn += 1;
        if (type === "attributes") lookAt(target);
        else addedNodes.forEach(look);
      }
    }).observe(guard.root, { subtree: true, childList: true, attributes: true, characterData: true });
  };
  for (const type of ["message", "error", "returned"]) CSAI("on", type, ({ text, name }) => guard.told.push(text ?? "", name ?? ""));
  guard.ask = (text) => new Promise((resolve) => {
    const hear = ({ role }) => role === "assistant" && (CSAI("off", "message", hear), resolve());
    CSAI("on", "message", hear);
    CSAI("send", text);
  });
}
