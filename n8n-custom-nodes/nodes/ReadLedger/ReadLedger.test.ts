import { afterEach, expect, it } from 'vitest';

import type { FakeServer } from '../../test/fakes';
import { fakeContext, startServer } from '../../test/fakes';
import { ReadLedger } from './ReadLedger.node';

let ledger: FakeServer;
afterEach(async () => await ledger.close());

async function read(report: string, item: object = { request_id: 'r' }) {
	const { context } = fakeContext({ items: [item], parameters: { report }, credentials: { ledgerUrl: ledger.url } });
	return (await new ReadLedger().execute.call(context))[0]?.[0]?.json;
}

it('puts the report into the document and hands the query on', async () => {
	ledger = await startServer(() => ({ body: { total_requests: 2 } }));
	expect(await read('summary', { request_id: 'r', query: { from: '2026-11-01' } })).toMatchObject({ document: { total_requests: 2 } });
	expect(ledger.received[0]?.url).toBe('/v1/reports/summary?from=2026-11-01');
});

it('carries an error for the caller when the ledger refuses or is away', async () => {
	ledger = await startServer(() => ({ status: 400, body: { error: { code: 'x', message: 'from: no' } } }));
	expect(await read('stats')).toMatchObject({ dialect: 'native', error: { status: 400, message: 'from: no' } });
	await ledger.close();
	expect(await read('stats')).toMatchObject({ error: { status: 503, code: 'ledger_unavailable' } });
});
