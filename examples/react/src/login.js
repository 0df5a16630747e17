// Everything that this app knows of signing in.
import cloudbase from "@cloudbase/js-sdk";

const env = import.meta.env.VITE_CLOUDBASE_ENV;
const app = cloudbase.init({
  env,
  region: "ap-shanghai",
  accessKey: import.meta.env.VITE_CLOUDBASE_ACCESS_KEY || undefined,
  auth: { detectSessionInUrl: true },
});
// Only in development: the SDK calls the emulator instead of TCB.
if (import.meta.env.VITE_CLOUDBASE_EMULATOR) app.registerHost(import.meta.env.VITE_CLOUDBASE_EMULATOR);
const auth = app.auth();

// user is who is signed in, or null. With an accessKey getLoginState() is there for everybody:
// getSession() tells who has signed in.
export async function user() {
  const { data, error } = await auth.getSession();
  // That TCB cannot be asked is not the same as that nobody is signed in.
  if (error && error.code !== "unauthenticated") throw error;
  return data.session ? data.user : null;
}

// signIn leaves for the login page, which comes back to this very address.
export function signIn() {
  auth.toDefaultLoginPage({ redirect_uri: location.href });
}

export function signOut() {
  return auth.signOut();
}

// portal is the address of a page of the account portal, as "" or "/profile", that leads back here.
export function portal(page) {
  const query = new URLSearchParams({ env_id: env, client_id: env, redirect_uri: location.href });
  return `/__auth/account${page}?${query}`;
}
