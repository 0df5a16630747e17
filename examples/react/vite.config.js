import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  server: {
    port: 5173,
    strictPort: true, // the login page knows the app by its origin, port included
    proxy: { "/__auth": process.env.LOGIN_PAGE ?? "http://127.0.0.1:8080" },
  },
});
