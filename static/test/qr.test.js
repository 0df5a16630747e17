// How qr.js asks what became of the code that a page shows.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Browser, Element } = require("./browser.js");

const says = (state) => ({ status: 200, json: { state } });

// A page with a code, in a state.
async function page(state, ...answers) {
  const browser = new Browser();
  const part = (tag, where, more) => new Element(tag, { "data-in": where, ...more });
  browser.form = new Element(
    "form",
    { id: "form" },
    new Element("input", { type: "hidden", name: "csrf_token", value: "csrf-1" }),
    new Element("input", { type: "hidden", name: "qr_state", value: state }),
    part("button", "confirmed", { "data-to": "enter" }),
    part("button", "refused expired", { "data-to": "new" }),
    part("button", "waiting scanned", { "data-to": "check" }),
  );
  browser.figure = part("figure", "waiting scanned");
  browser.body.append(new Element("div", { id: "qr", "data-state": state, "data-status": "/__auth/sign-in/qr/status?flow=f" }, browser.figure), browser.form);
  browser.answers = answers;
  browser.button = (to) => browser.form.querySelector(`button[data-to="${to}"]`);
  await browser.load("qr.js");
  return browser;
}

test("it asks by itself, by a POST with the page's token", async () => {
  const browser = await page("waiting", says("waiting"));
  assert.equal(browser.button("check").hidden, true);
  assert.equal(browser.requests.length, 0);
  await browser.clock.pass(2000);
  assert.equal(browser.requests.length, 1);
  const [{ url, method, headers }] = browser.requests;
  assert.deepEqual([url, method, headers["X-CSRF-Token"]], ["/__auth/sign-in/qr/status?flow=f", "POST", "csrf-1"]);
  assert.equal(browser.figure.hidden, false);
});

test("slower and slower, and again at once when somebody scans", async () => {
  const browser = await page("waiting", ...Array(200).fill(says("waiting")));
  await browser.clock.pass(120000);
  const asked = browser.requests.length;
  assert.ok(asked > 12 && asked < 30, `${asked} times in two minutes`);
  const slow = browser.requests.length;
  await browser.clock.pass(16000);
  assert.equal(browser.requests.length, slow + 2);
  browser.answers = Array(20).fill(says("scanned"));
  const before = browser.requests.length;
  await browser.clock.pass(16000);
  assert.equal(browser.form.elements.qr_state.value, "scanned");
  assert.ok(browser.requests.length > before + 3, `${browser.requests.length - before} times`);
});

test("once confirmed it signs in, by the form's own button, and asks no more", async () => {
  const browser = await page("scanned", says("confirmed"));
  await browser.clock.pass(2000);
  assert.equal(browser.form.submitted, 1);
  assert.equal(browser.form.submitter, browser.button("enter"));
  assert.equal(browser.figure.hidden, true);
  await browser.clock.pass(60000);
  assert.equal(browser.requests.length, 1);
});

for (const state of ["refused", "expired"])
  test(`a code that is ${state} is gone, and a button gets another`, async () => {
    const browser = await page("waiting", says(state));
    await browser.clock.pass(2000);
    assert.deepEqual([browser.figure.hidden, browser.button("new").hidden, browser.button("check").hidden], [true, false, true]);
    assert.equal(browser.form.submitted, undefined);
    await browser.clock.pass(60000);
    assert.equal(browser.requests.length, 1);
  });

test("an outage and a limit are waited out", async () => {
  const browser = await page("waiting", { status: 503 }, { status: 429, headers: { "Retry-After": "20" } }, says("scanned"));
  await browser.clock.pass(2000);
  await browser.clock.pass(6000);
  assert.equal(browser.requests.length, 2);
  await browser.clock.pass(18000);
  assert.equal(browser.requests.length, 2);
  await browser.clock.pass(2000);
  assert.equal(browser.requests.length, 3);
  assert.equal(browser.form.elements.qr_state.value, "scanned");
});

test("no network is waited out too", async () => {
  const browser = await page("waiting", () => { throw new TypeError("no network"); }, says("scanned"));
  await browser.clock.pass(10000);
  assert.equal(browser.form.elements.qr_state.value, "scanned");
});

test("a refusal hands asking back to the person", async () => {
  const browser = await page("waiting", { status: 403 });
  await browser.clock.pass(2000);
  assert.equal(browser.button("check").hidden, false);
  await browser.clock.pass(60000);
  assert.equal(browser.requests.length, 1);
});

test("a page that nobody sees does not ask", async () => {
  const browser = await page("waiting", says("waiting"), says("waiting"));
  browser.document.hidden = true;
  await browser.fire(browser.document, "visibilitychange");
  await browser.clock.pass(60000);
  assert.equal(browser.requests.length, 0);
  browser.document.hidden = false;
  await browser.fire(browser.document, "visibilitychange");
  await browser.clock.pass(2000);
  assert.equal(browser.requests.length, 1);
});

test("a page that came confirmed waits for its button", async () => {
  const browser = await page("confirmed");
  await browser.clock.pass(60000);
  assert.equal(browser.requests.length, 0);
  assert.equal(browser.form.submitted, undefined);
});
