// What code.js makes of what is typed and pasted.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { Browser, Element } = require("./browser.js");

test("a code", async (t) => {
  const setUp = async () => {
    const code = new Element("input", { id: "verification_code", name: "verification_code", value: "" });
    const browser = new Browser();
    browser.body.append(code);
    await browser.load("code.js");
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
  for (const [message, want] of JSON.parse(fs.readFileSync(path.join(__dirname, "../../identifier/testdata/codes.json"), "utf8")))
    await t.test(`${message} has ${want || "none"}`, async () => {
      const { browser, code } = await setUp();
      code.value = message;
      await browser.fire(code, "input", { inputType: "insertFromPaste" });
      assert.equal(code.value, want || message); // what has none is the server's to refuse
      code.value = message;
      await browser.fire(code, "input"); // filled in by a program
      if (want) assert.equal(code.value, want);
    });
  await t.test("is typed digit by digit, and no longer than it is", async () => {
    const { browser, code } = await setUp();
    for (const key of "1a2 3-4５6789") {
      code.value += key;
      await browser.fire(code, "input", { inputType: "insertText" });
    }
    assert.equal(code.value, "123456");
  });
  await t.test("is what is left as somebody takes a digit out", async () => {
    const { browser, code } = await setUp();
    code.value = "1234567";
    await browser.fire(code, "input", { inputType: "insertFromPaste" });
    assert.equal(code.value, "1234567");
    code.value = "123456";
    await browser.fire(code, "input", { inputType: "deleteContentBackward" });
    assert.equal(code.value, "123456");
  });
  await t.test("is left alone while an input method composes it", async () => {
    const { browser, code } = await setUp();
    code.value = "１２";
    await browser.fire(code, "input", { isComposing: true });
    assert.equal(code.value, "１２");
  });
});
