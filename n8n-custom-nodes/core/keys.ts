/** Which API keys are good: the ledger's list of hashes, kept for a while so that a request does not wait for it. */
import { createHash } from 'node:crypto';

import { Refusal } from './refusal';
import type { Stack } from './stack';
import { callService, serviceMessage } from './stack';

export interface ApiKey {
	id: string;
	name: string;
}

const FRESH_MS = 30_000;
/** An unknown key asks the ledger again at once, but a flood of wrong keys does so only this often. */
const RETRY_MS = 1_000;
const TIMEOUT_MS = 3_000;

export class KeyRing {
	private known: Map<string, ApiKey> | undefined;
	private loadedAt = -Infinity;
	private triedAt = -Infinity;
	private loading: Promise<void> | undefined;

	constructor(private stack: Stack, private readonly now: () => number = Date.now) {}

	/** Takes over changed addresses and tokens. */
	use(stack: Stack): void {
		this.stack = stack;
	}

	/**
	 * The key's owner, or undefined for a key that is not good. While the ledger is away the last list
	 * holds; throws Refusal (503) when none was ever read.
	 */
	async find(key: string): Promise<ApiKey | undefined> {
		const hash = createHash('sha256').update(key).digest('hex');
		const owner = this.known?.get(hash);
		const age = this.now() - this.loadedAt;
		if (owner) {
			if (age > FRESH_MS) void this.load().catch(() => undefined);
			return owner;
		}
		if (this.now() - this.triedAt > RETRY_MS || this.loading) {
			await this.load().catch((error: Error) => {
				if (!this.known) throw new Refusal(503, 'keys_unavailable', `API keys cannot be checked now: ${error.message}`);
			});
		}
		if (!this.known) throw new Refusal(503, 'keys_unavailable', 'API keys cannot be checked now; try again in a second');
		return this.known.get(hash);
	}

	private async load(): Promise<void> {
		this.loading ??= this.fetch().finally(() => (this.loading = undefined));
		await this.loading;
	}

	private async fetch(): Promise<void> {
		this.triedAt = this.now();
		const response = await callService(this.stack, `${this.stack.ledgerUrl}/v1/keys/active`, { timeout: TIMEOUT_MS });
		if (response.status !== 200) throw new Error(`the cost ledger ${serviceMessage(response)}`);
		const keys = response.body.keys as unknown as Array<ApiKey & { key_hash: string }>;
		this.known = new Map(keys.map(({ id, name, key_hash }) => [key_hash, { id, name }]));
		this.loadedAt = this.now();
	}
}

const rings = new Map<string, KeyRing>();

/** The ring of a ledger, shared by all triggers of this process. */
export function keyRing(stack: Stack): KeyRing {
	const ring = rings.get(stack.ledgerUrl) ?? new KeyRing(stack);
	ring.use(stack);
	rings.set(stack.ledgerUrl, ring);
	return ring;
}
