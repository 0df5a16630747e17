// What app.js adds to pages that work without it.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Browser, Element } = require("./browser.js");

const device = "0123456789abcdef-own";

// A page with a form of these fields and buttons.
function page(...parts) {
  const browser = new Browser();
  browser.form = new Element("form", { id: "form" }, ...parts);
  browser.body.append(browser.form);
  return browser;
}

test("a page without a form is left as it is", async () => {
  const browser = new Browser();
  await browser.load("app.js");
  assert.deepEqual(browser.addresses, []);
  assert.deepEqual(browser.imports, []);
});

test("the address of a form that a POST has shown is that of the form", async () => {
  const browser = page();
  browser.body.dataset.url = "/__auth/sign-in?lang=en";
  await browser.load("app.js");
  assert.deepEqual(browser.addresses, ["/__auth/sign-in?lang=en"]);
});

for (const framed of [false, true])
  test(`the error summary ${framed ? "in a frame does not take" : "takes"} the focus`, async () => {
    const browser = page();
    browser.framed = framed;
    const summary = new Element("div", { id: "error-summary" });
    browser.body.append(summary);
    await browser.load("app.js");
    assert.equal(Boolean(summary.focused), !framed);
  });

test("one field that is wrong takes the focus", async () => {
  const browser = page(new Element("input", { id: "username", name: "username" }), new Element("input", { id: "password", name: "password", "aria-invalid": "true" }));
  await browser.load("app.js");
  assert.ok(browser.form.elements.password.focused);
  assert.ok(!browser.form.elements.username.focused);
});

test("whoever is signed in to the app is offered to go on", async (t) => {
  const resume = (browser) => {
    browser.body.dataset.resume = "/__auth/static/account.js";
    browser.body.dataset.client = "shop";
    return browser;
  };
  await t.test("with a login of this client", async () => {
    const browser = resume(page());
    browser.localStorage.setItem("credentials_shop", "{}");
    await browser.load("app.js");
    assert.deepEqual(browser.imports, ["/__auth/static/account.js"]);
  });
  await t.test("not with another client's", async () => {
    const browser = resume(page());
    browser.localStorage.setItem("credentials_demo", "{}");
    await browser.load("app.js");
    assert.deepEqual(browser.imports, []);
  });
  await t.test("not where the page does not ask for it", async () => {
    const browser = page();
    browser.body.dataset.client = "shop";
    browser.localStorage.setItem("credentials_shop", "{}");
    await browser.load("app.js");
    assert.deepEqual(browser.imports, []);
  });
  await t.test("not where storage is refused", async () => {
    const browser = resume(page());
    browser.refuseStorage();
    await browser.load("app.js");
    assert.deepEqual(browser.imports, []);
  });
});

test("device_id", async (t) => {
  const field = () => new Element("input", { type: "hidden", name: "device_id", value: "from-the-server" });
  await t.test("the browser's own is sent", async () => {
    const browser = page(field());
    browser.localStorage.setItem("device_id", device);
    await browser.load("app.js");
    assert.equal(browser.form.elements.device_id.value, device);
  });
  await t.test("the server's is kept where there is none", async () => {
    const browser = page(field());
    await browser.load("app.js");
    assert.equal(browser.localStorage.getItem("device_id"), "from-the-server");
    assert.equal(browser.form.elements.device_id.value, "from-the-server");
  });
  for (const odd of ["short", "0123456789abcdef<script>", "x".repeat(49)])
    await t.test(`the server's replaces ${odd}`, async () => {
      const browser = page(field());
      browser.localStorage.setItem("device_id", odd);
      await browser.load("app.js");
      assert.equal(browser.localStorage.getItem("device_id"), "from-the-server");
      assert.equal(browser.form.elements.device_id.value, "from-the-server");
    });
  await t.test("the server's is sent where storage is refused", async () => {
    const browser = page(field());
    browser.refuseStorage();
    await browser.load("app.js");
    assert.equal(browser.form.elements.device_id.value, "from-the-server");
  });
  await t.test("a form without the field leaves storage alone", async () => {
    const browser = page();
    await browser.load("app.js");
    assert.equal(browser.localStorage.getItem("device_id"), null);
  });
});

