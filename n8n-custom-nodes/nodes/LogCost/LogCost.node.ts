import type { IDataObject, IExecuteFunctions, INodeExecutionData, INodeType, INodeTypeDescription } from 'n8n-workflow';
import { NodeConnectionTypes } from 'n8n-workflow';

import type { ChatItem } from '../../core/chat';
import { NO_USAGE } from '../../core/chat';
import { forEachItem } from '../../core/items';
import { replay, setAside, spool, spoolFolder } from '../../core/spool';
import type { Stack } from '../../core/stack';
import { callService, readStack, serviceMessage } from '../../core/stack';
import { TransportError } from '../../core/transport';
import { entryIsSafe, spoolWaiting } from '../../core/unbooked';

const TIMEOUT_MS = 5_000;
const ATTEMPTS = 2;

process.once('exit', () => spoolWaiting(ledgerEntry));

export class LogCost implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Log Cost',
		name: 'logCost',
		icon: { light: 'file:logCost.svg', dark: 'file:logCost.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{$parameter["operation"] === "replay" ? "book what waits" : "in the ledger"}}',
		description: 'Books what a request cost in the ledger; while the ledger is away the entries wait on disk',
		defaults: { name: 'Log Cost' },
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'hybridAiApi', required: true }],
		properties: [
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Log Request', value: 'log', action: 'Log what a request cost', description: 'Book the request that the item carries' },
					{ name: 'Replay Waiting', value: 'replay', action: 'Replay waiting entries', description: 'Book the entries that wait on disk' },
				],
				default: 'log',
			},
		],
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const stack = await readStack(this);
		const operation = this.getNodeParameter('operation', 0) as string;
		return await forEachItem<ChatItem>(this, 1, async (item) => {
			if (operation === 'replay') return { item: await replayAll(stack) };
			const entry = ledgerEntry(item);
			const booked = await bookOrSpool(stack, entry);
			entryIsSafe(item.request_id);
			return { item: { request_id: item.request_id, booked } };
		});
	}
}

/** True when the ledger has the entry, false when it waits on disk. */
async function bookOrSpool(stack: Stack, entry: IDataObject): Promise<boolean> {
	for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
		try {
			refuseLoudly(await book(stack, [entry]));
			return true;
		} catch (error) {
			if (!(error instanceof TransportError)) throw error;
		}
	}
	await spool(spoolFolder(), [entry]);
	return false;
}

async function replayAll(stack: Stack): Promise<IDataObject> {
	const reasons: string[] = [];
	const replayed = await replay(spoolFolder(), async (entries) => {
		reasons.push(...(await book(stack, entries)));
	});
	refuseLoudly(reasons);
	return { replayed };
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

function ledgerEntry(item: ChatItem): IDataObject {
	const { answer, route, error, timings } = item;
	return {
		request_id: item.request_id,
		occurred_at: new Date(item.received_at).toISOString(),
		model: answer?.model ?? route?.model ?? item.model,
		backend: answer?.backend ?? (route?.backend === 'anthropic' ? 'cloud' : 'local'),
		status: answer ? 'ok' : 'error',
		usage: { ...NO_USAGE, ...answer?.usage },
		latency_seconds: (Date.now() - item.received_at) / 1000,
		routing_seconds: timings?.routing_seconds ?? null,
		model_seconds: answer && answer.backend !== 'cache' ? (timings?.model_seconds?.[answer.model] ?? null) : null,
		tier: answer?.tier ?? route?.tier ?? null,
		complexity: route?.complexity ?? null,
		reasoning: route?.reasoning ?? null,
		key_id: item.key_id,
		user: item.user,
		tags: item.tags,
		dialect: item.dialect,
		error_code: answer ? null : (error?.code ?? null),
	};
}
