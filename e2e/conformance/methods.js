// The methods of the SDK's documents, as they are called since 2.x: an answer, or a rejection.
"use strict";
(() => {
	const { ok, same, has, refused, failed, fine, Mailbox } = conformance;
	const probe = (name, shows, ...steps) => conformance.probe("documented", "Auth." + name, shows, ...steps);
	const phone = "+86 13800000001";
	const email = "somebody@example.com";
	const password = "Some-pass-2026";

	probe("signUp", "by phone and by e-mail, with all extras; signed in as the new user; the password works elsewhere; a second time refused", async (t) => {
		const sent = await t.auth.getVerification({ phone_number: phone });
		same(sent.is_user, false, "is_user of a new number");
		const code = await t.code(phone);
		const { verification_token } = await t.auth.verify({ verification_id: sent.verification_id, verification_code: code });
		const extras = { name: "Some Body", username: "somebody", gender: "FEMALE", picture: "https://example.com/p.png", locale: "en-US" };
		const state = await t.auth.signUp({ phone_number: phone, verification_code: code, verification_token, password, ...extras });
		const her = await t.person(phone);
		has(her, { username: "somebody", name: "Some Body", phone_number: phone, has_password: true }, "the new user");
		same(state.user.uid, her.sub, "state.user.uid");
		await t.signedIn(her.sub, { ...extras, phone_number: phone });
		same(await t.enters("somebody", password), "", "the password, elsewhere");
		await refused(() => t.auth.signUp({ phone_number: phone, verification_token, password }), "invalid_argument", "a used token");
		await t.auth.signOut();

		const second = await t.proof(email);
		await t.auth.signUp({ email, verification_token: second });
		const him = await t.person(email);
		ok(him.sub !== her.sub, "both are one user");
		await t.signedIn(him.sub, { email });
		await t.later(31);
		await refused(async () => t.auth.signUp({ email, verification_token: await t.proof(email) }), "failed_precondition", "a registered address");
	});

	probe("signIn", "by username, e-mail, phone number and verification_token; encrypted (v2); a wrong password leaves nobody signed in", async (t) => {
		const her = await t.register(phone, { username: "somebody", password });
		const him = await t.person(t.demo.username);
		await refused(() => t.auth.signIn({ username: "demo", password: "Wrong-pass-1" }), "invalid_password");
		await t.signedOut();
		const state = await t.auth.signIn({ username: "demo", password: t.demo.password });
		same(state.user.uid, him.sub, "state.user.uid");
		await t.signedIn(him.sub, { username: "demo", email: t.demo.email });
		await t.auth.signIn({ username: t.demo.email, password: t.demo.password });
		await t.signedIn(him.sub);
		await t.auth.signIn({ username: phone, password });
		await t.signedIn(her.sub, { phone_number: phone, username: "somebody" });
		await t.auth.signOut();
		await t.auth.signIn({ username: phone, verification_token: await t.proof(phone) });
		await t.signedIn(her.sub);
		await t.auth.signOut();
		await t.auth.signIn({ username: "demo", password: t.demo.password, isEncrypt: true, version: "v2" });
		const [sent] = t.called("/v2/signin/username");
		same(Object.keys(sent.body).sort(), ["params", "public_key_thumbprint"], "what went over the wire");
		await t.signedIn(him.sub);
		same(t.stored.version, "v2", "the credentials' version");
		ok(t.called("/v2/user/me").length, "the profile was not read from v2");
	});

	probe("signOut", "without parameters the token is revoked; with redirect_uri and state the address comes back; the storage is empty", async (t) => {
		await t.signIn();
		const { accessToken } = await t.auth.getAccessToken();
		const { refresh_token } = t.stored;
		await t.auth.signOut();
		await t.signedOut();
		ok(!t.storedUser, "the user is still stored");
		same((await t.me(accessToken)).error, "unauthenticated", "the old access token");
		const again = await t.raw("POST", "/v1/token", { body: { grant_type: "refresh_token", refresh_token } });
		same(again.error, "invalid_grant", "the old refresh token");
		await refused(() => t.auth.getAccessToken(), "unauthenticated", "getAccessToken() afterwards");

		await t.signIn();
		const { accessToken: second } = await t.auth.getAccessToken();
		const answer = await t.auth.signOut({ redirect_uri: "https://example.com/bye?a=1", state: "s1" });
		same(answer.redirect_uri, "https://example.com/bye?a=1&state=s1", "redirect_uri");
		await t.signedOut();
		same((await t.me(second)).error, "unauthenticated", "the second access token");

		await t.auth.signInWithProvider({ provider_token: await t.providerToken() });
		const { redirect_uri: through } = await t.auth.signOut({ redirect_uri: "https://example.com/bye", state: "s2" });
		same(new URL(through).pathname, "/demo-idp/" + t.env + "/demo/signout", "the provider's sign-out page");
	});

	probe("signInAnonymously", "scope anonymous; the same user again on this device; signUp with anonymous_token keeps the user; refused when switched off", async (t) => {
		const state = await t.auth.signInAnonymously();
		const sub = state.user.uid;
		await t.signedIn(sub);
		same((await t.person(sub)).anonymous, true, "the emulator's user");
		same(await t.auth.loginScope(), "anonymous", "loginScope()");
		await t.auth.signOut();
		same((await t.auth.signInAnonymously()).user.uid, sub, "the user of the second time");
		const { accessToken } = await t.auth.getAccessToken();
		const verification_token = await t.proof(email);
		await t.auth.signUp({ email, verification_token, password, anonymous_token: accessToken });
		await t.signedIn(sub, { email });
		has(await t.person(sub), { anonymous: false, has_password: true, email }, "the upgraded user");
		same(await t.auth.loginScope(), "user", "loginScope() after the upgrade");
		await t.auth.signOut();
		ok((await t.auth.signInAnonymously()).user.uid !== sub, "the device still opens the upgraded account");
		await t.auth.signOut();
		await t.settings({ login: { AnonymousLogin: false } });
		failed(await t.auth.signInAnonymously(), "unimplemented", "switched off");
		await t.signedOut();
	});

	probe("setCustomSignFunc", "the given function is asked for the ticket, each time; without one the sign-in is refused", async (t) => {
		failed(await t.auth.signInWithCustomTicket(), "failed_precondition", "without a function");
		let asked = 0;
		const ticket = await t.ticket("function-user");
		same(t.auth.setCustomSignFunc(async () => (asked++, ticket)), undefined, "setCustomSignFunc()");
		same(asked, 0, "calls of the function before the sign-in");
		fine(await t.auth.signInWithCustomTicket());
		fine(await t.auth.signInWithCustomTicket());
		same(asked, 2, "calls of the function");
		await t.signedIn(t.stored.sub);
	});

	probe("signInWithCustomTicket", "tickets of @cloudbase/node-sdk: one user per uid, found again; forged, foreign and stale tickets refused", async (t) => {
		const ticket = await t.ticket("uid-1");
		t.auth.setCustomSignFunc(async () => ticket);
		const state = await t.auth.signInWithCustomTicket();
		const sub = state.user.uid;
		const me = await t.signedIn(sub);
		has(me, { loginType: "CUSTOM" }, "user/me");
		has(me.providers[0], { id: "custom", provider_user_id: "uid-1" }, "the provider");
		await t.auth.signOut();
		same((await t.auth.signInWithCustomTicket()).user.uid, sub, "the same uid");
		await t.auth.signOut();
		const other = await t.ticket("uid-2");
		fine(await t.auth.signInWithCustomTicket(async () => other));
		ok(t.stored.sub !== sub, "another uid is the same user");
		await t.auth.signOut();
		const forged = ticket.slice(0, -8) + (ticket.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA");
		failed(await t.auth.signInWithCustomTicket(async () => forged), "invalid_argument", "a forged ticket");
		const foreign = await t.ticket("uid-1", "probe-198");
		failed(await t.auth.signInWithCustomTicket(async () => foreign), "invalid_argument", "another environment's ticket");
		await t.later(601);
		failed(await t.auth.signInWithCustomTicket(async () => ticket), "invalid_argument", "a ticket of ten minutes ago");
		await t.signedOut();
	});

	probe("signInWithSms", "a new number becomes a user, a known one signs in; the phone number may come without a space; a used code is refused", async (t) => {
		let verificationInfo = await t.auth.getVerification({ phone_number: phone });
		const state = await t.auth.signInWithSms({ verificationInfo, verificationCode: await t.code(phone), phoneNum: phone });
		const her = await t.person(phone);
		same(state.user.uid, her.sub, "state.user.uid");
		await t.signedIn(her.sub, { phone_number: phone });
		await t.auth.signOut();
		await t.later(31);
		verificationInfo = await t.auth.getVerification({ phone_number: "+8613800000001" });
		same(verificationInfo.is_user, true, "is_user");
		const verificationCode = await t.code(phone);
		await refused(async () => t.auth.signInWithSms({ verificationInfo, verificationCode: await t.wrong(phone), phoneNum: phone }), "invalid_argument", "a wrong code");
		await t.signedOut();
		await t.auth.signInWithSms({ verificationInfo, verificationCode, phoneNum: "+8613800000001" });
		await t.signedIn(her.sub, { phone_number: phone });
		await refused(() => t.auth.signInWithSms({ verificationInfo, verificationCode, phoneNum: phone }), "invalid_argument", "a used code");
	});

	probe("signInWithEmail", "a new address becomes a user, a known one signs in; a used code is refused", async (t) => {
		let verificationInfo = await t.auth.getVerification({ email });
		await t.auth.signInWithEmail({ verificationInfo, verificationCode: await t.code(email), email });
		const her = await t.person(email);
		await t.signedIn(her.sub, { email });
		await t.auth.signOut();
		verificationInfo = await t.auth.getVerification({ email: t.demo.email });
		same(verificationInfo.is_user, true, "is_user");
		const verificationCode = await t.code(t.demo.email);
		const state = await t.auth.signInWithEmail({ verificationInfo, verificationCode, email: t.demo.email });
		same(state.user.uid, (await t.person("demo")).sub, "state.user.uid");
		await t.signedIn(state.user.uid, { email: t.demo.email });
		await refused(() => t.auth.signInWithEmail({ verificationInfo, verificationCode, email: t.demo.email }), "invalid_argument", "a used code");
	});

	probe(
		"toDefaultLoginPage",
		"the browser is at /__auth/ of redirect_uri's origin, with the documented parameters in their order; what the page stores there signs the app in",
		async (t) => {
			const target = location.origin + "/app/orders?a=1&b=%20#part";
			t.keep({ target });
			await t.auth.toDefaultLoginPage({ config_version: "v1_2", app_id: "app-xxx", redirect_uri: target, query: { s_domain: "a.example" } });
			return "leaves";
		},
		async (t) => {
			same(
				location.href,
				location.origin + `/__auth/?app_id=app-xxx&env_id=${t.env}&client_id=${t.env}&config_version=v1_2&redirect_uri=${encodeURIComponent(t.kept.target)}&s_domain=a.example`,
				"the address",
			);
			await t.auth.toDefaultLoginPage(); // the page's own address is the default
			t.keep({ before: location.href });
			return "leaves";
		},
		async (t) => {
			same(
				location.href,
				location.origin + `/__auth/?app_id=&env_id=${t.env}&client_id=${t.env}&config_version=env&redirect_uri=${encodeURIComponent(t.kept.before)}`,
				"the address by default",
			);
			const credentials = await t.elsewhere("demo", t.demo.password);
			const stored = { ...credentials, version: "v1", expires_at: new Date(Date.now() + (credentials.expires_in - 30) * 1000) };
			localStorage.setItem("credentials_" + t.env, JSON.stringify(stored));
			location.replace(t.kept.target);
			return "leaves";
		},
		async (t) => {
			same(location.href, t.kept.target, "back at the app");
			await t.auth.getCurrentUser();
			await t.signedIn((await t.person("demo")).sub, { username: "demo" });
		},
	);

	probe("genProviderRedirectUri", "the consent page's address with redirect_uri and state; the sign-out page's; WeChat's form for wx_open; a switched-off provider refused", async (t) => {
		const back = location.origin + "/app/?from=idp";
		const { uri, signout_uri } = await t.auth.genProviderRedirectUri({
			provider_id: "demo", provider_redirect_uri: back, state: "st 1&2", other_params: { sign_out_uri: "https://example.com/bye" },
		});
		const page = new URL(uri);
		same(page.pathname, `/demo-idp/${t.env}/demo/authorize`, "the page");
		has(Object.fromEntries(page.searchParams), { redirect_uri: back, state: "st 1&2", response_type: "code", client_id: t.env }, "its parameters");
		same(new URL(signout_uri).searchParams.get("redirect_uri"), "https://example.com/bye", "signout_uri");
		const { code, state, from } = await t.consent(uri);
		ok(code, "no code came back");
		same([state, from], ["st 1&2", "idp"], "what came back with it");
		const { uri: wechat } = await t.auth.genProviderRedirectUri({ provider_id: "wx_open", provider_redirect_uri: back, state: "wx_open" });
		ok(/\/connect\/qrconnect\?appid=wx\w+&redirect_uri=.+&response_type=code&scope=snsapi_login&state=wx_open#wechat_redirect$/.test(wechat), wechat);
		await t.settings({ providers: { demo: { On: false } } });
		await refused(() => t.auth.genProviderRedirectUri({ provider_id: "demo", provider_redirect_uri: back, state: "s" }), "provider_not_enabled");
	});

	probe("grantProviderToken", "a code, once; an access token and an id_token of a provider; the profile that was consented to; wx_open's openid", async (t) => {
		const provider_redirect_uri = location.origin + "/app/";
		const provider_code = await t.providerCode("demo", { sub: "tp-1", name: "Third", email: "third@example.com" });
		const grant = { provider_id: "demo", provider_redirect_uri, provider_code };
		const answer = await t.auth.grantProviderToken({ ...grant });
		ok(answer.provider_token, "no provider_token");
		same(answer.expires_in, 3600, "expires_in");
		has(answer.provider_profile, { provider_id: "demo", sub: "tp-1", name: "Third", email: "third@example.com" }, "provider_profile");
		await refused(() => t.auth.grantProviderToken({ ...grant }), "failed_precondition", "a used code");
		for (const [response_type, field, param] of [["token", "provider_access_token", "access_token"], ["id_token", "provider_id_token", "id_token"]]) {
			const { uri } = await t.auth.genProviderRedirectUri({ provider_id: "demo", provider_redirect_uri, state: "s", response_type });
			const { back } = await t.consent(uri, { sub: "tp-2" });
			const value = new URLSearchParams(new URL(back).hash.slice(1)).get(param);
			const granted = await t.auth.grantProviderToken({ provider_id: "demo", [field]: value });
			has(granted.provider_profile, { sub: "tp-2" }, "the profile of " + field);
		}
		const wechat = await t.auth.grantProviderToken({
			provider_id: "wx_open", provider_redirect_uri, provider_code: await t.providerCode("wx_open", { sub: "openid-1", unionid: "union-1" }),
		});
		has(wechat.provider_profile, { provider_id: "wx_open", sub: "openid-1" }, "wx_open");
		has(wechat.provider_profile.meta, { openid: "openid-1", unionid: "union-1" }, "wx_open's meta");
	});

	probe("signInWithProvider", "a new user by default, found again; matched by a verified e-mail address; not registered where the provider may not; a used token refused", async (t) => {
		const provider_token = await t.providerToken("demo", { sub: "tp-1", name: "Third" });
		const state = await t.auth.signInWithProvider({ provider_token });
		const { sub } = await t.person(state.user.uid);
		const me = await t.signedIn(sub, { name: "Third" });
		has(me.providers[0], { id: "demo", provider_user_id: "tp-1" }, "the bound identity");
		await t.auth.signOut();
		await refused(() => t.auth.signInWithProvider({ provider_token }), "permission_denied", "a used token");
		await t.auth.signInWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1" }) });
		await t.signedIn(sub);
		await t.auth.signOut();
		await t.auth.signInWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-2", email: t.demo.email }) });
		await t.signedIn((await t.person("demo")).sub, { username: "demo" });
		await t.auth.signOut();
		await t.settings({ providers: { wx_open: { AutoSignUpWithProviderUser: false } } });
		const unknown = await t.providerToken("wx_open", { sub: "openid-9" });
		await refused(() => t.auth.signInWithProvider({ provider_token: unknown }), "not_found", "nobody's identity");
		await t.signedOut();
	});

	probe("unbindProvider", "the identity is gone and signs in no more as this user; a second time refused; the last way in stays", async (t) => {
		await t.signIn();
		const { sub } = t.stored;
		await t.auth.bindWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1" }) });
		same(await t.auth.unbindProvider({ provider_id: "demo" }), {}, "the answer");
		same((await t.me(t.stored.access_token)).providers, [], "the providers afterwards");
		await refused(() => t.auth.unbindProvider({ provider_id: "demo" }), "not_found", "a second time");
		await t.auth.signOut();
		await t.auth.signInWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1" }) });
		ok(t.stored.sub !== sub, "the identity still opens the account");
		await refused(() => t.auth.unbindProvider({ provider_id: "demo" }), "failed_precondition", "the last way in");
		same((await t.me(t.stored.access_token)).providers.length, 1, "the providers after the refusal");
	});

	probe("getProviders", "every source that is switched on, bound ones with the identity's id and name; refused without a sign-in", async (t) => {
		await refused(() => t.auth.getProviders(), "unauthenticated", "without a sign-in");
		await t.signIn();
		await t.auth.bindWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1", name: "Third" }) });
		const { total, data } = await t.auth.getProviders();
		same([total, data.map((p) => p.id)], [3, ["demo", "wx_mp", "wx_open"]], "the list");
		has(data[0], { id: "demo", provider_user_id: "tp-1", provider_user_name: "Third", bind: true, name: "Demo identity provider" }, "the bound one");
		has(data[2], { id: "wx_open", bind: false }, "one that is not");
	});

	probe("bindWithProvider", "the identity signs in as this user from then on; an identity of somebody else, and a second one of the same provider, refused", async (t) => {
		await t.signIn();
		const { sub } = t.stored;
		same(await t.auth.bindWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1" }) }), {}, "the answer");
		has((await t.me(t.stored.access_token)).providers[0], { id: "demo", provider_user_id: "tp-1" }, "user/me");
		const second = await t.providerToken("demo", { sub: "tp-2" });
		await refused(() => t.auth.bindWithProvider({ provider_token: second }), "failed_precondition", "a second identity");
		await t.auth.signOut();
		await t.auth.signInWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1" }) });
		await t.signedIn(sub, { username: "demo" });
		await t.auth.signOut();
		await t.register(email, { username: "other", password });
		await t.signIn("other", password);
		const taken = await t.providerToken("demo", { sub: "tp-1" });
		await refused(() => t.auth.bindWithProvider({ provider_token: taken }), "already_exists", "somebody else's identity");
		same((await t.me(t.stored.access_token)).providers, [], "the providers after the refusal");
	});

	probe("verify", "a verification_token for the right code of a phone and of an e-mail address; a wrong and a used code refused", async (t) => {
		for (const to of [{ phone_number: phone }, { email }]) {
			const address = Object.values(to)[0];
			const { verification_id } = await t.auth.getVerification({ ...to });
			const wrong = await t.wrong(address);
			await refused(() => t.auth.verify({ verification_id, verification_code: wrong }), "invalid_argument", "a wrong code");
			const verification_code = await t.code(address);
			const answer = await t.auth.verify({ verification_id, verification_code });
			ok(answer.verification_token, "no verification_token");
			same(answer.expires_in, 600, "expires_in");
			await refused(() => t.auth.verify({ verification_id, verification_code }), "invalid_argument", "a used code");
			await t.auth.signUp({ ...to, verification_token: answer.verification_token });
			await t.signedIn((await t.person(address)).sub, to);
			await t.auth.signOut();
		}
	});

	probe("getVerification", "one message per call, in the SDK's language; is_user; the targets ANY and USER; a new code kills the one before", async (t) => {
		const first = await t.auth.getVerification({ phone_number: "13800000001" });
		has(first, { is_user: false, expires_in: 600 }, "the answer");
		const [message, ...more] = await t.messages(phone);
		same(more, [], "further messages");
		has(message, { channel: "sms", to: phone, locale: "en-US" }, "the message");
		ok(/^\d{6}$/.test(message.code), "the code is " + message.code);
		await t.later(31);
		const second = await t.auth.getVerification({ phone_number: phone, target: "ANY" });
		ok(second.verification_id !== first.verification_id, "both have one id");
		await refused(() => t.auth.verify({ verification_id: first.verification_id, verification_code: message.code }), "invalid_argument", "the older code");
		same((await t.auth.getVerification({ email: t.demo.email, target: "USER" })).is_user, true, "is_user of a registered address");
		await refused(() => t.auth.getVerification({ email, target: "USER" }), "failed_precondition", "USER for nobody's address");
		same(await t.messages(email), [], "messages to nobody");
	});

	probe("sudo", "by password; by a code once a phone number is bound, and then no more by password; \"\" for third-party users; refused with a wrong password", async (t) => {
		await t.signIn();
		await refused(() => t.auth.sudo({ password: "Wrong-pass-1" }), "invalid_password", "a wrong password");
		const sudo_token = await t.sudo();
		await t.auth.setPassword({ new_password: password, sudo_token });
		ok(await t.sudo({ verification_token: await t.proof(t.demo.email) }), "no token for the e-mail's code");
		await t.auth.signOut();
		await t.register(phone, { username: "phoned", password });
		await t.signIn("phoned", password);
		await refused(() => t.auth.sudo({ password }), "failed_precondition", "a password where a phone is bound");
		const byCode = await t.sudo({ verification_token: await t.proof(phone) });
		await t.auth.setPassword({ new_password: password + "x", sudo_token: byCode });
		same(await t.enters("phoned", password + "x"), "", "the new password");
		await t.auth.signOut();
		await t.auth.signInWithProvider({ provider_token: await t.providerToken() });
		same((await t.auth.sudo({})).sudo_token, "", "the token of a third-party user");
	});

	probe("getAccessToken", "the token, which opens user/me, and the environment; refreshed by itself when it has expired; refused without a sign-in", async (t) => {
		await refused(() => t.auth.getAccessToken(), "unauthenticated", "without a sign-in");
		await t.signIn();
		const first = await t.auth.getAccessToken();
		same(first.env, t.env, "env");
		same((await t.me(first.accessToken)).username, "demo", "whom the token opens");
		const old = t.stored;
		await t.expire();
		const second = await t.auth.getAccessToken();
		ok(second.accessToken !== first.accessToken, "the expired token is still given out");
		ok(t.stored.refresh_token !== old.refresh_token, "the refresh token was not changed");
		same((await t.me(second.accessToken)).username, "demo", "whom the new token opens");
		same((await t.raw("POST", "/v1/token", { body: { grant_type: "refresh_token", refresh_token: old.refresh_token } })).error, "invalid_grant", "the old refresh token");
	});

	probe("getCurrentUser", "the whole profile, read anew each time; null without a sign-in", async (t) => {
		same(await t.auth.getCurrentUser(), null, "without a sign-in");
		await t.signIn();
		const { sub } = await t.person("demo");
		has(await t.auth.getCurrentUser(), { uid: sub, sub, username: "demo", email: t.demo.email, email_verified: true, providers: [], loginType: "USERNAME", has_password: true }, "the profile");
		const there = await t.elsewhere("demo", t.demo.password);
		await t.raw("PATCH", "/v1/user/profile", { token: there.access_token, body: { name: "Changed" } });
		has(await t.auth.getCurrentUser(), { name: "Changed" }, "the profile after a change elsewhere");
	});

	probe("bindPhoneNumber", "the number is the user's and signs in; wrong sudo_token, used verification_token and a number of somebody else refused; TRANSFER takes it over", async (t) => {
		await t.signIn();
		const { sub } = t.stored;
		const sudo_token = await t.sudo();
		const verification_token = await t.proof(phone);
		await refused(() => t.auth.bindPhoneNumber({ phone_number: phone, sudo_token: "wrong", verification_token }), "permission_denied", "a wrong sudo_token");
		await t.auth.bindPhoneNumber({ phone_number: phone, sudo_token, verification_token });
		same((await t.person(phone)).sub, sub, "who has the number");
		has(await t.auth.getCurrentUser(), { phone_number: phone }, "getCurrentUser()");
		same(await t.enters(phone, t.demo.password), "", "signing in with it");
		await refused(() => t.auth.bindPhoneNumber({ phone_number: phone, sudo_token, verification_token }), "invalid_argument", "a used verification_token");
		const taken = "+86 13800000002";
		const other = await t.register(taken, { username: "other", password });
		const proof = await t.proof(taken);
		await refused(() => t.auth.bindPhoneNumber({ phone_number: taken, sudo_token, verification_token: proof }), "failed_precondition", "somebody else's number");
		same((await t.person(taken)).sub, other.sub, "who has it after the refusal");
		await t.auth.bindPhoneNumber({ phone_number: taken, sudo_token, verification_token: proof, conflict_resolution: "TRANSFER" });
		same((await t.person(taken)).sub, sub, "who has it after the transfer");
	});

	probe("bindEmail", "the address is the user's and signs in, the old one no more; wrong sudo_token, used verification_token and an address of somebody else refused", async (t) => {
		await t.register("taken@example.com");
		await t.signIn();
		const { sub } = t.stored;
		const sudo_token = await t.sudo();
		const verification_token = await t.proof(email);
		await refused(() => t.auth.bindEmail({ email, sudo_token: "wrong", verification_token }), "permission_denied", "a wrong sudo_token");
		await t.auth.bindEmail({ email, sudo_token, verification_token });
		same((await t.person(email)).sub, sub, "who has the address");
		same(await t.enters(email, t.demo.password), "", "signing in with it");
		same(await t.enters(t.demo.email, t.demo.password), "not_found", "signing in with the old one");
		await refused(() => t.auth.bindEmail({ email, sudo_token, verification_token }), "invalid_argument", "a used verification_token");
		const proof = await t.proof("taken@example.com");
		await refused(() => t.auth.bindEmail({ email: "taken@example.com", sudo_token, verification_token: proof }), "failed_precondition", "somebody else's address");
	});

	probe("setPassword", "the new password works and the old one does not; other devices are signed out, this one is not; wrong sudo_token and weak passwords refused", async (t) => {
		const there = await t.elsewhere("demo", t.demo.password);
		await t.signIn();
		const sudo_token = await t.sudo();
		await refused(() => t.auth.setPassword({ new_password: password, sudo_token: "wrong" }), "permission_denied", "a wrong sudo_token");
		await refused(() => t.auth.setPassword({ new_password: "short", sudo_token }), "invalid_argument", "a weak password");
		await t.auth.setPassword({ new_password: password, sudo_token });
		same(await t.enters("demo", password), "", "the new password");
		same(await t.enters("demo", t.demo.password), "invalid_password", "the old password");
		same((await t.me(there.access_token)).error, "unauthenticated", "the other device");
		await t.signedIn(t.stored.sub);
	});

	probe("getUserInfo", "the profile with its providers; null without a sign-in", async (t) => {
		same(await t.auth.getUserInfo(), null, "without a sign-in");
		await t.auth.signInWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1", name: "Third", email: "third@example.com", picture: "https://example.com/3.png" }) });
		const info = await t.auth.getUserInfo();
		has(info, { uid: t.stored.sub, name: "Third", email: "third@example.com", email_verified: true, picture: "https://example.com/3.png", phone_number: "", birthdate: "", locale: "", zoneinfo: "" }, "the profile");
		has(info.providers[0], { id: "demo", provider_user_id: "tp-1", name: "Third" }, "providers");
	});

	probe("queryUser", "by username, e-mail, phone number and several ids; conditions together; anonymous and custom logins and more than 50 ids refused", async (t) => {
		const her = await t.register(phone, { username: "somebody", name: "Some Body", password });
		const him = await t.person("demo");
		await t.signIn();
		for (const query of [{ username: "somebody" }, { phone_number: phone }, { id: [her.sub] }, { username: "somebody", phone_number: phone }]) {
			const { total, data } = await t.auth.queryUser({ ...query });
			same(total, "1", "total for " + conformance.plain(query));
			has(data[0], { sub: her.sub, name: "Some Body", phone_number: phone }, "the user found");
		}
		same((await t.auth.queryUser({ email: t.demo.email })).data.map((u) => u.sub), [him.sub], "by e-mail");
		same((await t.auth.queryUser({ id: [her.sub, him.sub, "nobody"] })).data.map((u) => u.sub).sort(), [her.sub, him.sub].sort(), "by ids");
		same((await t.auth.queryUser({ username: "nobody" })).data, [], "nobody");
		same((await t.auth.queryUser({ username: "somebody", email: t.demo.email })).data, [], "conditions of two users");
		await refused(() => t.auth.queryUser({ id: Array.from({ length: 51 }, (_, i) => "u" + i) }), "invalid_argument", "51 ids");
		await t.auth.signOut();
		await t.auth.signInAnonymously();
		await refused(() => t.auth.queryUser({ username: "somebody" }), "permission_denied", "an anonymous login");
		await t.auth.signOut();
		const ticket = await t.ticket("query-user");
		fine(await t.auth.signInWithCustomTicket(async () => ticket));
		await refused(() => t.auth.queryUser({ username: "somebody" }), "permission_denied", "a custom login");
	});

	probe("resetPassword", "by phone and by e-mail; the new password works, the old one does not; the user is signed out everywhere; a used token refused", async (t) => {
		await t.register(phone, { username: "somebody", password });
		for (const [to, name, old] of [[{ phone_number: phone }, "somebody", password], [{ email: t.demo.email }, "demo", t.demo.password]]) {
			const there = await t.elsewhere(name, old);
			const verification_token = await t.proof(Object.values(to)[0]);
			await refused(() => t.auth.resetPassword({ ...to, new_password: "short", verification_token }), "invalid_argument", "a weak password");
			await t.auth.resetPassword({ ...to, new_password: "Reset-pass-1", verification_token });
			same(await t.enters(name, "Reset-pass-1"), "", "the new password");
			same(await t.enters(name, old), "invalid_password", "the old password");
			same((await t.me(there.access_token)).error, "unauthenticated", "the other device");
			await refused(() => t.auth.resetPassword({ ...to, new_password: "Reset-pass-2", verification_token }), "invalid_argument", "a used token");
		}
		await t.signedOut();
	});

	probe("isUsernameRegistered", "true and false, as it is", async (t) => {
		same(await t.auth.isUsernameRegistered("demo"), true, "demo");
		same(await t.auth.isUsernameRegistered("somebody"), false, "somebody");
		await t.register(phone, { username: "somebody", password });
		same(await t.auth.isUsernameRegistered("somebody"), true, "somebody, now");
	});

	probe("deleteMe", "answers with the profile; the user is gone and cannot sign in; the tokens are dead; refused without a sudo_token", async (t) => {
		await t.signIn();
		const { sub } = t.stored;
		await refused(() => t.auth.deleteMe({ sudo_token: "wrong" }), "permission_denied", "a wrong sudo_token");
		same((await t.person("demo")).sub, sub, "the user after the refusal");
		const sudo_token = await t.sudo();
		const { access_token } = t.stored;
		has(await t.auth.deleteMe({ sudo_token }), { sub, username: "demo", email: t.demo.email }, "the profile");
		await t.nobody(sub);
		same(await t.enters("demo", t.demo.password), "not_found", "signing in again");
		same((await t.me(access_token)).error, "unauthenticated", "the access token");
		await refused(() => t.auth.getProviders(), "unauthenticated", "a further call");
		await t.signedOut();
	});

	probe("loginScope", "anonymous, or user; refused without a sign-in", async (t) => {
		await refused(() => t.auth.loginScope(), "unauthenticated", "without a sign-in");
		await t.auth.signInAnonymously();
		same(await t.auth.loginScope(), "anonymous", "anonymously");
		await t.signIn();
		same(await t.auth.loginScope(), "user", "after a sign-in");
	});

	probe("hasLoginState", "null, then the state with the user, then null", async (t) => {
		same(t.auth.hasLoginState(), null, "before");
		await t.signIn();
		same(t.auth.hasLoginState().user.uid, (await t.person("demo")).sub, "the user");
		await t.auth.signOut();
		same(t.auth.hasLoginState(), null, "after");
	});

	probe("getLoginState", "null, then the state with the user, from the storage alone; null when the refresh token is dead, which is dropped", async (t) => {
		same(await t.auth.getLoginState(), null, "before");
		await t.signIn();
		const { sub } = await t.person("demo");
		same((await t.auth.getLoginState()).user.uid, sub, "the user");
		t.setUp(); // as after a reload
		same((await t.auth.getLoginState()).user.uid, sub, "the user after a reload");
		await t.expire({ refresh_token: "m.dead" });
		same(await t.auth.getLoginState(), null, "with a dead refresh token");
		ok(!t.stored, "the dead credentials are still stored");
	});

	probe("onLoginStateChanged", "called at once, then for sign_in with the user, sign_out, and credentials_error when a refresh is refused", async (t) => {
		const told = new Mailbox();
		await t.auth.onLoginStateChanged(told.put);
		ok(told.all.length > 0, "no call at once");
		await t.signIn();
		const type = (want) => (event) => event?.data?.eventType === want;
		const [signedIn] = await told.take(type("sign_in"), "sign_in");
		same([signedIn.name, signedIn.user?.uid], ["loginStateChanged", t.stored.sub], "the event of sign_in");
		await t.auth.signOut();
		await told.take(type("sign_out"), "sign_out");
		await t.signIn();
		await told.take(type("sign_in"), "the second sign_in");
		await t.expire({ refresh_token: "m.dead" });
		await t.auth.getLoginState();
		await told.take(type("credentials_error"), "credentials_error");
		await t.signedOut();
	});

	conformance.probe("documented", "LoginState.user", "all documented properties of the user; gone with the state", async (t) => {
		await t.signIn();
		const profile = { gender: "MALE", picture: "https://example.com/d.png", birthdate: "2000-01-31", name: "De Mo" };
		await t.auth.currentUser.update(profile);
		await t.auth.bindWithProvider({ provider_token: await t.providerToken("demo", { sub: "tp-1", name: "Third" }) });
		await t.auth.currentUser.refresh();
		const { user } = await t.auth.getLoginState();
		const { sub } = await t.person("demo");
		has(user, { uid: sub, sub, username: "demo", email: t.demo.email, email_verified: true, phone_number: "", ...profile }, "the user");
		has(user.providers[0], { id: "demo", provider_user_id: "tp-1", name: "Third" }, "user.providers");
		await t.auth.signOut();
		same(t.auth.currentUser, null, "currentUser after signOut()");
	});

	conformance.probe("documented", "User.update", "the emulator, the storage and the next reader see the new values; a taken username and bad values refused", async (t) => {
		await t.register(phone, { username: "taken", password });
		await t.signIn();
		const fields = { name: "De Mo", username: "demo.two", picture: "https://example.com/d.png", gender: "FEMALE", birthdate: "2000-01-31", locale: "zh-CN", zoneinfo: "Asia/Shanghai" };
		same(await t.auth.currentUser.update(fields), undefined, "the answer");
		has(await t.me(t.stored.access_token), fields, "user/me");
		has(t.storedUser, fields, "the stored user");
		await refused(() => t.auth.currentUser.update({ username: "taken" }), "already_exists", "a taken username");
		await refused(() => t.auth.currentUser.update({ gender: "OTHER" }), "invalid_argument", "an unknown gender");
		await refused(() => t.auth.currentUser.update({ email }), "failed_precondition", "an address that was not verified");
		await t.proof(email);
		await t.auth.currentUser.update({ email });
		same((await t.person(email)).username, "demo.two", "who has the verified address");
		has(await t.me(t.stored.access_token), { ...fields, email }, "user/me in the end");
	});

	conformance.probe("documented", "User.refresh", "what changed on another device is in the answer and in the storage", async (t) => {
		await t.signIn();
		const { user } = await t.auth.getLoginState();
		const there = await t.elsewhere("demo", t.demo.password);
		await t.raw("PATCH", "/v1/user/profile", { token: there.access_token, body: { name: "Changed", gender: "MALE" } });
		ok(user.name !== "Changed", "the name has changed before refresh()");
		has(await user.refresh(), { uid: t.stored.sub, name: "Changed", gender: "MALE", email: t.demo.email, groups: [{ id: "user" }] }, "the answer");
		has(user, { name: "Changed", gender: "MALE" }, "the user");
		has(t.storedUser, { name: "Changed" }, "the stored user");
	});
})();
