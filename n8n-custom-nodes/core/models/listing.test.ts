import { expect, it } from 'vitest';

import { modelsDocument } from './listing';

const about = { reason: null, max_complexity: 0.3, price: { input: '0', output: '0' }, context_window: 2048, max_output: 1024, aliases: [] };
const tiny = { ...about, name: 'tinyllama', backend: 'ollama', available: true };
const away = { ...about, name: 'phi2', backend: 'ollama', available: false, reason: 'not pulled' };
const sonnet = { ...about, name: 'claude-sonnet-5-5', backend: 'anthropic', available: true, aliases: ['claude-sonnet'] };
const ids = (allowed: string[] | null) => (modelsDocument([tiny, away, sonnet], allowed).data as Array<{ id: string }>).map(({ id }) => id);

it('lists what may be asked for now in the words of both SDKs, and every model in the stack’s own', () => {
	const document = modelsDocument([tiny, away, sonnet], null);
	expect(document).toMatchObject({ object: 'list', has_more: false, first_id: 'auto', last_id: 'claude-sonnet-5-5' });
	expect((document.data as object[])[1]).toEqual({
		...{ id: 'tinyllama', object: 'model', type: 'model', display_name: 'tinyllama', owned_by: 'local', lifecycle: 'active' },
		...{ created: 0, created_at: '1970-01-01T00:00:00Z', max_input_tokens: 2048, max_tokens: 1024 },
	});
	expect(ids(null)).toEqual(['auto', 'tinyllama', 'claude-sonnet-5-5']);
	expect(document.models).toMatchObject([
		{ name: 'tinyllama', backend: 'local', available: true, max_complexity: 0.3, price: { input: '0' } },
		{ name: 'phi2', available: false, reason: 'not pulled' },
		{ name: 'claude-sonnet-5-5', backend: 'cloud' },
	]);
});

it('lists the models of a narrow key, by any of their names', () => {
	expect(ids(['claude-sonnet'])).toEqual(['auto', 'claude-sonnet-5-5']);
	expect(ids([])).toEqual(['auto']);
});
