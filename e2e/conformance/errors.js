// The error codes of the SDK's documents, brought about as an app would meet them: as a rejection, as 2.x has it, and, where a
// method answers so, as { data, error }.
"use strict";
(() => {
	const { ok, same, has, refused, failed, fine } = conformance;
	const phone = "+86 13800000001";
	const email = "somebody@example.com";
	const password = "Some-pass-2026";

	let probe = (name, shows, ...steps) => conformance.probe("login", name, shows, ...steps);

	// both signs in with a password in both styles.
	const both = async (t, code, username = "demo", given = t.demo.password) => {
		const thrown = await refused(() => t.auth.signIn({ username, password: given }), code, "signIn");
		const error = failed(await t.auth.signInWithPassword({ username, password: given }), code, "signInWithPassword");
		await t.signedOut();
		return { thrown, error };
	};

	probe("not_found", "nobody has the username, the number or the address; nobody is signed in", async (t) => {
		const { thrown, error } = await both(t, "not_found", "nobody");
		has(thrown, { error_code: 5, error_description: "User not found" }, "the rejection");
		same(error.category, "USER_NOT_FOUND", "the category");
		await both(t, "not_found", phone);
		await both(t, "not_found", email);
	});

	probe("password_not_set", "a user who signed up by code has no password; the code signs in", async (t) => {
		const her = await t.register(email);
		await both(t, "password_not_set", email, password);
		await t.auth.signIn({ username: email, verification_token: await t.proof(email) });
		await t.signedIn(her.sub);
	});

	probe("invalid_password", "details tell how many tries remain; the right one signs in", async (t) => {
		const thrown = await refused(() => t.auth.signIn({ username: "demo", password: "Wrong-pass-1" }), "invalid_password");
		has(thrown, { error_code: 4003, details: [{ remaining: 9 }] }, "the rejection");
		const error = failed(await t.auth.signInWithPassword({ username: "demo", password: "Wrong-pass-1" }), "invalid_password");
		same(error.category, "INVALID_CREDENTIALS", "the category");
		await t.signedOut();
		await t.settings({ captcha: "never" });
		await t.signIn();
		await t.signedIn((await t.person("demo")).sub);
	});

	for (const [code, status] of [["user_pending", "PENDING"], ["user_blocked", "BLOCKED"]]) {
		probe(code, "by password, code and provider; signed in ones are out; let in again, the user can sign in", async (t) => {
			const { sub } = await t.person("demo");
			const there = await t.elsewhere("demo", t.demo.password);
			await t.change(sub, { status });
			await both(t, code);
			same((await t.me(there.access_token)).error, "unauthenticated", "a login of before");
			const verification_token = await t.proof(t.demo.email);
			await refused(() => t.auth.signIn({ username: t.demo.email, verification_token }), code, "by code");
			const token = await t.providerToken("demo", { sub: "tp-1", email: t.demo.email });
			failed(await t.auth.signInWithIdToken({ token }), code, "by provider");
			await t.change(sub, { status: "ACTIVE" });
			await t.signIn();
			await t.signedIn(sub);
		});
	}

	probe("invalid_status", "after ten wrong passwords the right one is refused, for ten minutes; details tell for how long", async (t) => {
		await t.settings({ captcha: "never" });
		for (const remaining of [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]) {
			const thrown = await refused(() => t.auth.signIn({ username: "demo", password: "Wrong-pass-1" }), "invalid_password");
			same(thrown.details, [{ remaining }], "details");
		}
		const { thrown } = await both(t, "invalid_status");
		const { retry_in } = thrown.details[0];
		ok(retry_in > 500 && retry_in <= 600, () => `retry_in is ${retry_in}`);
		await t.later(601);
		await t.signIn();
		await t.signedIn((await t.person("demo")).sub);
	});

	probe("invalid_two_factor", "with a second factor asked for, a wrong or used one is refused, and a code of one's own address signs in", async (t) => {
		await t.settings({ login: { MfaConfig: { On: true } } });
		const credentials = { username: "demo", password: t.demo.password };
		await refused(() => t.auth.signIn({ ...credentials }), "two_factor_required", "without one");
		await refused(() => t.auth.signIn({ ...credentials, verification_token: "wrong" }), "invalid_two_factor", "a wrong one");
		const foreign = await t.proof(email);
		await refused(() => t.auth.signIn({ ...credentials, verification_token: foreign }), "invalid_two_factor", "somebody else's");
		await t.signedOut();
		const verification_token = await t.proof(t.demo.email);
		await t.auth.signIn({ ...credentials, verification_token });
		await t.signedIn((await t.person("demo")).sub);
		await t.auth.signOut();
		await refused(() => t.auth.signIn({ ...credentials, verification_token }), "invalid_two_factor", "a used one");
	});

	probe = (name, shows, ...steps) => conformance.probe("registration", name, shows, ...steps);

	probe("failed_precondition", "the number or address is registered already; no second user, and the first one's password stays", async (t) => {
		await t.register(phone, { username: "somebody", password });
		const before = (await t.users()).length;
		for (const to of [{ phone_number: phone }, { email: t.demo.email }]) {
			const verification_token = await t.proof(Object.values(to)[0]);
			const thrown = await refused(() => t.auth.signUp({ ...to, verification_token, password: "Other-pass-1" }), "failed_precondition");
			has(thrown, { error_code: 9, error_description: "This phone number or e-mail address is already registered" }, "the rejection");
		}
		same((await t.users()).length, before, "users");
		same(await t.enters("somebody", password), "", "the first one's password");
		await refused(() => t.auth.getVerification({ phone_number: "+86 13800000001", target: "NOT_USER" }), "resource_exhausted", "right after another code");
		await t.later(31);
		await refused(() => t.auth.getVerification({ phone_number: phone, target: "NOT_USER" }), "failed_precondition", "a code for new numbers only");
	});

	probe = (name, shows, ...steps) => conformance.probe("verification", name, shows, ...steps);

	probe("failed_precondition", "the third party does not answer for its code; the next code does", async (t) => {
		const provider_redirect_uri = location.origin + "/app/";
		const provider_code = await t.providerCode("demo", { decision: "fail" });
		const thrown = await refused(() => t.auth.grantProviderToken({ provider_id: "demo", provider_redirect_uri, provider_code }), "failed_precondition");
		has(thrown, { error_code: 9, error_description: "Failed to get the user's information from the third party" }, "the rejection");
		const { url } = fine(await t.auth.signInWithOAuth({ provider: "demo", options: { skipBrowserRedirect: true } }));
		const { code, state } = await t.consent(url, { decision: "fail" });
		failed(await t.auth.verifyOAuth({ code, state }), "failed_precondition", "verifyOAuth");
		await t.signedOut();
		await t.auth.signInWithProvider({ provider_token: await t.providerToken() });
		await t.signedIn(t.stored.sub);
	});

	probe("resource_exhausted", "a second code within 30 seconds, and one more than the day's limit; retry_after tells when; no message goes out", async (t) => {
		await t.auth.getVerification({ phone_number: phone });
		const thrown = await refused(() => t.auth.getVerification({ phone_number: phone }), "resource_exhausted");
		has(thrown, { error_code: 8 }, "the rejection");
		ok(thrown.retry_after > 0 && thrown.retry_after <= 30, () => `retry_after is ${thrown.retry_after}`);
		const error = failed(await t.auth.signInWithOtp({ phone: "13800000001" }), "resource_exhausted");
		same(error.category, "RATE_LIMITED", "the category");
		ok(error.retryAfter > 0 && error.retryAfter <= 30, () => `retryAfter is ${error.retryAfter}`);
		same((await t.messages(phone)).length, 1, "messages");
		await t.later(31);
		await t.auth.getVerification({ phone_number: phone });
		await t.settings({ captcha: "never", login: { SmsVerificationConfig: { SmsDayLimit: 2 } } });
		await t.later(31);
		ok((await refused(() => t.auth.getVerification({ phone_number: phone }), "resource_exhausted")).retry_after > 3600, "the day's limit ends within the hour");
		same((await t.messages(phone)).length, 2, "messages in the end");
	});

	probe("invalid_argument", "a wrong code, and the right one ten minutes later", async (t) => {
		const { verification_id } = await t.auth.getVerification({ email: t.demo.email });
		const wrong = await t.wrong(t.demo.email);
		const thrown = await refused(() => t.auth.verify({ verification_id, verification_code: wrong }), "invalid_argument");
		has(thrown, { error_code: 3, error_description: "The verification code is wrong or has expired" }, "the rejection");
		const error = failed(await t.auth.verifyOtp({ email: t.demo.email, token: wrong, messageId: verification_id }), "invalid_argument");
		same(error.category, "VERIFICATION_FAILED", "the category");
		const verification_code = await t.code(t.demo.email);
		await t.later(601);
		await refused(() => t.auth.verify({ verification_id, verification_code }), "invalid_argument", "an old code");
		await t.signedOut();
	});

	probe("aborted", "the fifth wrong code; then not even the right one; another message helps", async (t) => {
		const { verification_id } = await t.auth.getVerification({ email: t.demo.email });
		const wrong = await t.wrong(t.demo.email);
		for (let i = 0; i < 4; i++) await refused(() => t.auth.verify({ verification_id, verification_code: wrong }), "invalid_argument");
		has(await refused(() => t.auth.verify({ verification_id, verification_code: wrong }), "aborted"), { error_code: 10 }, "the rejection");
		const verification_code = await t.code(t.demo.email);
		await refused(() => t.auth.verify({ verification_id, verification_code }), "aborted", "the right code");
		failed(await t.auth.verifyOtp({ email: t.demo.email, token: verification_code, messageId: verification_id }), "aborted");
		await t.signedOut();
		await t.later(31);
		await t.auth.signIn({ username: t.demo.email, verification_token: await t.proof(t.demo.email) });
		await t.signedIn((await t.person("demo")).sub);
	});

	probe("permission_denied", "a sudo_token and a provider_token of too long ago; nothing has changed", async (t) => {
		await t.signIn();
		const sudo_token = await t.sudo();
		const provider_token = await t.providerToken();
		await t.later(901);
		const thrown = await refused(() => t.auth.setPassword({ new_password: password, sudo_token }), "permission_denied");
		has(thrown, { error_code: 7 }, "the rejection");
		same(await t.enters("demo", t.demo.password), "", "the password");
		await t.later(3600);
		await t.auth.signOut({});
		await refused(() => t.auth.signInWithProvider({ provider_token }), "permission_denied", "the provider_token");
		failed(await t.auth.signInWithIdToken({ token: provider_token }), "permission_denied");
		await t.signedOut();
	});

	probe("captcha_required", "from the sixth wrong password on, and at the day's limit of codes, the SDK shows the picture, sends the call again with captcha_token, and keeps that for the next call", async (t) => {
		for (let i = 0; i < 5; i++) same(await t.enters("demo", "Wrong-pass-1"), "invalid_password", "a wrong password");
		const signingIn = t.signIn();
		await t.solve();
		await signingIn;
		await t.signedIn((await t.person("demo")).sub);
		const [first, second, ...more] = t.called("/v1/signin");
		has(first.answer, { error: "captcha_required", error_code: 4001 }, "the first answer");
		const kept = JSON.parse(localStorage.getItem("captcha_" + t.env));
		same([second.query.captcha_token, second.status, more.length], [kept.captcha_token, 200, 0], "the second call");
		await t.auth.signOut();
		await t.settings({ captcha: "always" });
		const { user } = fine(await t.auth.signInWithPassword({ username: "demo", password: t.demo.password }));
		same([user.id, t.called("/v1/captcha/data").length], [t.stored.sub, 1], "the next call asks for no other picture");
		await t.auth.signOut();
		await t.settings({ captcha: "risk", login: { SmsVerificationConfig: { SmsDayLimit: 1 } } });
		await t.auth.getVerification({ phone_number: phone });
		await t.later(31);
		localStorage.removeItem("captcha_" + t.env);
		const sending = t.auth.getVerification({ phone_number: phone });
		await t.solve();
		ok((await sending).verification_id, "no code at the limit, though the picture was solved");
		same((await t.messages(phone)).length, 2, "messages");
	});

	probe("captcha_invalid", "a captcha_token that is not good; the SDK gives it up for another picture, and the call goes through", async (t) => {
		await t.settings({ captcha: "always" });
		const stale = JSON.stringify({ captcha_token: "v1.stale", expires_in: 600, expires_at: new Date(Date.now() + 300_000) });
		localStorage.setItem("captcha_" + t.env, stale);
		const thrown = await refused(() => t.signIn(), "captcha_invalid");
		has(thrown, { error_code: 4002 }, "the rejection");
		same(failed(await t.auth.signInWithPassword({ username: "demo", password: t.demo.password }), "captcha_invalid").category, "CAPTCHA_INVALID", "the category");
		await t.signedOut();
		const sending = t.auth.getVerification({ email: t.demo.email }, { withCaptcha: true });
		await t.solve();
		const { verification_id } = await sending;
		same(t.called("/v1/verification").map((call) => call.answer.error ?? ""), ["captcha_invalid", ""], "the answers");
		await t.auth.verify({ verification_id, verification_code: await t.code(t.demo.email) });
		await t.signIn();
		await t.signedIn((await t.person("demo")).sub);
	});

	probe = (name, shows, ...steps) => conformance.probe("other", name, shows, ...steps);

	probe("unreachable", "no JSON comes back: three tries a second apart, then the error; one failure alone goes unnoticed", async (t) => {
		const page = { path: "/auth/v1/signin", status: 502, body: "<html>Bad gateway</html>", times: 3 };
		await t.fault(page, { ...page, path: "/auth/v1/verification" }, { ...page, path: "/auth/v1/signin/anonymously", times: 1 });
		const [, , quiet] = await Promise.all([
			refused(() => t.auth.signIn({ username: "demo", password: t.demo.password }), "unreachable"),
			refused(() => t.auth.getVerification({ email: t.demo.email }), "unreachable"),
			new t.constructor(t.env).auth.signInAnonymously(),
		]);
		fine(quiet, "after one failure");
		same([t.called("/v1/signin").length, t.called("/v1/verification").length, t.called("/v1/signin/anonymously").length], [3, 3, 2], "tries");
		same(await t.messages(t.demo.email), [], "messages");
		await t.fault({ ...page, times: 0 });
		failed(await t.auth.signInWithPassword({ username: "demo", password: t.demo.password }), "unreachable");
		await t.settings({ faults: [] });
		await t.signIn();
		await t.signedIn((await t.person("demo")).sub);
	});

	probe("permission_denied (CORS)", "the refusal of a page that is no security domain of the environment; its text says which to add; added, the app works", async (t) => {
		const description = `cors permission denied,please check if ${location.host} in your client ${t.env} domains`;
		await t.settings({ security_domains: ["app.example.com"] });
		const thrown = await refused(() => t.signIn(), "permission_denied");
		has(thrown, { error_code: 7, error_description: description }, "the rejection");
		same(failed(await t.auth.signInWithPassword({ username: "demo", password: t.demo.password }), "permission_denied").message, description, "the text");
		await t.signedOut();
		await t.settings({ security_domains: ["app.example.com", location.host] });
		await t.signIn();
		const { sub } = await t.person("demo");
		await t.signedIn(sub);
		await t.settings({ security_domains: ["app.example.com"] });
		await refused(() => t.auth.queryUser({ username: "demo" }), "permission_denied", "a call with a login");
		await t.settings({ security_domains: [] });
		await t.signedIn(sub);
	});
})();
