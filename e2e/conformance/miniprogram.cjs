// Runs one method of the SDK as a WeChat mini program has it, on the unmodified miniprogram_dist of the npm package: node
// miniprogram.cjs FOLDER ROW, with {"emulator", "env", "sdk"} on standard input. WeChat itself is played by the global wx below, whose
// requests go to the emulator over HTTP and whose codes are the emulator's made-up ones. It answers {"failed": why} or {}.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const assert = require("node:assert/strict");

const [, , folder, row] = process.argv;
const setup = JSON.parse(fs.readFileSync(0, "utf8"));
const appId = "wx0123456789abcdef";

// code is what wx.login hands out next.
let code = "openid:oVisitor-1";
let refuse = false; // WeChat does not answer
const storage = new Map();
const device = { platform: "devtools", system: "iOS 17", model: "iPhone", language: "en", SDKVersion: "3.5.0", version: "8.0.50" };

// seen are the requests that the SDK made.
const seen = [];

// send does a request over HTTP and hands over what wx would.
async function send({ url, method = "GET", header = {}, data }) {
	const address = new URL(url);
	assert.equal(address.host, new URL(setup.emulator).host, "a request to another host");
	const body = method === "GET" || data === undefined ? undefined : typeof data === "string" ? data : JSON.stringify(data);
	const response = await fetch(address, { method, headers: header, body });
	const text = await response.text();
	seen.push({ method, path: address.pathname, cloud: false });
	let parsed = text;
	try {
		parsed = JSON.parse(text);
	} catch {
		// wx hands over text where it is no JSON
	}
	return { statusCode: response.status, header: Object.fromEntries(response.headers), data: parsed };
}

globalThis.Page = () => {};
globalThis.App = () => {};
globalThis.getApp = () => ({});
globalThis.wx = {
	getAccountInfoSync: () => ({ miniProgram: { appId, envVersion: "develop", version: "" } }),
	getDeviceInfo: () => device,
	getSystemInfoSync: () => device,
	getSystemInfo: ({ success }) => success?.(device),
	getAppBaseInfo: () => device,
	getWindowInfo: () => ({}),
	getRendererUserAgent: async () => "miniprogram",
	getStorageSync: (key) => storage.get(key) ?? "",
	setStorageSync: (key, value) => void storage.set(key, value),
	removeStorageSync: (key) => void storage.delete(key),
	clearStorageSync: () => storage.clear(),
	connectSocket: () => assert.fail("nothing here needs a socket"),
	uploadFile: () => assert.fail("nothing here uploads"),
	downloadFile: () => assert.fail("nothing here downloads"),
	onAppShow() {},
	onAppHide() {},
	offAppShow() {},
	offAppHide() {},
	login(options = {}) {
		if (refuse) {
			options.fail?.({ errMsg: "login:fail", errno: 600001 });
			return Promise.reject(new Error("login:fail"));
		}
		const result = { code, errMsg: "login:ok" };
		options.success?.(result);
		return Promise.resolve(result);
	},
	request(options) {
		send(options).then(
			(result) => {
				options.success?.(result);
				options.complete?.(result);
			},
			(error) => {
				options.fail?.({ errMsg: "request:fail " + error.message });
				options.complete?.({ errMsg: "request:fail " + error.message });
			},
		);
		return { abort() {}, onHeadersReceived() {} };
	},
	// WeChat Cloud Development passes a call on: the cloud function httpOverCallFunction makes it and hands the answer back.
	cloud: {
		init() {},
		async callFunction({ name, data }) {
			assert.equal(name, "httpOverCallFunction");
			const { statusCode, header, data: body } = await send({ url: data.url, method: data.method, header: data.headers, data: data.body });
			seen.at(-1).cloud = true;
			return { result: { statusCode, headers: header, body } };
		},
	},
};

const loaded = require(path.resolve(folder));
const cloudbase = loaded.default ?? loaded;

// raw calls the API as another device would.
async function raw(method, where, body, token) {
	const headers = { "x-device-id": "another-device-0001", "accept-language": "en-US" };
	if (token) headers.authorization = "Bearer " + token;
	const query = token ? "" : (where.includes("?") ? "&" : "?") + "client_id=" + setup.env;
	return (await fetch(setup.emulator + "/auth" + where + query, { method, headers, body: body && JSON.stringify(body) })).json();
}

async function control(method, where, body) {
	const response = await fetch(setup.emulator + "/__emulator" + where, { method, body: body && JSON.stringify(body) });
	return response.json();
}

// refused asserts that a call is refused with a code: as a rejection, or as { error }.
async function refused(call, wanted) {
	let answer;
	try {
		answer = await call();
	} catch (error) {
		assert.equal(error.error ?? error.code, wanted, error.error_description ?? error.message);
		return;
	}
	assert.ok(answer?.error, `refused with ${wanted}? the answer is ${JSON.stringify(answer?.data ?? null)}`);
	assert.equal(answer.error.code ?? answer.error.error, wanted);
}

