import type { IDataObject } from 'n8n-workflow';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { answer, chatItem, route } from '../../test/samples';
import { RoutePrompt } from './RoutePrompt.node';

let scorer: FakeServer;
let decision: { status?: number; body: object; delay?: number };

beforeEach(async () => (scorer = await startServer(() => decision)));
afterEach(async () => await scorer.close());

async function run(parameters: IDataObject = {}, item = chatItem()) {
	const credentials = { scorerUrl: scorer.url, serviceToken: 'secret' };
	const outputs = await new RoutePrompt().execute.call(fakeContext({ items: [item], credentials, parameters }).context);
	const index = outputs.findIndex((items) => items.length > 0);
	return { output: new RoutePrompt().description.outputNames?.[index], json: outputs[index]?.[0]?.json as IDataObject };
}

it.each([
	['small', 'local', 'Small local'],
	['medium', 'local', 'Medium local'],
	['large', 'local', 'Large local'],
	['cloud', 'cloud', 'Cloud'],
])('sends the tier %s (%s) to %s', async (tier, kind, output) => {
	decision = { body: { ...route, tier, decision: kind } };
	expect((await run()).output).toBe(output);
});

it('asks with the request as it came, and the service token', async () => {
	decision = { body: route };
	await run({ thresholds: { small: 0.5 } }, chatItem({ privacy: 'local-only', max_tokens: 7 }));
	expect(scorer.received[0]).toMatchObject({
		url: '/v1/route',
		headers: { authorization: 'Bearer secret', 'x-request-id': 'r-1' },
		body: { request_id: 'r-1', messages: [{ role: 'user', content: 'What is Python?' }], privacy: 'local-only', max_tokens: 7, thresholds: { small: 0.5 } },
	});
});

it('says which models the key may use', async () => {
	decision = { body: route };
	await run({}, chatItem({ allowed_models: ['tinyllama'] }));
	await run();
	expect(scorer.received.map(({ body }) => body.allowed_models)).toEqual([['tinyllama'], null]);
});

it('tells a refused model with the scorer’s own status', async () => {
	const error = { status: 403, code: 'model_not_allowed', message: 'This key may not use it.' };
	decision = { body: { ...route, decision: 'refused', tier: null, error } };
	expect(await run()).toMatchObject({ output: 'Refused', json: { error } });
});

it('notes how long the route took', async () => {
	decision = { body: route, delay: 40 };
	const { json } = await run();
	const { routing_seconds } = json.timings as { routing_seconds: number };
	expect(routing_seconds).toBeGreaterThan(0.03);
	expect(routing_seconds).toBeLessThan(5);
});

it('leaves the thresholds to the policy unless they are set', async () => {
	decision = { body: route };
	await run();
	expect(scorer.received[0]?.body).not.toHaveProperty('thresholds');
});

it('takes the answer of a cached request over, as one from the cache', async () => {
	decision = { body: { ...route, decision: 'cached', cached_answer: answer } };
	const { output, json } = await run();
	expect([output, (json.answer as IDataObject).backend, (json.answer as IDataObject).text]).toEqual(['Cached', 'cache', 'A language.']);
});

it('hands the scorer’s refusal on', async () => {
	const error = { status: 400, code: 'unknown_model', message: 'Unknown model.' };
	decision = { body: { ...route, decision: 'refused', tier: null, error } };
	expect(await run()).toMatchObject({ output: 'Refused', json: { error } });
});

it('refuses with 503 when the scorer is away or at odds with the token', async () => {
	decision = { status: 401, body: { error: { code: 'unauthorized', message: 'no' } } };
	expect(await run()).toMatchObject({ output: 'Refused', json: { error: { status: 503, code: 'routing_failed' } } });
	await scorer.close();
	expect(await run()).toMatchObject({ output: 'Refused', json: { error: { status: 503 } } });
});

it('makes blocks of an answer that was kept without them', async () => {
	decision = { body: { ...route, decision: 'cached', cached_answer: { ...answer, content: undefined } } };
	expect((await run()).json.answer).toMatchObject({ content: [{ type: 'text', text: 'A language.' }] });
});
