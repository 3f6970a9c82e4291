/** Asking the scorer before an execution starts, and telling it at the end: limits, cache hits, identical requests. */
import type { ServerResponse } from 'node:http';

import { bookOrSpool, ledgerEntry } from './booking';
import type { ChatItem, ChatRequest, Failure, Route } from './chat';
import { fromCache } from './chat';
import { dialects } from './dialects';
import { newEncoder } from './dialects/streams';
import type { ApiKey } from './keys';
import { Settled } from './receive';
import { routeRequest } from './route-request';
import type { Stack } from './stack';
import { callService } from './stack';
import { secondsSince } from './timing';
import { waitingRoom } from './waiting';

const ADMIT_TIMEOUT_MS = 1_000;
const DONE_TIMEOUT_MS = 1_000;
/** Who waited for so many identical requests in vain asks a model itself. */
const MOST_LEADERS = 2;

/** The scorer's answer to `POST /v1/admit`. */
interface Admission {
	decision: 'go' | 'wait' | 'cached' | 'refused';
	cache_key: string | null;
	rate: { limit: number; remaining: number; reset: number } | null;
	leader?: string;
	route?: Route;
	error?: Failure;
}

export interface Door {
	stack: Stack;
	response: ServerResponse;
	owner: ApiKey;
	/** Whether a cache hit is answered here. */
	answersHits: boolean;
	/** Told of an entry that the ledger will not take. */
	complain: (message: string) => void;
}

/**
 * The request, when it may start an execution; settled when it was refused, has its answer in the cache,
 * or its caller left while it waited for an identical one. A scorer that is away stops nobody.
 */
export async function admit(request: ChatRequest, door: Door): Promise<ChatRequest | Settled> {
	const begun = performance.now();
	const left = new AbortController();
	door.response.once('close', () => left.abort());
	const said = await askUntilSure(request, door, left.signal);
	if (left.signal.aborted) return new Settled();
	if (said?.decision === 'refused' && said.error) return refused(request, said.error);
	if (said?.decision === 'cached' && said.route?.cached_answer) return hit(request, door, said.route, begun);
	if (said) waitingRoom(door.stack).keep(request.request_id, door.response);
	return request;
}

async function askUntilSure(request: ChatRequest, door: Door, left: AbortSignal): Promise<Admission | undefined> {
	const leaders = new Set<string>();
	let said = await ask(request, door, false);
	tellRate(door.response, said);
	while (said?.decision === 'wait' && said.cache_key && said.leader) {
		if (leaders.add(said.leader).size > MOST_LEADERS) break;
		const flight = await waitingRoom(door.stack).wait(said.cache_key, left);
		if (left.aborted || flight === 'away') return undefined;
		said = await ask(request, door, true);
	}
	return said;
}

async function ask(request: ChatRequest, { stack, owner, answersHits }: Door, waited: boolean): Promise<Admission | undefined> {
	const own = { rate_limit: owner.rate_limit, max_concurrent: null, waited, takes_cached: answersHits };
	const call = { body: { ...routeRequest(request), ...own }, requestId: request.request_id, timeout: ADMIT_TIMEOUT_MS };
	try {
		const { status, body } = await callService(stack, `${stack.scorerUrl}/v1/admit`, call);
		return status === 200 ? (body as unknown as Admission) : undefined;
	} catch {
		return undefined;
	}
}

/** On every answer to the caller, whoever writes it. */
function tellRate(response: ServerResponse, said: Admission | undefined): void {
	for (const [name, value] of Object.entries(said?.rate ?? {})) response.setHeader(`x-ratelimit-${name}`, String(value));
}

function refused({ dialect, request_id }: ChatRequest, error: Failure): Settled {
	const format = dialects[dialect];
	return new Settled({ status: format.status(error), headers: retryHeaders(error), body: format.failure(error, [], request_id) });
}

/** The `Retry-After` of a failure that passes. */
export function retryHeaders({ retry_after }: Failure): Record<string, string> {
	return retry_after === undefined || retry_after === null ? {} : { 'retry-after': String(Math.ceil(retry_after)) };
}

function hit(request: ChatRequest, { stack, complain }: Door, found: Route, begun: number): Settled {
	const { cached_answer, ...route } = found;
	const timings = { routing_seconds: secondsSince(begun) };
	const item: ChatItem = { ...request, route, answer: fromCache(cached_answer!), cost: '0', timings };
	// The caller does not wait for the books; without the ledger the entry waits on disk.
	void bookOrSpool(stack, [ledgerEntry(item)]).catch((error: Error) => complain(error.message));
	const reply = { status: 200, body: dialects[request.dialect].answer(item) };
	return new Settled(reply, request.stream ? newEncoder(request) : undefined);
}

/** The end of a request: its answer may be given again where `keeps`, and then its places are free. */
export async function leave(stack: Stack, item: ChatItem, keeps: boolean): Promise<void> {
	const { request_id, answer, route } = item;
	const kept = keeps && isTheRoutesOwn(item) ? { cache_key: route?.cache_key, answer } : {};
	const body = { request_id, ok: answer !== undefined, ...kept };
	// The caller has the answer already, and what is not told runs out by itself.
	await callService(stack, `${stack.scorerUrl}/v1/done`, { body, requestId: request_id, timeout: DONE_TIMEOUT_MS }).catch(() => undefined);
}

/** Not one out of the cache, nor that of a weaker model that stood in for a while. */
function isTheRoutesOwn({ answer, route, privacy, cache }: ChatItem): boolean {
	if (!answer || !route?.cache_key || answer.backend === 'cache') return false;
	if (privacy === 'local-only' || cache === 'off') return false;
	return !(route.backend === 'anthropic' && answer.backend === 'local');
}