test("show password", async (t) => {
  const setUp = async () => {
    const input = new Element("input", { type: "password", name: "password", id: "password" });
    const button = new Element("button", { type: "button", "data-show": "password", "aria-pressed": "false" });
    const caps = new Element("span", { class: "caps", "data-text": "Caps Lock is on" });
    button.hidden = true;
    const browser = page(new Element("div", { class: "field" }, input, button, caps), new Element("button", { class: "primary" }));
    await browser.load("app.js");
    return { browser, input, button, caps };
  };
  await t.test("the button appears, shows, and hides again", async () => {
    const { browser, input, button } = await setUp();
    assert.equal(button.hidden, false);
    await browser.fire(button, "click");
    assert.equal(input.type, "text");
    assert.equal(button.getAttribute("aria-pressed"), "true");
    await browser.fire(button, "click");
    assert.equal(input.type, "password");
    assert.equal(button.getAttribute("aria-pressed"), "false");
  });
  await t.test("nothing is shown when the form is sent", async () => {
    const { browser, input, button } = await setUp();
    await browser.fire(button, "click");
    await browser.fire(browser.form, "submit");
    assert.equal(input.type, "password");
    assert.equal(button.getAttribute("aria-pressed"), "false");
  });
  await t.test("caps lock is told while it is on", async () => {
    const { browser, input, caps } = await setUp();
    const press = (type, on) => browser.fire(input, type, { getModifierState: (key) => key === "CapsLock" && on });
    await press("keydown", true);
    assert.equal(caps.textContent, "Caps Lock is on");
    await press("keyup", false);
    assert.equal(caps.textContent, "");
    await press("keydown", true);
    await browser.fire(input, "keydown"); // what a password manager does
    assert.equal(caps.textContent, "");
  });
});

test("once is enough", async (t) => {
  const setUp = async () => {
    const primary = new Element("button", { class: "primary", "data-busy": "Signing in …" });
    const resend = new Element("button", { name: "action", value: "resend" });
    const browser = page(primary, resend);
    await browser.load("app.js");
    return { browser, primary, resend };
  };
  await t.test("the second click sends nothing", async () => {
    const { browser, primary } = await setUp();
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
    assert.equal(primary.getAttribute("aria-busy"), "true");
    assert.equal(primary.getAttribute("aria-label"), "Signing in …");
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, true);
  });
  await t.test("Enter is a press of the primary button", async () => {
    const { browser, primary } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: null });
    assert.equal(primary.getAttribute("aria-busy"), "true");
  });
  await t.test("the button that was pressed is the busy one", async () => {
    const { browser, primary, resend } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: resend });
    assert.equal(resend.getAttribute("aria-busy"), "true");
    assert.equal(resend.hasAttribute("aria-label"), false);
    assert.equal(primary.hasAttribute("aria-busy"), false);
  });
  await t.test("back on the page, the form can be sent again", async () => {
    const { browser, primary } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: primary });
    await browser.fire(browser.window, "pageshow");
    assert.equal(primary.hasAttribute("aria-busy"), false);
    assert.equal(primary.hasAttribute("aria-label"), false);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
  });
  await t.test("so it can 20 seconds after somebody stopped the page", async () => {
    const { browser, primary } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: primary });
    await browser.clock.pass(19_999);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, true);
    await browser.clock.pass(1);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
  });
  await t.test("so it can soon where a file comes and the page stays", async () => {
    const { browser, primary } = await setUp();
    primary.setAttribute("data-again", "2000");
    await browser.fire(browser.form, "submit", { submitter: primary });
    await browser.clock.pass(1_999);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, true);
    await browser.clock.pass(1);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
  });
  await t.test("a button that waits sends nothing, and makes no other wait", async () => {
    const { browser, primary, resend } = await setUp();
    resend.setAttribute("aria-disabled", "true");
    assert.equal((await browser.fire(browser.form, "submit", { submitter: resend })).defaultPrevented, true);
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
  });
});

test("Enter is a press of the primary button where another one comes first", async () => {
  const enter = new Element("button", { "aria-hidden": "true" });
  const primary = new Element("button", { class: "primary", "data-busy": "Signing in …" });
  const browser = page(enter, new Element("button", { name: "action", value: "change" }), primary);
  await browser.load("app.js");
  await browser.fire(browser.form, "submit", { submitter: enter });
  assert.equal(primary.getAttribute("aria-busy"), "true");
  assert.equal(enter.hasAttribute("aria-busy"), false);
});

test("what becomes of a form that was sent", async (t) => {
  const setUp = async () => {
    const primary = new Element("button", { class: "primary" });
    const status = new Element("p", { id: "form-status", "data-late": "Still working…", "data-offline": "You are offline" });
    const browser = page(primary, status);
    await browser.load("app.js");
    return { browser, primary, status };
  };
  await t.test("after five seconds the page says that it takes long", async () => {
    const { browser, primary, status } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: primary });
    await browser.clock.pass(4_999);
    assert.equal(status.textContent, "");
    await browser.clock.pass(1);
    assert.equal(status.textContent, "Still working…");
  });
  await t.test("back on the page it says nothing, and does not begin to", async () => {
    const { browser, primary, status } = await setUp();
    await browser.fire(browser.form, "submit", { submitter: primary });
    await browser.fire(browser.window, "pageshow");
    await browser.clock.pass(10_000);
    assert.equal(status.textContent, "");
  });
  await t.test("without a network nothing is sent, and the page says so until there is one", async () => {
    const { browser, primary, status } = await setUp();
    browser.navigator.onLine = false;
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, true);
    assert.equal(status.textContent, "You are offline");
    assert.equal(primary.hasAttribute("aria-busy"), false);
    browser.navigator.onLine = true;
    await browser.fire(browser.window, "online");
    assert.equal(status.textContent, "");
    assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
  });
});

