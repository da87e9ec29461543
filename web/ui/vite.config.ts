import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { appIcons } from './scripts/icons.mjs';

// The Go binary embeds dist/ and serves dist/app under a content security policy of 'self': nothing may be inlined.
export default defineConfig({
  plugins: [svelte(), appIcons()],
  base: '/',
  build: {
    outDir: 'dist/app',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
  resolve: process.env['VITEST'] ? { conditions: ['browser'] } : {},
  test: { include: ['src/**/*.test.ts'], environment: 'node', css: true },
});
