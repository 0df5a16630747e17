// A browser as small as the scripts in ../files need it: enough of the DOM, storage, locks and
// timers to run one of them as it is sent, and to see what it did.
//
// A test makes a Browser, puts elements into its body, loads a script, and fires events; it never
// calls a function of the script by name, so that the script may be written differently. Put a new
// test into the file of its script, SCRIPT.test.js.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const folder = path.join(__dirname, "..", "files");
const origin = "https://app.example.com";

class Event {
  constructor(type, more) {
    Object.assign(this, { type, defaultPrevented: false }, more);
  }
  preventDefault() {
    this.defaultPrevented = true;
  }
}

// Target has listeners, and passes events on to its parent.
class Target {
  #listeners = [];

  addEventListener(type, listener, options) {
    this.#listeners.push({ type, listener, signal: options?.signal });
  }
  dispatchEvent(event) {
    event.target ??= this;
    for (const { type, listener, signal } of [...this.#listeners])
      if (type === event.type && !signal?.aborted) listener.call(this, event);
    this.parent?.dispatchEvent(event);
    return !event.defaultPrevented;
  }
}

const kebab = (name) => `data-${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

class Element extends Target {
  constructor(tag, attributes = {}, ...children) {
    super();
    this.tag = tag;
    this.attributes = {};
    this.children = [];
    this.textContent = "";
    this.hidden = false;
    for (const [name, value] of Object.entries(attributes)) this.setAttribute(name, value);
    this.append(...children);
    this.dataset = new Proxy(this, {
      get: (e, name) => e.attributes[kebab(name)],
      set: (e, name, value) => ((e.attributes[kebab(name)] = String(value)), true),
      deleteProperty: (e, name) => delete e.attributes[kebab(name)],
    });
  }

  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  hasAttribute(name) {
    return name in this.attributes;
  }
  setAttribute(name, value) {
    this.attributes[name] = String(value);
    if (["id", "name", "type", "value"].includes(name)) this[name] = String(value);
    if (name === "hidden") this.hidden = true;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }

  get classList() {
    const all = (this.attributes.class ?? "").split(" ").filter(Boolean);
    return {
      contains: (name) => all.includes(name),
      toggle: (name, on) => this.setAttribute("class", [...all.filter((c) => c !== name), ...(on ? [name] : [])].join(" ")),
    };
  }

  append(...children) {
    for (const child of children) {
      if (child instanceof Element) {
        child.parent = this;
        this.children.push(child);
      } else this.textContent += child;
    }
  }
  remove() {
    this.parent.children = this.parent.children.filter((child) => child !== this);
    this.parent = undefined;
  }

  // One compound selector, as in tag.class[name=value].
  matches(selector) {
    const parts = selector.match(/^[a-z]+|#[\w-]+|\.[\w-]+|\[[^\]]+\]/g);
    if (parts?.join("") !== selector) throw new Error(`a selector that this browser does not know: ${selector}`);
    return parts.every((part) => {
      if (part[0] === "#") return this.id === part.slice(1);
      if (part[0] === ".") return (this.attributes.class ?? "").split(" ").includes(part.slice(1));
      if (part[0] !== "[") return this.tag === part;
      const [name, value] = part.slice(1, -1).split("=");
      const own = this[name] !== undefined && ["name", "type"].includes(name) ? this[name] : this.attributes[name];
      return value === undefined ? own !== undefined : own === value.replace(/^"|"$/g, "");
    });
  }
  closest(selector) {
    for (let e = this; e instanceof Element; e = e.parent) if (e.matches(selector)) return e;
    return null;
  }
  querySelectorAll(selector) {
    return this.children.flatMap((e) => [...(e.matches(selector) ? [e] : []), ...e.querySelectorAll(selector)]);
  }
  querySelector(selector) {
    return this.querySelectorAll(selector)[0] ?? null;
  }

  // Of a form: its fields by name.
  get elements() {
    return Object.fromEntries(this.querySelectorAll("[name]").map((e) => [e.name, e]));
  }
  requestSubmit(button) {
    this.submitted = (this.submitted ?? 0) + 1;
    this.submitter = button;
  }
  focus() {
    this.focused = true;
  }
}

// An option of a select, which has the value of one of its options or none.
class Option extends Element {
  constructor(label, value) {
    super("option", { value });
    this.textContent = label;
  }
}

class Select extends Element {
  get value() {
    return this.chosen ?? "";
  }
  set value(value) {
    this.chosen = this.children.some((o) => o.value === value) ? value : "";
  }
}

class Storage {
  items = new Map();
  room = Infinity; // characters of keys and values
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    const others = [...this.items].filter(([k]) => k !== key);
    const size = others.concat([[key, String(value)]]).flat().join("").length;
    if (size > this.room) throw new DOMException("full", "QuotaExceededError");
    this.items.set(key, String(value));
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

// Clock has timers that run when a test lets time pass.
class Clock {
  now = Date.UTC(2026, 0, 2, 3, 4, 5);
  #timers = new Map();
  #last = 0;

  setTimeout(work, delay = 0) {
    this.#timers.set(++this.#last, { work, at: this.now + delay });
    return this.#last;
  }
  clearTimeout(id) {
    this.#timers.delete(id);
  }
  // Lets milliseconds pass, and everything that was waiting for them run.
  async pass(ms) {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const next = [...this.#timers].filter(([, t]) => t.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!next) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      next[1].work();
      await settle();
    }
    this.now = end;
  }
}

// settle lets all promises run that wait for nothing but each other.
const settle = () => new Promise((done) => setImmediate(done));

class Browser {
  clock = new Clock();
  localStorage = new Storage();
  sessionStorage = new Storage();
  visits = []; // addresses that the page was replaced with
  reloads = 0;
  addresses = []; // that history.replaceState showed
  requests = []; // each { url, headers, body }
  answers = []; // to the next requests; a function is called with the request
  locks = []; // names that were asked for
  framed = false;

  constructor(search = "") {
    this.body = new Element("body");
    this.root = new Element("html", { lang: "en" }, this.body);
    this.root.lang = "en";
    this.window = new Target();
    this.document = Object.assign(new Target(), {
      body: this.body,
      documentElement: this.root,
      getElementById: (id) => this.root.querySelector(`#${id}`),
      querySelector: (selector) => this.root.querySelector(selector),
      querySelectorAll: (selector) => this.root.querySelectorAll(selector),
      createElement: (tag) => new Element(tag),
      activeElement: this.body,
    });
    this.root.parent = this.document;
    this.document.parent = this.window;
    this.search = search;
    this.navigator = {
      locks: {
        request: async (name, options, work) => {
          this.locks.push(name);
          return work();
        },
      },
    };
  }

  // The scripts that a script has added to the page.
  get imports() {
    return this.body.children.filter((e) => e.tag === "script" && e.type === "module").map((e) => e.src);
  }

  // Makes reading one of the storages throw, as a browser does that was told to keep nothing.
  refuseStorage() {
    this.refused = true;
  }

  async fetch(url, { method, headers, body }) {
    const request = { url, method, headers, body: JSON.parse(body) };
    this.requests.push(request);
    let answer = this.answers.shift() ?? { status: 500 };
    if (typeof answer === "function") answer = await answer(request);
    return {
      ok: answer.status === 200,
      status: answer.status,
      headers: { get: (name) => answer.headers?.[name] ?? null },
      json: async () => {
        if (answer.json === undefined) throw new SyntaxError("not JSON");
        return structuredClone(answer.json);
      },
    };
  }

  // Runs a script of ../files, as the browser would once the page is there.
  async load(script) {
    const { window, clock } = this;
    const url = `${origin}/__auth/static/${script}`;
    const globals = {
      document: this.document,
      navigator: this.navigator,
      fetch: (...args) => this.fetch(...args),
      addEventListener: window.addEventListener.bind(window),
      dispatchEvent: window.dispatchEvent.bind(window),
      setTimeout: clock.setTimeout.bind(clock),
      clearTimeout: clock.clearTimeout.bind(clock),
      location: {
        search: this.search,
        href: `${origin}/__auth/page${this.search}`,
        replace: (to) => this.visits.push(to),
        reload: () => this.reloads++,
      },
      history: { replaceState: (state, title, to) => this.addresses.push(to) },
      Event,
      Option,
      AbortController,
      TextDecoder,
      URL,
      atob,
    };
    const context = vm.createContext(globals);
    context.self = context.window = context;
    context.top = this.framed ? {} : context;
    for (const storage of ["localStorage", "sessionStorage"])
      Object.defineProperty(context, storage, {
        get: () => {
          if (this.refused) throw new DOMException("denied", "SecurityError");
          return this[storage];
        },
      });
    context.now = () => clock.now;
    vm.runInContext(
      "{ const now = this.now, Real = Date; delete this.now;" +
        "Date = class extends Real { constructor(...given) { super(...(given.length ? given : [now()])); } static now() { return now(); } } }",
      context,
    );
    const module = new vm.SourceTextModule(fs.readFileSync(path.join(folder, script), "utf8"), {
      context,
      identifier: url,
    });
    await module.link(() => {
      throw new Error("the scripts import nothing");
    });
    await module.evaluate();
    await settle();
  }

  // Lets an event happen, and everything that follows from it at once.
  async fire(target, type, more) {
    const event = new Event(type, more);
    target.dispatchEvent(event);
    await settle();
    return event;
  }
}

module.exports = { Browser, Element, origin, settle, Option, Select };