test("the rules of a new password are ticked as they are met", async () => {
  const rules = {
    length: "^.{8,64}$", upper: "\\p{Lu}", lower: "\\p{Ll}", digit: "\\p{Nd}", symbol: "[^\\p{L}\\p{Nd}]",
  };
  const items = Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, new Element("li", { "data-rule": rule })]));
  const own = new Element("li");
  const input = new Element("input", { id: "new_password", name: "new_password", value: "" });
  const browser = page(new Element("ul", { class: "rules", id: "new_password-help" }, ...Object.values(items), own), input);
  await browser.load("app.js");
  for (const [typed, want] of [
    ["", []],
    ["a", ["lower"]],
    ["Ab1", ["upper", "lower", "digit"]],
    ["correct horse", ["length", "lower", "symbol"]],
    ["Éa1!Éa1", ["upper", "lower", "digit", "symbol"]],
    ["E\u0301a1!E\u0301a1", ["upper", "lower", "digit", "symbol"]], // seven once it is composed
    ["密码密码密码密码", ["length"]],
    ["Correct-horse-1", ["length", "upper", "lower", "digit", "symbol"]],
  ]) {
    input.value = typed;
    await browser.fire(input, "input");
    const met = Object.keys(items).filter((name) => items[name].classList.contains("met"));
    assert.deepEqual(met, want, JSON.stringify(typed));
    assert.ok(!own.classList.contains("met"));
  }
});

test("a code", async (t) => {
  const setUp = async () => {
    const code = new Element("input", { id: "verification_code", name: "verification_code", value: "" });
    const browser = page(code);
    await browser.load("app.js");
    return { browser, code };
  };
  const pasted = async (text) => {
    const { browser, code } = await setUp();
    code.value = text;
    await browser.fire(code, "input");
    return code.value;
  };
  for (const [typed, want] of [
    ["12a", "12"],
    ["1234567", "1234567"],
    ["123456 or 654321", "123456 or 654321"],
    ["ref 654321, code 123-456", "ref 654321, code 123-456"],
  ])
    await t.test(`${typed} is ${want}`, async () => assert.equal(await pasted(typed), want));

  // The server's own table. What script cannot tell is left to the server.
  const messages = JSON.parse(fs.readFileSync(path.join(__dirname, "../../identifier/testdata/codes.json"), "utf8"));
  let found = 0;
  for (const [message, want] of messages)
    await t.test(`${message} has ${want || "none"}`, async () => {
      const got = await pasted(message);
      found += want !== "" && got === want;
      assert.ok(got === message || (want !== "" && got === want), `${got} of ${message}`);
    });
  await t.test("most are found without the server", () => assert.ok(found > 25, `${found} of ${messages.length}`));

  await t.test("is typed digit by digit, and no longer than it is", async () => {
    const { browser, code } = await setUp();
    for (const key of "1a2 3-4５6789") {
      code.value += key;
      await browser.fire(code, "input", { inputType: "insertText" });
    }
    assert.equal(code.value, "123456");
  });
  await t.test("is left alone while an input method composes it", async () => {
    const { browser, code } = await setUp();
    code.value = "１２";
    await browser.fire(code, "input", { isComposing: true });
    assert.equal(code.value, "１２");
  });
});

test("a primary button waits in its own place, words and all", async () => {
  const words = new Element("span", {}, "Send code");
  const primary = new Element("button", { class: "primary", "data-wait": "1", "data-waiting": "Send code in {n} s", "data-ready": "You can ask now" }, words);
  const browser = page(primary, new Element("p", { id: "resend-status" }));
  await browser.load("app.js");
  assert.equal(words.textContent, "Send code in 1 s");
  assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, true);
  await browser.clock.pass(1000);
  assert.equal(words.textContent, "Send code");
  assert.equal((await browser.fire(browser.form, "submit", { submitter: primary })).defaultPrevented, false);
});

test("the wait for another code goes by", async () => {
  const resend = new Element("button", { "data-wait": "2", "data-waiting": "Again in {n} s", "data-ready": "You can ask again" }, "Send again");
  const status = new Element("p", { id: "resend-status" });
  const browser = page(resend, status);
  await browser.load("app.js");
  assert.equal(resend.textContent, "Again in 2 s");
  assert.equal(resend.getAttribute("aria-disabled"), "true");
  await browser.clock.pass(1000);
  assert.equal(resend.textContent, "Again in 1 s");
  assert.equal(status.textContent, "");
  await browser.clock.pass(1000);
  assert.equal(resend.textContent, "Send again");
  assert.equal(resend.getAttribute("aria-disabled"), "false");
  assert.equal(status.textContent, "You can ask again");
});
