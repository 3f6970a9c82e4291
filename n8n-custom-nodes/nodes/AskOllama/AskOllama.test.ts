import { afterEach, expect, it } from 'vitest';

import type { Timings } from '../../core/chat';
import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { chatItem, route, target } from '../../test/samples';
import { AskOllama } from './AskOllama.node';

let ollama: FakeServer;
afterEach(async () => await ollama.close());

const reply = { message: { role: 'assistant', content: 'A language.' }, done_reason: 'stop', prompt_eval_count: 11, eval_count: 3 };

const parameters = { maxTokens: 512, systemText: 'Be right.', temperature: 0, timeout: 1 };

async function ask(item = chatItem({ route })) {
	const { context } = fakeContext({ items: [item], parameters, credentials: { ollamaUrl: `${ollama.url}/` } });
	const [answered, failed] = await new AskOllama().execute.call(context);
	return { answered: answered?.[0]?.json, failed: failed?.[0]?.json, pairedItem: (answered?.[0] ?? failed?.[0])?.pairedItem };
}

it('asks the routed model and counts real tokens', async () => {
	ollama = await startServer(() => ({ body: reply }));
	const { answered, pairedItem } = await ask(chatItem({ route, system: 'Be brief.', temperature: 0.2, stop: ['END'] }));
	expect(ollama.received[0]).toMatchObject({
		url: '/api/chat',
		body: {
			model: 'tinyllama',
			stream: false,
			messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'What is Python?' }],
			options: { num_predict: 512, num_ctx: 2048, temperature: 0.2, stop: ['END'] },
		},
	});
	expect(answered).toMatchObject({
		answer: { text: 'A language.', model: 'tinyllama', backend: 'local', stop_reason: 'stop', usage: { input_tokens: 11, output_tokens: 3 } },
	});
	expect(pairedItem).toEqual({ item: 0 });
});

it('notes how long each model took, failed ones too', async () => {
	let calls = 0;
	ollama = await startServer(() => (++calls === 1 ? { status: 500, body: { error: 'x' }, delay: 40 } : { body: reply, delay: 20 }));
	const { failed } = await ask(chatItem({ route, timings: { routing_seconds: 0.5, model_seconds: { tinyllama: 10 } } }));
	const { answered } = await ask(failed as unknown as ReturnType<typeof chatItem>);
	const { routing_seconds, model_seconds } = answered?.timings as unknown as Required<Timings>;
	expect(routing_seconds).toBe(0.5);
	expect(model_seconds.tinyllama).toBeGreaterThan(10.03);
	expect(model_seconds['mistral-7b']).toBeGreaterThan(0.015);
	expect(model_seconds['mistral-7b']).toBeLessThan(1);
});

it('leaves a spent budget the reason when a stand-in fails too', async () => {
	ollama = await startServer(() => ({ status: 500, body: { error: 'x' } }));
	const error = { status: 402, code: 'budget_exceeded', message: 'spent' };
	const { failed } = await ask(chatItem({ route, error, tries: [{ model: 'claude-sonnet-5-5', ...error }] }));
	expect(failed).toMatchObject({ error, tries: [{ code: 'budget_exceeded' }, { model: 'tinyllama', code: 'model_error' }] });
});

it('has words and a temperature of its own where the request has none', async () => {
	ollama = await startServer(() => ({ body: reply }));
	await ask();
	expect(ollama.received[0]?.body).toMatchObject({
		messages: [{ role: 'system', content: 'Be right.' }, { role: 'user' }],
		options: { temperature: 0 },
	});
});

it('never asks for more than the model gives', async () => {
	ollama = await startServer(() => ({ body: reply }));
	await ask(chatItem({ route, max_tokens: 100_000 }));
	expect(ollama.received[0]?.body.options).toMatchObject({ num_predict: 1024 });
});

it.each([
	[{ status: 404, body: { error: "model 'tinyllama' not found" } }, { status: 502, code: 'model_error' }],
	[{ status: 503, body: { error: 'busy' } }, { status: 502, code: 'model_error' }],
	[{ raw: 'oops' }, { status: 502, code: 'model_unavailable' }],
	[{ body: {} }, { status: 502, code: 'model_error' }],
	[{ delay: 3000 }, { status: 504, code: 'model_timeout' }],
])('on %j leaves by Failed with what was tried', async (behaviour, error) => {
	ollama = await startServer(() => behaviour);
	const { answered, failed } = await ask();
	expect(answered).toBeUndefined();
	expect(failed).toMatchObject({ error, tries: [{ model: 'tinyllama', ...error }] });
});

it('goes on with the next local model, and has nothing to do when none is left', async () => {
	ollama = await startServer(() => ({ body: reply }));
	const tries = [{ model: 'tinyllama', status: 502, code: 'model_error', message: 'x' }];
	expect((await ask(chatItem({ route, tries }))).answered).toMatchObject({ answer: { model: 'mistral-7b' } });
	const none = await ask(chatItem({ route: { ...route, ...target.sonnet, fallbacks: [] } }));
	expect(none.failed).toMatchObject({ error: { status: 503, code: 'no_model' } });
	expect(ollama.received).toHaveLength(1);
});
