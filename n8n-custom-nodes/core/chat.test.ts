import { expect, it } from 'vitest';

import { chatItem, route } from '../test/samples';
import { nextTarget } from './chat';

const tried = (...models: string[]) => models.map((model) => ({ model, status: 502, code: 'x', message: 'x' }));

it('starts with the routed model and goes on to the fallbacks in order', () => {
	expect(nextTarget(chatItem({ route }), 'ollama')?.model).toBe('tinyllama');
	expect(nextTarget(chatItem({ route, tries: tried('tinyllama') }), 'ollama')?.model).toBe('mistral-7b');
	expect(nextTarget(chatItem({ route, tries: tried('tinyllama', 'mistral-7b') }), 'ollama')).toBeUndefined();
});

it('gives a backend only its own models', () => {
	expect(nextTarget(chatItem({ route }), 'anthropic')?.model).toBe('claude-sonnet-5-5');
	expect(nextTarget(chatItem({ route: { ...route, fallbacks: [] } }), 'anthropic')).toBeUndefined();
	expect(nextTarget(chatItem(), 'ollama')).toBeUndefined();
});
