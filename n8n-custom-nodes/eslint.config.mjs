import { configWithoutCloudSupport } from '@n8n/node-cli/eslint';

export default [
	...configWithoutCloudSupport,
	{
		files: ['**/*.ts'],
		rules: {
			// core/items.ts pairs the items and wraps every error for all nodes; the rules look for both in each node.
			'@n8n/community-nodes/require-node-api-error': 'off',
			'n8n-nodes-base/node-execute-block-wrong-error-thrown': 'off',
			// These nodes work on a whole chat request, which an agent has no arguments for.
			'@n8n/community-nodes/node-usable-as-tool': 'off',
			// The triggers are webhooks of n8n's own: there is no third party to register them with.
			'@n8n/community-nodes/webhook-lifecycle-complete': 'off',
		},
	},
	{
		files: ['package.json'],
		// The package is part of the stack and is not published by itself.
		rules: { '@n8n/community-nodes/require-homepage': 'off' },
	},
];
