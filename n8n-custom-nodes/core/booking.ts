/** Booking what requests cost: in the ledger, or on disk while it is away. */
import type { IDataObject } from 'n8n-workflow';

import type { ChatItem } from './chat';
import { inferencePlace, NO_USAGE } from './chat';
import { replay, setAside, spool, spoolFolder } from './spool';
import type { Stack } from './stack';
import { callService, serviceMessage } from './stack';
import { TransportError } from './transport';

const TIMEOUT_MS = 5_000;
const ATTEMPTS = 2;

/** True when the ledger has the entries, false when they wait on disk. Throws when the ledger refuses one. */
export async function bookOrSpool(stack: Stack, entries: IDataObject[]): Promise<boolean> {
	for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
		try {
			refuseLoudly(await book(stack, entries));
			return true;
		} catch (error) {
			if (!(error instanceof TransportError)) throw error;
		}
	}
	await spool(spoolFolder(), entries);
	return false;
}

/** Books everything that waits on disk, and gives the count. */
export async function replayAll(stack: Stack): Promise<number> {
	const reasons: string[] = [];
	const replayed = await replay(spoolFolder(), async (entries) => {
		reasons.push(...(await book(stack, entries)));
	});
	refuseLoudly(reasons);
	return replayed;
}

/**
 * Books entries all or none. A batch that is refused is booked one by one, so that a bad entry does not
 * hold up the others; the bad ones are put aside. Gives the reasons; throws TransportError when the
 * ledger cannot take entries now.
 */
async function book(stack: Stack, entries: IDataObject[]): Promise<string[]> {
	const response = await callService(stack, `${stack.ledgerUrl}/v1/entries`, { body: { entries }, timeout: TIMEOUT_MS });
	if (response.status < 300) return [];
	const reason = serviceMessage(response);
	// A wrong token or a busy ledger can be mended while the entries wait; a refused entry cannot.
	if (response.status !== 400) throw new TransportError('unreachable', `the cost ledger: ${reason}`);
	if (entries.length === 1) {
		await setAside(spoolFolder(), entries[0]!, reason);
		return [reason];
	}
	const reasons: string[] = [];
	for (const entry of entries) reasons.push(...(await book(stack, [entry])));
	return reasons;
}

/** Fails the execution, where an operator sees it: a cost is on disk that the ledger will not take. */
function refuseLoudly(reasons: string[]): void {
	if (reasons.length === 0) return;
	throw new Error(`The cost ledger refused ${reasons.length} entries, kept in ${spoolFolder()}: ${reasons[0]}`);
}

/** The entry of a request that was answered, or failed. */
export function ledgerEntry(item: ChatItem): IDataObject {
	const { answer, route, error, timings } = item;
	// What a model used for an answer that broke off is paid for like any other.
	const used = answer ?? error?.spent;
	return {
		request_id: item.request_id,
		occurred_at: new Date(item.received_at).toISOString(),
		model: used?.model ?? route?.model ?? item.model,
		backend: used?.backend ?? (route?.backend === 'anthropic' ? 'cloud' : 'local'),
		status: answer ? 'ok' : 'error',
		usage: { ...NO_USAGE, ...used?.usage },
		...inferencePlace(item, used),
		latency_seconds: (Date.now() - item.received_at) / 1000,
		routing_seconds: timings?.routing_seconds ?? null,
		model_seconds: used && used.backend !== 'cache' ? (timings?.model_seconds?.[used.model] ?? null) : null,
		tier: used?.tier ?? route?.tier ?? null,
		complexity: route?.complexity ?? null,
		reasoning: route?.reasoning ?? null,
		key_id: item.key_id,
		user: item.user,
		tags: item.tags,
		dialect: item.dialect,
		error_code: answer ? null : (error?.code ?? null),
	};
}

/**
 * One entry for each answer that broke off before another model took over: the provider charges for it,
 * and the request's own entry is the other model's.
 */
export function brokenOffEntries(item: ChatItem): IDataObject[] {
	const broken = (item.tries ?? []).filter(({ model, spent }) => spent && (item.answer || item.error?.spent?.model !== model));
	return broken.map((one, index) => ({
		...ledgerEntry({ ...item, answer: undefined, error: one }),
		request_id: `${item.request_id}/${index + 1}`,
		latency_seconds: null,
		routing_seconds: null,
	}));
}
