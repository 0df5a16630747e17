// What app.js adds to pages that work without it.
"use strict";

const assert = require("node:assert/strict");
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

test("a code", async (t) => {
  const setUp = async () => {
    const code = new Element("input", { id: "verification_code", name: "verification_code", value: "" });
    const browser = page(code);
    await browser.load("app.js");
    return { browser, code };
  };
  for (const [typed, want] of [
    ["123456", "123456"],
    [" 123-456 ", "123456"],
    ["１２３４５６", "123456"],
    ["Your code: 123456. It is valid for 10 minutes.", "123456"],
    ["12a", "12"],
    ["1234567", "123456"],
  ])
    await t.test(`${typed} is ${want}`, async () => {
      const { browser, code } = await setUp();
      code.value = typed;
      await browser.fire(code, "input");
      assert.equal(code.value, want);
    });
  await t.test("is left alone while an input method composes it", async () => {
    const { browser, code } = await setUp();
    code.value = "１２";
    await browser.fire(code, "input", { isComposing: true });
    assert.equal(code.value, "１２");
  });
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
