import { createHash } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { FakeServer } from '../test/fakes';
import { startServer } from '../test/fakes';
import { KeyRing } from './keys';
import type { Stack } from './stack';

const hash = (key: string) => createHash('sha256').update(key).digest('hex');

describe('KeyRing', () => {
	let keys: string[];
	let more: object;
	let working: boolean;
	let clock: number;
	let ledger: FakeServer;
	let ring: KeyRing;

	beforeEach(async () => {
		[keys, more, working, clock] = [['good'], {}, true, 0];
		ledger = await startServer(() =>
			working
				? { body: { keys: keys.map((key) => ({ id: `id-${key}`, name: key, key_hash: hash(key), ...more })) } }
				: { status: 503, body: { error: { code: 'ledger_unavailable', message: 'away' } } },
		);
		ring = new KeyRing({ ledgerUrl: ledger.url, serviceToken: 't' } as Stack, () => clock);
	});
	afterEach(async () => await ledger.close());

	it('knows good keys and asks the ledger once for many requests', async () => {
		const found = await Promise.all([ring.find('good'), ring.find('good'), ring.find('bad')]);
		expect(found.map((one) => one?.id)).toEqual(['id-good', 'id-good', undefined]);
		expect(ledger.received).toHaveLength(1);
		expect(ledger.received[0]?.headers.authorization).toBe('Bearer t');
	});

	it('finds a new key at once, but is not driven by a flood of wrong ones', async () => {
		await ring.find('good');
		keys.push('new');
		clock += 2000;
		expect((await ring.find('new'))?.name).toBe('new');
		for (let i = 0; i < 20; i++) await ring.find(`wrong-${i}`);
		expect(ledger.received).toHaveLength(2);
	});

	it('drops a revoked key after half a minute', async () => {
		await ring.find('good');
		keys = [];
		clock += 31_000;
		await ring.find('good');
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(await ring.find('good')).toBeUndefined();
	});

	it('keeps known keys good while the ledger is away', async () => {
		await ring.find('good');
		working = false;
		clock += 3_600_000;
		expect((await ring.find('good'))?.id).toBe('id-good');
		expect(await ring.find('bad')).toBeUndefined();
	});

	it('reads what a key may do; a key of an older ledger may do everything', async () => {
		expect(await ring.find('good')).toEqual({ id: 'id-good', name: 'good', expires_at: null, rate_limit: null, allowed_models: null });
		more = { expires_at: '2030-01-01T00:00:00+00:00', rate_limit: 60, allowed_models: ['tinyllama'] };
		keys.push('narrow');
		clock += 2000;
		expect(await ring.find('narrow')).toMatchObject({ rate_limit: 60, allowed_models: ['tinyllama'] });
	});

	it('refuses a key from the moment on at which it expires, while the list is kept', async () => {
		more = { expires_at: '1970-01-01T00:00:10+00:00' };
		clock = 9_999;
		expect((await ring.find('good'))?.id).toBe('id-good');
		clock = 10_000;
		await expect(ring.find('good')).rejects.toMatchObject({ status: 401, code: 'expired_api_key' });
		expect(ledger.received).toHaveLength(1);
	});

	it('still says so when the ledger no longer lists the key, or is away', async () => {
		more = { expires_at: '1970-01-01T00:00:10+00:00' };
		await ring.find('good');
		[keys, clock] = [['new'], 20_000];
		more = {};
		expect((await ring.find('new'))?.id).toBe('id-new');
		await expect(ring.find('good')).rejects.toMatchObject({ code: 'expired_api_key' });
		working = false;
		clock += 3_600_000;
		await expect(ring.find('good')).rejects.toMatchObject({ code: 'expired_api_key' });
		working = true;
		keys.push('good');
		await ring.find('unknown');
		expect((await ring.find('good'))?.id).toBe('id-good');
	});

	it('holds a key for expired whose time it cannot read', async () => {
		more = { expires_at: 'soon' };
		await expect(ring.find('good')).rejects.toMatchObject({ status: 401, code: 'expired_api_key' });
	});

	it('says 503, not 401, when it never had a list', async () => {
		working = false;
		await expect(ring.find('good')).rejects.toMatchObject({ status: 503, code: 'keys_unavailable' });
		await expect(ring.find('good')).rejects.toMatchObject({ status: 503 });
		working = true;
		clock += 2000;
		expect((await ring.find('good'))?.id).toBe('id-good');
	});
});
