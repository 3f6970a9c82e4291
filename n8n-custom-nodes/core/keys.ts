/** Which API keys are good: the ledger's list of hashes, kept for a while so that a request does not wait for it. */
import { createHash } from 'node:crypto';

import { Refusal } from './refusal';
import type { Stack } from './stack';
import { callService, serviceMessage } from './stack';

export interface ApiKey {
	id: string;
	name: string;
	/** An ISO time with its zone; null for a key that holds until it is revoked. */
	expires_at: string | null;
	/** Requests a minute; null for as many as may come. */
	rate_limit: number | null;
	/** The only models that it may use; null for all of them. */
	allowed_models: string[] | null;
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
	 * holds; throws Refusal: 401 for a key whose time is over, 503 when no list was ever read.
	 */
	async find(key: string): Promise<ApiKey | undefined> {
		const owner = await this.look(key);
		if (owner && this.isExpired(owner)) throw new Refusal(401, 'expired_api_key', `This API key expired at ${owner.expires_at}.`);
		return owner;
	}

	private async look(key: string): Promise<ApiKey | undefined> {
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
		const keys = response.body.keys as unknown as Array<Partial<ApiKey> & { key_hash: string }>;
		const listed = new Map(keys.map(({ key_hash, ...key }) => [key_hash, readKey(key)]));
		// The ledger lists no expired keys: those that were known are still told what is wrong with them.
		const expired = [...(this.known ?? [])].filter(([hash, key]) => this.isExpired(key) && !listed.has(hash));
		this.known = new Map([...expired, ...listed]);
		this.loadedAt = this.now();
	}

	/** A time that cannot be read is over: a key is not good for ever by mistake. */
	private isExpired({ expires_at }: ApiKey): boolean {
		return expires_at !== null && !(Date.parse(expires_at) > this.now());
	}
}

function readKey({ id = '', name = '', expires_at = null, rate_limit = null, allowed_models = null }: Partial<ApiKey>): ApiKey {
	return { id, name, expires_at, rate_limit, allowed_models };
}

const rings = new Map<string, KeyRing>();

/** The ring of a ledger, shared by all triggers of this process. */
export function keyRing(stack: Stack): KeyRing {
	const ring = rings.get(stack.ledgerUrl) ?? new KeyRing(stack);
	ring.use(stack);
	rings.set(stack.ledgerUrl, ring);
	return ring;
}
