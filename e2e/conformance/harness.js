// What the probes of the other files stand on. A probe is a function, or several with a change of page between them, that lets
// the unmodified SDK do something and throws when the answer, or the state afterwards, is not what it has to be.
"use strict";

const conformance = (() => {
	const probes = [];
	const patience = 30000; // a machine that runs other tests too may be slow

	// probe adds a row: its section, its name there, what it asserts, and the steps that do.
	const probe = (section, name, shows, ...steps) => probes.push({ section, name, shows, steps });

	class Failure extends Error {}

	// plain writes a value so that equal ones read the same. What is no data, as the SDK's own objects, is cut off.
	const plain = (value) => JSON.stringify(data(value, 0));
	const data = (value, depth) => {
		if (Array.isArray(value)) return value.map((v) => data(v, depth + 1));
		if (!value || typeof value !== "object" || value instanceof Date) return value;
		if (depth > 6 || ![Object.prototype, null].includes(Object.getPrototypeOf(value))) return `[${value.constructor?.name}]`;
		const entries = Object.keys(value).sort().map((key) => [key, data(value[key], depth + 1)]);
		return Object.fromEntries(entries);
	};

	// ok asserts a condition; what to say otherwise is a text, or makes one.
	const ok = (condition, what) => {
		if (!condition) throw new Failure(typeof what === "function" ? what() : what);
	};

	const same = (got, want, what) => ok(plain(got) === plain(want), () => `${what}: got ${plain(got)}, want ${plain(want)}`);

	// has asserts the named fields of an object.
	const has = (object, fields, what) => {
		ok(object && ["object", "function"].includes(typeof object), () => `${what}: got ${plain(object)}`);
		for (const [name, want] of Object.entries(fields)) same(object[name], want, `${what}, ${name}`);
	};

	// refused asserts that a call is rejected with a code, as 2.x does it, and returns what it was rejected with.
	const refused = async (call, code, what = "the call") => {
		let answer;
		try {
			answer = await call();
		} catch (error) {
			same(error?.error ?? error?.code, code, `${what} has to be refused (${error?.error_description ?? error?.message})`);
			return error;
		}
		throw new Failure(`${what} has to be refused with ${code}, and was answered with ${plain(answer)}`);
	};

	// failed asserts an answer { data, error } with an error, and returns that.
	const failed = (answer, code, what = "the call") => {
		ok(answer.error, () => `${what} has to fail with ${code}, and was answered with ${plain(answer.data)}`);
		same(answer.error.code, code, `${what} (${answer.error.message})`);
		for (const field of ["user", "session"]) ok(!answer.data?.[field], `${what} failed, but came with a ${field}`);
		return answer.error;
	};

	// fine asserts an answer { data, error } without an error, and returns its data.
	const fine = (answer, what = "the call") => {
		ok(!answer.error, `${what}: ${answer.error?.code} ${answer.error?.message}`);
		return answer.data;
	};

	const within = (promise, what, limit = patience) => {
		let timer;
		const late = new Promise((_, reject) => {
			timer = setTimeout(() => reject(new Failure(`waited too long for ${what}`)), limit);
		});
		return Promise.race([promise, late]).finally(() => clearTimeout(timer));
	};

	// Mailbox hands over what a callback was told.
	class Mailbox {
		#letters = [];
		#waiting = [];
		put = (...letter) => {
			this.#letters.push(letter);
			for (const look of this.#waiting.splice(0)) look();
		};
		get all() {
			return this.#letters;
		}
		// take waits for a letter that fits, and removes it with those before.
		async take(fits, what) {
			const find = async () => {
				for (;;) {
					const at = this.#letters.findIndex((letter) => fits(...letter));
					if (at >= 0) return this.#letters.splice(0, at + 1)[at];
					await new Promise((resolve) => this.#waiting.push(resolve));
				}
			};
			return within(find(), what);
		}
	}

	// means are what this step did besides calling the SDK, for the table.
	let means = new Set();

	// settled names the settings of a change, as "login.MfaConfig.On=true".
	const settled = (change, within = "") =>
		Object.entries(change).flatMap(([key, value]) => {
			const name = within + key;
			if (key === "clock_offset_s") return ["the clock moved on"];
			if (key === "faults") return value.map((f) => `a fault at ${f.path || "every call"} (${f.error || f.status})`);
			if (value && typeof value === "object" && !Array.isArray(value)) return settled(value, name + ".");
			return ["setting " + name + "=" + (typeof value === "string" ? value : Array.isArray(value) ? "[…]" : JSON.stringify(value))];
		});

	const exposedMeans = (name, [first, second, third]) => {
		if (name === "giveConsent") return ["the consent form posted"];
		if (name === "signTicket") return ["a ticket by @cloudbase/node-sdk"];
		if (name === "beInWeChat") return ["the header of WeChat's cloud"];
		if (name !== "controlEmulator") return [];
		if (first === "PUT" && second === "/__emulator/settings") return settled(JSON.parse(third));
		if (first === "PUT" && second.startsWith("/__emulator/users/")) return Object.keys(JSON.parse(third)).map((key) => `a user's ${key} set`);
		if (second.startsWith("/__emulator/outbox.json")) return ["codes read from the outbox"];
		if (second.startsWith("/__emulator/captcha/")) return ["a picture's answer from the emulator"];
		return []; // only looks
	};

	const exposed = async (name, ...args) => {
		for (const one of exposedMeans(name, args)) means.add(one);
		const { failed: why, answer } = await window[name](...args);
		if (why) throw new Failure(why);
		return answer;
	};

	const control = (method, path, body) => exposed("controlEmulator", method, "/__emulator" + path, body ? JSON.stringify(body) : "");

	// calls are the requests that the SDK made in this probe, and how they were answered. Nothing is changed on the way.
	const realFetch = window.fetch.bind(window);
	let calls = [];
	window.fetch = async (address, options = {}) => {
		const url = new URL(address);
		const call = { method: options.method, path: url.pathname, query: Object.fromEntries(url.searchParams), headers: options.headers };
		try {
			call.body = JSON.parse(options.body);
		} catch {
			call.body = options.body;
		}
		calls.push(call);
		const response = await realFetch(address, options);
		call.status = response.status;
		call.answer = await response
			.clone()
			.json()
			.catch(() => undefined);
		return response;
	};

	const original = "original settings"; // of the emulator, kept over a change of page until the probe has ended

	const demo = { username: "demo", password: "Demo-pass-1", email: "demo@example.com" };

	// World is what a probe gets: the SDK for an environment of the probe's own, and the emulator's view of that.
	class World {
		constructor(env) {
			this.env = env;
			this.demo = demo;
			this.setUp();
		}

		// setUp makes the SDK's objects, as an app does when its page loads.
		setUp() {
			this.app = cloudbase.init({ env: this.env, region: "ap-shanghai", lang: "en-US" });
			const url = "//" + new URL(setup.emulator).host;
			if (setup.sdk === "sdk2") {
				// 2.x takes its address when the auth object is made, so that is made again.
				this.app.registerEndPointWithKey({ url, protocol: "http:", key: "CLOUD_API" });
				this.auth = this.app.auth({});
			} else {
				this.app.registerEndPointWithKey({ url, protocol: "http:", key: "GATEWAY" });
				this.auth = this.app.auth();
			}
			this.api = this.auth.oauthInstance.authApi;
		}
		// detectSession makes the auth object anew, as one that looks for a provider's answer in the page's address.
		detectSession() {
			this.app.config.auth = { detectSessionInUrl: true };
			this.auth = this.app.auth({});
			this.api = this.auth.oauthInstance.authApi;
		}

		// keep remembers something until the next step.
		keep(values) {
			sessionStorage.setItem("kept", JSON.stringify({ ...this.kept, ...values }));
		}
		get kept() {
			return JSON.parse(sessionStorage.getItem("kept") ?? "{}");
		}

		get calls() {
			return calls;
		}
		// called returns the SDK's calls of a path.
		called(path) {
			return calls.filter((call) => call.path === "/auth" + path);
		}

		// raw calls the API as another device of somebody would.
		async raw(method, path, { body, token, device = "another-device-0001" } = {}) {
			means.add("calls of another device");
			const headers = { "x-device-id": device, "accept-language": "en-US" };
			if (token) headers.authorization = "Bearer " + token;
			const address = setup.emulator + "/auth" + path + (token ? "" : (path.includes("?") ? "&" : "?") + "client_id=" + this.env);
			const response = await realFetch(address, { method, headers, body: body && JSON.stringify(body) });
			return response.json();
		}
		// enters says with which code a password is refused on another device, or "".
		async enters(username, password) {
			return (await this.raw("POST", "/v1/signin", { body: { username, password } })).error ?? "";
		}
		// elsewhere signs somebody in on another device.
		async elsewhere(username, password, device) {
			const answer = await this.raw("POST", "/v1/signin", { body: { username, password }, device });
			ok(answer.access_token, () => `signing in elsewhere: ${plain(answer)}`);
			return answer;
		}
		// me is the profile that a token opens, or the refusal.
		me(token) {
			return this.raw("GET", "/v1/user/me", { token });
		}

		async settings(change) {
			if (!sessionStorage.getItem(original)) sessionStorage.setItem(original, JSON.stringify(await control("GET", "/settings")));
			return control("PUT", "/settings", change);
		}
		// later moves the emulator's clock.
		async later(seconds) {
			this.offset = (this.offset ?? 0) + seconds;
			await this.settings({ clock_offset_s: this.offset });
		}
		fault(...faults) {
			return this.settings({ faults: faults.map((f) => ({ status: 0, error: "", body: "", times: 1, ...f })) });
		}

		// code is the newest code that was sent to an address.
		async code(to) {
			const { messages } = await control("GET", "/outbox.json?to=" + encodeURIComponent(to));
			const mine = messages.filter((message) => message.env === this.env);
			ok(mine.length, `no message to ${to}`);
			return mine[0].code;
		}
		// wrong is a code that was not sent.
		async wrong(to) {
			return (await this.code(to)) === "000000" ? "111111" : "000000";
		}
		async messages(to) {
			const { messages } = await control("GET", "/outbox.json?to=" + encodeURIComponent(to));
			return messages.filter((message) => message.env === this.env);
		}
		async users() {
			return (await control("GET", "/users.json?env=" + this.env)).users;
		}
		// person is a user as the emulator knows them, by any name.
		async person(by) {
			const flat = (phone) => phone.replaceAll(" ", "");
			const found = (await this.users()).find((u) => [u.sub, u.username, u.email].includes(by) || (u.phone_number && flat(u.phone_number) === flat(by)));
			ok(found, `the emulator knows nobody as ${by}`);
			return found;
		}
		async nobody(by) {
			ok(!(await this.users()).some((u) => [u.sub, u.username, u.email, u.phone_number].includes(by)), `${by} is still there`);
		}
		change(sub, fields) {
			return control("PUT", "/users/" + sub, fields);
		}
		control(method, path, body) {
			return control(method, path, body);
		}

		// register makes a user, as a person who signed up last year would be there.
		async register(to, extra = {}) {
			const field = to.includes("@") ? "email" : "phone_number";
			await this.later(-7200);
			const sent = await this.raw("POST", "/v1/verification", { body: { [field]: to } });
			const verified = await this.raw("POST", "/v1/verification/verify", {
				body: { verification_id: sent.verification_id, verification_code: await this.code(to) },
			});
			const answer = await this.raw("POST", "/v1/signup", { body: { [field]: to, verification_token: verified.verification_token, ...extra } });
			await this.later(7200);
			ok(answer.sub, () => `registering ${to}: ${plain(answer)}`);
			return this.person(answer.sub);
		}

		// proof lets the SDK verify an address, and returns the verification_token.
		async proof(to, extra = {}) {
			const field = to.includes("@") ? "email" : "phone_number";
			const sent = await this.auth.getVerification({ [field]: to, ...extra });
			const { verification_token: token } = await this.auth.verify({ verification_id: sent.verification_id, verification_code: await this.code(to) });
			ok(token, "verify has returned no verification_token");
			return token;
		}
		async sudo(proof = { password: demo.password }) {
			const { sudo_token: token } = await this.auth.sudo(proof);
			ok(token, "sudo has returned no sudo_token");
			return token;
		}
		signIn(username = demo.username, password = demo.password) {
			return this.auth.signIn({ username, password });
		}

		// consent lets somebody say yes at a provider, and returns what the app is handed.
		async consent(uri, fields = {}) {
			const form = new URLSearchParams({ decision: "allow", sub: "them-1", name: "Third Party", ...fields });
			const back = await exposed("giveConsent", uri, form.toString());
			const url = back ? new URL(back) : undefined;
			return { back, ...(url ? Object.fromEntries(url.searchParams) : {}) };
		}
		// providerCode is the code with which a provider sends somebody back to the app.
		async providerCode(provider = "demo", fields = {}) {
			const { uri } = await this.auth.genProviderRedirectUri({
				provider_id: provider, provider_redirect_uri: location.origin + "/app/", state: "some-state",
			});
			return (await this.consent(uri, fields)).code;
		}
		async providerToken(provider = "demo", fields = {}) {
			const { provider_token: token } = await this.auth.grantProviderToken({
				provider_id: provider, provider_redirect_uri: location.origin + "/app/", provider_code: await this.providerCode(provider, fields),
			});
			ok(token, "grantProviderToken has returned no provider_token");
			return token;
		}
		ticket(uid, env = this.env) {
			return exposed("signTicket", env, uid);
		}
		inWeChat(openid) {
			return exposed("beInWeChat", this.env, openid);
		}

		get stored() {
			return JSON.parse(localStorage.getItem("credentials_" + this.env));
		}
		get storedUser() {
			return JSON.parse(localStorage.getItem("user_info_" + this.env))?.content;
		}
		// expire makes the stored login one of long ago.
		expire(fields = {}) {
			return this.auth.setCredentials({ ...this.stored, expires_at: new Date(Date.now() - 1000), ...fields });
		}
		// signedIn asserts that the SDK, its storage and the emulator all see this person, and returns the profile.
		async signedIn(sub, fields = {}) {
			ok(sub, "whom to expect?");
			ok(this.auth.hasLoginState(), "hasLoginState() is null after the sign-in");
			ok(await this.auth.getLoginState(), "getLoginState() is null after the sign-in");
			same(this.stored?.sub, sub, "the stored credentials' sub");
			same(this.storedUser?.uid, sub, "the stored user's uid");
			const { accessToken } = await this.auth.getAccessToken();
			const me = await this.me(accessToken);
			has(me, { sub, ...fields }, "who the access token belongs to");
			const user = await this.auth.getCurrentUser();
			has(user, { uid: sub, ...fields }, "getCurrentUser()");
			return me;
		}
		// signedOut asserts that nobody is signed in here.
		async signedOut() {
			ok(!this.auth.hasLoginState(), "hasLoginState() is not null");
			ok(!(await this.auth.getLoginState()), "getLoginState() is not null");
			ok(!this.stored, "the credentials are still stored");
		}

		// solve answers the SDK's own captcha dialog.
		async solve() {
			const image = await appears(() => document.getElementById("captcha-image"));
			const dialog = image.parentElement.parentElement;
			ok(image.src.startsWith("data:image/png;base64,"), () => `the picture is ${image.src.slice(0, 40)}`);
			dialog.querySelector("input").value = (await control("GET", "/captcha/latest")).key;
			[...dialog.querySelectorAll("button")].at(-1).click();
			await appears(() => !document.getElementById("captcha-image"));
		}
	}

	// appears waits until the document has what is looked for.
	const appears = (look) =>
		within(
			new Promise((resolve) => {
				const check = () => {
					const found = look();
					if (found) {
						observer.disconnect();
						resolve(found);
					}
				};
				const observer = new MutationObserver(check);
				observer.observe(document, { subtree: true, childList: true, attributes: true });
				check();
			}),
			"the page to change",
		);

	// run runs a step of a probe, and says what went wrong, or how the browser leaves the page. Where it leaves, the next page
	// may overtake what is returned, and a binding's call as well: so it is told to the app's server, which this page waits for.
	const run = async (n, env, step) => {
		const last = step + 1 === probes[n].steps.length;
		const said = await attempt(n, env, step, last);
		if (!last) tell(said);
		return said;
	};
	const tell = (said) => {
		const request = new XMLHttpRequest();
		request.open("POST", "/told", false); // synchronous: while it waits, no other page takes this one's place
		request.send(said);
	};
	const attempt = async (n, env, step, last) => {
		calls = [];
		means = new Set();
		if (step === 0) sessionStorage.removeItem("kept");
		try {
			const then = await within(probes[n].steps[step](new World(env)), "the step", 4 * patience);
			if (!last) document.documentElement.dataset.left = "yes";
			return JSON.stringify({ then: then ?? "", means: [...means] });
		} catch (error) {
			const what = error instanceof Failure ? error.message : `${error?.error ?? error?.name} ${error?.error_description ?? error?.message}\n${error?.stack ?? ""}`;
			const trace = calls.map((c) => `${c.method} ${c.path} ${c.status} ${plain(c.answer)?.slice(0, 300)}`).join("\n");
			const where = error?.stack?.split("\n").filter((l) => /conformance\/(methods|results|errors)/.test(l)).map((l) => l.trim()).slice(0, 3).join(" ");
			return JSON.stringify({ failed: `${what}\nat ${where}\nThe SDK's calls:\n${trace}` });
		}
	};

	// tidy puts the emulator's settings back, and takes away what a failed probe may have left behind.
	const tidy = async () => {
		const before = sessionStorage.getItem(original);
		if (before) await control("PUT", "/settings", JSON.parse(before));
		sessionStorage.removeItem(original);
		history.replaceState(null, "", "/app/");
		document.body?.replaceChildren();
	};

	// inner are the methods of the SDK's objects that are no part of its interface: private in its sources, or steps of others.
	const inner = {
		Auth: ["formatPhone", "notifyListeners", "setupListeners", "convertToUser", "validateParams", "validateAtLeastOne", "init", "setAccessKey"],
		User: ["getLocalUserInfoAsync", "setUserInfo", "checkLocalInfo", "checkLocalInfoAsync"],
		authApi: ["getParamsByVersion", "restoreUrlState"],
	};
	// behind are the methods of authApi that a method of Auth stands for, whose row covers both.
	const behind = {
		editContact: "Auth.bindPhoneNumber", setUserProfile: "User.update", queryUserProfile: "Auth.queryUser", checkIfUserExist: "Auth.isUsernameRegistered",
		getMiniProgramCode: "Auth.getMiniProgramQrCode", signInCustom: "Auth.signInWithCustomTicket", updatePasswordByOld: "Auth.resetPasswordForOld",
		getInitialSession: "Auth.signInWithOAuth", hasLoginStateSync: "Auth.hasLoginState", toBindIdentity: "Auth.linkIdentity",
	};

	// missing are the methods of this SDK that have no row.
	const missing = async (env) => {
		const { auth, api } = new World(env);
		await auth.signIn({ username: demo.username, password: demo.password });
		const rows = new Set(probes.map((p) => p.name));
		const methods = (object) => {
			const names = new Set();
			for (let proto = Object.getPrototypeOf(object); proto && proto !== Object.prototype && proto !== Function.prototype; proto = Object.getPrototypeOf(proto)) {
				for (const name of Object.getOwnPropertyNames(proto)) if (name !== "constructor") names.add(name);
			}
			return [...names];
		};
		return [
			...methods(auth).filter((m) => !inner.Auth.includes(m)).map((m) => "Auth." + m),
			...methods(auth.currentUser).filter((m) => !inner.User.includes(m)).map((m) => "User." + m),
			...methods(api)
				.filter((m) => !inner.authApi.includes(m) && !rows.has("Auth." + m) && !rows.has("User." + m) && !rows.has(behind[m]))
				.map((m) => "authApi." + m),
		].filter((name) => !rows.has(name));
	};

	return {
		probe, ok, same, has, refused, failed, fine, plain, within, appears, Mailbox, World, run, tidy, missing,
		get probes() {
			return probes.map(({ steps, ...rest }) => ({ ...rest, steps: steps.length }));
		},
	};
})();
