// A server for development: the page, and below /__auth/ the login page. Any other server that can
// pass a path on does as well; the browser must see one origin.
import { createReadStream } from "node:fs";
import { createServer, request } from "node:http";

const port = Number(process.env.PORT ?? 5174);
const loginPage = new URL(process.env.LOGIN_PAGE ?? "http://127.0.0.1:8080");
// With TCB this is a file with the environment's id, and emulator is "".
const config = `export const env = "demo", emulator = "${process.env.EMULATOR ?? "127.0.0.1:8081"}";\n`;
const files = { "/app.js": "text/javascript", "/config.js": "text/javascript", "/cloudbase.js": "text/javascript" };

createServer((req, res) => {
  const { pathname } = new URL(req.url, "http://localhost");
  if (pathname === "/__auth" || pathname.startsWith("/__auth/")) return passOn(req, res);
  // Every other path is the page's: what it shows is for its script to say.
  res.setHeader("Content-Type", `${files[pathname] ?? "text/html"}; charset=utf-8`);
  if (pathname === "/config.js") return res.end(config);
  createReadStream(new URL(files[pathname] ? `.${pathname}` : "./index.html", import.meta.url)).on("error", (err) => res.destroy(err)).pipe(res);
})
  .on("error", (err) => {
    console.error(`Port ${port} cannot be had (${err.code}): name another one with PORT=….`);
    process.exitCode = 1;
  })
  .listen(port, "localhost", () => console.log(`http://localhost:${port}/`));

// passOn leaves everything as the browser sent it, Host too, by which the login page knows the app.
function passOn(req, res) {
  const { hostname, port } = loginPage;
  const there = request({ hostname, port, method: req.method, path: req.url, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(res);
  });
  there.on("error", () => res.headersSent || res.writeHead(502).end("The login page does not run.\n"));
  req.pipe(there);
}
