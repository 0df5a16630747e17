// Signs a custom login ticket with @cloudbase/node-sdk, as an app's own server does: the key file comes on standard input,
// the user's id as the argument.
"use strict";
const tcb = require("@cloudbase/node-sdk");

const credentials = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const app = tcb.init({ env: credentials.env_id, credentials });
process.stdout.write(app.auth().createTicket(process.argv[2], { refresh: 3600 * 1000 }));
