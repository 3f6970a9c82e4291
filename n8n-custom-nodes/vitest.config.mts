import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['{core,nodes,credentials}/**/*.test.ts'],
		// The CommonJS build, as n8n itself loads it: the other one does not resolve outside a bundler.
		alias: { 'n8n-workflow': createRequire(import.meta.url).resolve('n8n-workflow') },
		server: { deps: { external: [/n8n-workflow/] } },
	},
});