function setUp() {
	const app = cloudbase.init({ env: setup.env, region: "ap-shanghai", lang: "en-US", wxCloud: wx.cloud });
	const url = "//" + new URL(setup.emulator).host;
	app.registerEndPointWithKey({ url, protocol: "http:", key: setup.sdk === "sdk2" ? "CLOUD_API" : "GATEWAY" });
	return { app, auth: setup.sdk === "sdk2" ? app.auth({}) : app.auth() };
}

// who is signed in, as the SDK and the emulator know it.
async function who(auth) {
	const { accessToken } = await auth.getAccessToken();
	const me = await raw("GET", "/v1/user/me", undefined, accessToken);
	assert.equal(me.error, undefined, me.error_description);
	return me;
}

const identity = (me) => me.providers.find((provider) => provider.id === appId)?.provider_user_id;

// The rows. Each is the method of the documents or of the SDK that it is named after.
const rows = {
	async "documented/Auth.signInWithOpenId"() {
		const { auth } = setUp();
		await auth.signInWithOpenId({ useWxCloud: false });
		const first = await who(auth);
		assert.equal(identity(first), "oVisitor-1");
		await auth.signOut();
		code = "openid:oVisitor-2";
		await auth.signInWithOpenId(); // through WeChat Cloud, as the default is
		assert.ok(seen.some((call) => call.cloud && call.path === "/auth/v1/provider/token"), "nothing went through the cloud");
		const second = await who(auth);
		assert.equal(identity(second), "oVisitor-2");
		assert.notEqual(second.sub, first.sub);
		await auth.signOut();
		code = "openid:oVisitor-1";
		await auth.signInWithOpenId({ useWxCloud: false });
		assert.equal((await who(auth)).sub, first.sub, "the same person is another user");
		await auth.signOut();
		code = "made up by nobody";
		await refused(() => auth.signInWithOpenId({ useWxCloud: false }), "failed_precondition");
		await control("PUT", "/settings", { providers: { wx_micro_app: { AutoSignUpWithProviderUser: false } } });
		code = "openid:oVisitor-3";
		await refused(() => auth.signInWithOpenId({ useWxCloud: false }), "not_found");
		refuse = true;
		await assert.rejects(async () => {
			const { error } = await auth.signInWithOpenId({ useWxCloud: false });
			throw error;
		});
	},

	async "documented/Auth.signInWithUnionId"() {
		const { auth } = setUp();
		code = "unionid:uVisitor-1";
		await auth.signInWithUnionId();
		const first = await who(auth);
		assert.equal(identity(first), "uVisitor-1");
		await auth.signOut();
		await auth.signInWithUnionId();
		assert.equal((await who(auth)).sub, first.sub, "the same person is another user");
		await auth.signOut();
		code = "openid:oVisitor-1";
		await refused(() => auth.signInWithUnionId(), "failed_precondition");
	},

	async "documented/Auth.signInWithPhoneAuth"() {
		const { auth } = setUp();
		await auth.signInWithPhoneAuth({ phoneCode: "phone:13800000001" });
		const first = await who(auth);
		assert.equal(first.phone_number, "+86 13800000001");
		await auth.signOut();
		code = "openid:oVisitor-2"; // the same number on somebody else's phone
		await auth.signInWithPhoneAuth({ phoneCode: "phone:13800000001" });
		assert.equal((await who(auth)).sub, first.sub, "the number is another user's");
		await auth.signOut();
		await refused(() => auth.signInWithPhoneAuth({ phoneCode: "no code of WeChat's" }), "failed_precondition");
	},

	async "further/Auth.signInAnonymouslyInWx"() {
		const { auth } = setUp();
		await auth.signInAnonymouslyInWx({ useWxCloud: false });
		const first = await who(auth);
		assert.equal(await auth.loginScope(), "anonymous");
		await auth.signOut();
		await auth.signInAnonymouslyInWx({ useWxCloud: false });
		assert.equal((await who(auth)).sub, first.sub, "the same person is another user");
		await auth.signOut();
		code = "openid:oVisitor-2";
		await auth.signInAnonymouslyInWx({ useWxCloud: false });
		assert.notEqual((await who(auth)).sub, first.sub, "two people are one user");
	},

	async "further/Auth.bindOpenId"() {
		const { auth } = setUp();
		await auth.signIn({ username: "demo", password: "Demo-pass-1" });
		await auth.bindOpenId();
		const demo = await who(auth);
		assert.equal(identity(demo), "oVisitor-1");
		await auth.signOut();
		await auth.signInWithOpenId({ useWxCloud: false });
		assert.equal((await who(auth)).sub, demo.sub, "the bound identity opens another account");
		await auth.signOut();
		code = "openid:oVisitor-2";
		await auth.signInWithOpenId({ useWxCloud: false });
		code = "openid:oVisitor-1";
		await refused(() => auth.bindOpenId(), "already_exists");
	},
};

Promise.resolve()
	.then(() => rows[row]())
	.then(
		() => ({}),
		(error) => ({ failed: String(error?.stack ?? JSON.stringify(error)) }),
	)
	.then((answer) => {
		process.stdout.write("\n" + JSON.stringify(answer) + "\n", () => process.exit(0)); // the SDK's timers would keep it alive
	});
