/** Requests that wait for an identical one, and signs of life of those under way: one poll for all of a process. */
import type { ServerResponse } from 'node:http';

import type { Stack } from './stack';
import { callService } from './stack';

/** What became of the request that was waited for; `away` when the scorer does not say. */
export type Flight = 'answered' | 'free' | 'away';

const FIRST_MS = 50;
const LONGEST_MS = 250;
const SLOWER = 1.3;
/** A third of the scorer's lease. */
const ALIVE_MS = 5_000;
/** How long the scorer may be away before nobody waits for it any more. */
const PATIENCE_MS = 1_000;
const TIMEOUT_MS = 1_000;
/** As many as the scorer takes at once. */
const MOST = 10_000;

export class WaitingRoom {
	private readonly waiting = new Map<string, Set<(flight: Flight) => void>>();
	private readonly alive = new Set<string>();
	private timer: NodeJS.Timeout | undefined;
	private polling = false;
	private pause = FIRST_MS;
	private toldAliveAt = 0;
	private answeredAt = 0;

	constructor(private stack: Stack) {}

	/** Takes over changed addresses and tokens. */
	use(stack: Stack): void {
		this.stack = stack;
	}

	/** Waits for the request with this cache key; `left` lets go early. */
	async wait(cacheKey: string, left: AbortSignal): Promise<Flight> {
		const { promise, resolve } = Promise.withResolvers<Flight>();
		const others = this.waiting.get(cacheKey) ?? new Set();
		this.waiting.set(cacheKey, others.add(resolve));
		left.addEventListener('abort', () => resolve('free'), { once: true });
		if (this.waiting.size === 1 && others.size === 1) this.answeredAt = Date.now();
		this.pause = FIRST_MS;
		this.schedule(FIRST_MS);
		try {
			return await promise;
		} finally {
			others.delete(resolve);
			if (others.size === 0 && this.waiting.get(cacheKey) === others) this.waiting.delete(cacheKey);
		}
	}

	/** Keeps the places of a request until its response is closed. */
	keep(requestId: string, response: ServerResponse): void {
		if (this.alive.size === 0) this.toldAliveAt = Date.now();
		this.alive.add(requestId);
		response.once('close', () => this.alive.delete(requestId));
		if (!this.timer && !this.polling) this.schedule(ALIVE_MS);
	}

	private schedule(milliseconds: number): void {
		if (this.polling) return;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => void this.poll(), milliseconds);
		this.timer.unref();
	}

	private async poll(): Promise<void> {
		this.timer = undefined;
		this.polling = true;
		const now = Date.now();
		const keys = [...this.waiting.keys()].slice(0, MOST);
		const tellsAlive = now - this.toldAliveAt >= ALIVE_MS - FIRST_MS;
		const alive = tellsAlive ? [...this.alive].slice(0, MOST) : [];
		if (tellsAlive) this.toldAliveAt = now;
		try {
			if (keys.length > 0 || alive.length > 0) await this.ask(keys, alive);
		} finally {
			this.polling = false;
			if (this.waiting.size > 0) this.schedule(this.pause);
			else if (this.alive.size > 0) this.schedule(Math.max(this.toldAliveAt + ALIVE_MS - Date.now(), FIRST_MS));
			this.pause = Math.min(this.pause * SLOWER, LONGEST_MS);
		}
	}

	private async ask(cacheKeys: string[], alive: string[]): Promise<void> {
		const body = { cache_keys: cacheKeys, alive };
		const said = await callService(this.stack, `${this.stack.scorerUrl}/v1/joined`, { body, timeout: TIMEOUT_MS })
			.then((response) => (response.status === 200 ? (response.body.joined as Record<string, string>) : undefined))
			.catch(() => undefined);
		if (said) this.answeredAt = Date.now();
		else if (Date.now() - this.answeredAt < PATIENCE_MS) return;
		for (const key of cacheKeys) {
			const flight = said ? said[key] : 'away';
			if (flight !== 'wait') this.release(key, (flight ?? 'away') as Flight);
		}
	}

	private release(cacheKey: string, flight: Flight): void {
		const waiters = this.waiting.get(cacheKey);
		this.waiting.delete(cacheKey);
		for (const resolve of waiters ?? []) resolve(flight);
	}
}

const rooms = new Map<string, WaitingRoom>();

/** The room of a scorer, shared by all triggers of this process. */
export function waitingRoom(stack: Stack): WaitingRoom {
	const room = rooms.get(stack.scorerUrl) ?? new WaitingRoom(stack);
	room.use(stack);
	rooms.set(stack.scorerUrl, room);
	return room;
}
