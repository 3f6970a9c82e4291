import { afterEach, beforeEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { ScorePrompt } from './ScorePrompt.node';

let answer: { status?: number; body?: object };
let scorer: FakeServer;
beforeEach(async () => {
	scorer = await startServer(() => answer);
});
afterEach(async () => await scorer.close());

async function score(body: object) {
	const items = [{ request_id: 'r', body }];
	const { context } = fakeContext({ items, credentials: { scorerUrl: scorer.url, serviceToken: 'token' } });
	return (await new ScorePrompt().execute.call(context))[0]?.[0]?.json;
}

it('sends the prompt and puts what the scorer says into the document, the cost as a number', async () => {
	answer = { body: { complexity: 0.8, recommended_model: 'claude-sonnet-5-5', backend: 'cloud', estimated_cost: '0.0051' } };
	const document = { complexity: 0.8, recommended_model: 'claude-sonnet-5-5', backend: 'cloud', estimated_cost: 0.0051 };
	expect(await score({ prompt: 'Prove it.' })).toMatchObject({ request_id: 'r', document });
	const [sent] = scorer.received;
	expect(sent).toMatchObject({ method: 'POST', url: '/v1/complexity', body: { prompt: 'Prove it.' } });
	expect(sent?.headers).toMatchObject({ authorization: 'Bearer token', 'x-request-id': 'r' });
});

it('does not make an unknown cost a 0, and hands on why no model can take the prompt', async () => {
	const error = { code: 'cloud_not_configured', message: 'no key' };
	answer = { body: { recommended_model: null, backend: null, estimated_cost: null, error } };
	const item = await score({ prompt: 'Hi' });
	expect(item).toMatchObject({ document: { recommended_model: null, estimated_cost: null, error } });
	expect(item).not.toHaveProperty('error');
});

it.each([
	[{}, 400, 'invalid_request', 'prompt'],
	[{ prompt: 7 }, 400, 'invalid_request', 'prompt'],
	[{ prompt: ' \n' }, 400, 'invalid_request', 'prompt'],
	[{ prompt: '\ud800' }, 400, 'invalid_request', 'Unicode'],
	[{ prompt: 'Hi', model: 'auto' }, 400, 'unsupported_parameter', 'model'],
	[{ prompt: 'x'.repeat(100_001) }, 413, 'prompt_too_long', '100,000'],
])('refuses a body like a chat does, without asking the scorer: %#', async (body, status, code, names) => {
	expect(await score(body)).toMatchObject({ dialect: 'native', error: { status, code, message: expect.stringContaining(names) } });
	expect(scorer.received).toEqual([]);
});

it('takes a prompt of exactly 100,000 characters', async () => {
	answer = { body: { complexity: 0.1, estimated_cost: '0' } };
	expect(await score({ prompt: 'x'.repeat(100_000) })).toMatchObject({ document: { estimated_cost: 0 } });
});

it('tells the caller of a limit of the policy, and blames nobody else for what the scorer refuses', async () => {
	answer = { status: 413, body: { error: { code: 'prompt_too_long', message: 'the limit is 10' } } };
	expect(await score({ prompt: 'Hi' })).toMatchObject({ error: { status: 413, code: 'prompt_too_long', message: 'the limit is 10' } });
	answer = { status: 401, body: { error: { code: 'unauthorized', message: 'no token' } } };
	expect(await score({ prompt: 'Hi' })).toMatchObject({ error: { status: 503, code: 'scorer_unavailable', message: 'no token' } });
	await scorer.close();
	expect(await score({ prompt: 'Hi' })).toMatchObject({ dialect: 'native', error: { status: 503, code: 'scorer_unavailable' } });
});
