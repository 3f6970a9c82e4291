import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it } from 'vitest';

import { fakeContext } from '../test/fakes';
import type { Reply } from './reply';
import { interceptReplies, sendReply } from './reply';

const unanswered: Reply = { status: 500, body: { error: 'unanswered' } };

/** Serves one request with `act` and gives what the client saw. */
async function served(act: (response: ServerResponse) => void) {
	const server = createServer((_request, response) => act(response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
	const seen = { status: response.status, body: await response.json(), headers: response.headers };
	await new Promise((resolve) => server.close(resolve));
	return seen;
}

async function chunkOf(reply: Reply): Promise<string> {
	const { context, chunks } = fakeContext({});
	await sendReply(context, 0, reply);
	return `${JSON.stringify({ type: 'item', content: JSON.stringify(chunks[0]), metadata: {} })}\n`;
}

it('writes the reply with its status and headers, and nothing of n8n’s own lines', async () => {
	const chunk = await chunkOf({ status: 402, headers: { 'x-request-id': 'r' }, body: { text: 'hybrid ü' } });
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write('{"type":"keepalive"}\n');
		response.write(chunk);
		response.write('{"type":"end"}\n');
		response.end();
	});
	expect([seen.status, seen.body, seen.headers.get('x-request-id')]).toEqual([402, { text: 'hybrid ü' }, 'r']);
});

it('answers for an execution that ended without a reply', async () => {
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write('{"type":"begin"}\n');
		response.end();
	});
	expect([seen.status, seen.body]).toEqual([500, { error: 'unanswered' }]);
});

it('sends one reply only', async () => {
	const [first, second] = [await chunkOf({ status: 200, body: { n: 1 } }), await chunkOf({ status: 500, body: { n: 2 } })];
	const seen = await served((response) => {
		interceptReplies(response, { unanswered });
		response.write(first);
		response.write(second);
		response.end();
	});
	expect([seen.status, seen.body]).toEqual([200, { n: 1 }]);
});

it('says what is missing when nobody waits', async () => {
	const { context } = fakeContext({ streaming: false });
	await expect(sendReply(context, 0, unanswered)).rejects.toThrow('Nobody waits');
});
